"""The room's place in Django."""

from django.apps import AppConfig


class GuardConfig(AppConfig):
    """Guard."""

    name = "turnout.guard"
    verbose_name = "Guard"
