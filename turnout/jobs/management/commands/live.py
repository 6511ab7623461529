"""The live process."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.jobs.server import live


class Command(BaseCommand):
    """Serves streams by granian."""

    help = "Keep live streams open, beside the server: docs/live.md."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add where."""
        parser.add_argument("--bind", default="127.0.0.1:8001", metavar="HOST:PORT")

    def handle(self, *_: Any, **options: Any) -> None:
        """Serve until stopped."""
        try:
            where = urlsplit(f"//{options['bind']}")
            live(where.hostname or "127.0.0.1", where.port or 8001)
        except (ImproperlyConfigured, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"Can't serve on {options['bind']}: {error}") from error
