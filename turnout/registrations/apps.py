"""The room's place in Django."""

from django.apps import AppConfig


class RegistrationsConfig(AppConfig):
    """Registrations."""

    name = "turnout.registrations"
    verbose_name = "Registrations"
