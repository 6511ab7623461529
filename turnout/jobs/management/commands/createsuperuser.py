"""Django's createsuperuser, which enrols the second factor too."""

import io
from typing import Any

import segno
from django.contrib.auth.management.commands.createsuperuser import Command as DjangoCommand
from django.core.management.base import CommandError

from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.models import User
from turnout.core.errors import DomainError


class Command(DjangoCommand):
    """Prints the link that enrols the second factor, without which the admin lets nobody in."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Create the superuser, then enrol."""
        known = set(User.objects.values_list("pk", flat=True))
        try:
            result = super().handle(*args, **options)
        except DomainError as error:
            raise CommandError(error.detail) from error
        for user in User.objects.filter(is_superuser=True).exclude(pk__in=known):
            link = enrol_second_factor(user)
            drawn = io.StringIO()  # the command's own output ends every write with a newline
            segno.make(link).terminal(drawn, compact=True)
            self.stdout.write(f"{drawn.getvalue()}\nScan this with an authenticator app, or open: {link}")
            self.stdout.write("Then make recovery codes in the admin, at My second factor.")
        return result
