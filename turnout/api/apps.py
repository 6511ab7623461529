"""The room's place in Django."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Api."""

    name = "turnout.api"
    verbose_name = "Api"
