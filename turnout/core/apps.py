"""The room's place in Django."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Core."""

    name = "turnout.core"
    verbose_name = "Core"
