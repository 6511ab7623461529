"""The room's place in Django."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Jobs."""

    name = "turnout.jobs"
    verbose_name = "Jobs"
