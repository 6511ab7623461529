"""A way back for staff who lost their second factor."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.accounts.actions.staff import invite_to_enrol
from turnout.accounts.models import User
from turnout.core import audit
from turnout.core.errors import DomainError


class Command(BaseCommand):
    """Prints the link that enrols a second factor."""

    help = "Print a link with which somebody on staff, by their password, sets up a new second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add for whom."""
        parser.add_argument("email")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print it."""
        try:
            user = User.objects.get_by_natural_key(options["email"])
            self.stdout.write(invite_to_enrol(user, actor=audit.SYSTEM))
        except User.DoesNotExist as error:
            raise CommandError(f"There is no account for {options['email']}.") from error
        except DomainError as error:
            raise CommandError(error.detail) from error
