"""The production server."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.jobs.server import THREADS, serve


class Command(BaseCommand):
    """Serves by granian."""

    help = "Serve Turnout in production, with the worker in the same processes."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add where, and with how many processes."""
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT")
        parser.add_argument("--workers", type=int, default=1, help="processes: one a core; one on SQLite")
        parser.add_argument("--threads", type=int, default=THREADS, help="in each process; 1 for many short requests")
        parser.add_argument("--no-worker", action="store_true", help="a worker runs elsewhere, or by cron")

    def handle(self, *_: Any, **options: Any) -> None:
        """Serve until stopped."""
        try:
            where = urlsplit(f"//{options['bind']}")
            host, port = where.hostname or "127.0.0.1", where.port or 8000
            many = {"processes": options["workers"], "threads": options["threads"]}
            serve(host, port, **many, worker_inside=not options["no_worker"])
        except (ImproperlyConfigured, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"Can't serve on {options['bind']}: {error}") from error
