"""The worker on its own."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from turnout.jobs.worker import run_once, run_until


class Command(BaseCommand):
    """Delivers mail and does what else is due: any number of these, on any machine."""

    help = "Deliver mail and do what else is due, until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --once."""
        parser.add_argument("--once", action="store_true", help="Do what is due now and end: for a cron line.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Work."""
        if options["once"]:
            self.stdout.write(f"{run_once()} messages taken on.")
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        run_until(stop)
