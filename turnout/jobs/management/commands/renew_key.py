"""A new key that signs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from turnout.certificates.credentials import PURPOSE as CREDENTIAL
from turnout.core import keys
from turnout.registrations.tickets import TICKET


class Command(BaseCommand):
    """Makes a key."""

    help = "Make a new key that signs from now on. What the ones before it signed stays valid."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what it signs."""
        parser.add_argument("purpose", choices=[TICKET, CREDENTIAL])

    def handle(self, *_: Any, **options: Any) -> None:
        """Make it, and say its id."""
        self.stdout.write(f"The key {keys.renew(options['purpose'])} signs from now on.")
