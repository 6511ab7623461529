"""Bounces from the mail server's alias."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from turnout.notifications.actions import note_bounce
from turnout.notifications.bounces import bounces_in

_MOST = 10 * 1024 * 1024  # bytes


class Command(BaseCommand):
    """Notes which messages came back. Says nothing: mail servers send what a pipe says back to somebody."""

    help = "Read delivery status notifications, one or an mbox, from standard input, and note what came back."

    def handle(self, *_: Any, **options: Any) -> None:
        """Read and note."""
        try:
            noted = sum(
                note_bounce(bounce.message_id, bounce.said) for bounce in bounces_in(sys.stdin.buffer.read(_MOST))
            )
        except OperationalError as error:
            # The mail server tries again later (sysexits.h).
            raise CommandError("The database is away.", returncode=os.EX_TEMPFAIL) from error
        if options["verbosity"] > 1:
            self.stdout.write(f"{noted} noted.")
