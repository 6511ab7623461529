"""What `make run` runs."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.jobs.demo import load_demo, page
from turnout.jobs.server import check_free, serve

_HOST = "127.0.0.1"


class Command(BaseCommand):
    """Serves with demo data, on this machine alone."""

    help = "Serve Turnout with demo data on this machine, to try it. The environment's PORT must be the same port."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the port."""
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *_: Any, **options: Any) -> None:
        """Bring the database up to date, load what is missing, say where everything is, and serve until stopped."""
        port = options["port"]
        if not settings.LOCAL:
            raise CommandError(
                "This is a production configuration (SECRET_KEY, DEBUG or ALLOWED_HOSTS is set), and the demo would "
                "put an administrator into it whose password lies in a file. To serve it: manage.py serve."
            )
        try:
            check_free(_HOST, port)
            call_command("migrate", verbosity=0, interactive=False)
            self.stdout.write(page(f"http://{_HOST}:{port}", load_demo()))
            self.stdout.flush()  # or the server's processes would inherit what a pipe has not taken yet
            serve(_HOST, port, demo=True)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"Can't serve on port {port}: {error}. Try another: make run PORT={port + 1}."
            ) from error
