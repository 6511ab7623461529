"""The step of changing KEYS_SECRET between adding a secret and dropping the old ones."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from turnout.core.rotation import rotate


class Command(BaseCommand):
    """Encrypts anew."""

    help = "Encrypt all that is encrypted in the database under the first secret in KEYS_SECRET."

    def handle(self, *_: Any, **__: Any) -> None:
        """Rotate, and say what became of each column."""
        unreadable = 0
        for column in rotate():
            self.stdout.write(
                f"{column.column}: {column.resealed} encrypted anew, {column.current} were, "
                f"{column.unreadable} can't be read"
            )
            unreadable += column.unreadable
        if unreadable:
            raise CommandError("Some values are under no secret in KEYS_SECRET. Drop none before they can be read.")
