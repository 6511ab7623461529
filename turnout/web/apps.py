"""The room's place in Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Web."""

    name = "turnout.web"
    verbose_name = "Web"
