"""Django's development server, which delivers mail too."""

import os
from typing import Any

from django.contrib.staticfiles.management.commands.runserver import Command as StaticRunserver

from turnout.jobs.worker import in_background


class Command(StaticRunserver):
    """Runs the worker beside the server."""

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Start the worker in the process that answers requests, not in the one that watches the files."""
        if os.environ.get("RUN_MAIN") == "true" or not options["use_reloader"]:
            in_background()
        super().inner_run(*args, **options)
