"""The room's place in Django."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Events."""

    name = "turnout.events"
    verbose_name = "Events"
