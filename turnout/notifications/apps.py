"""The room's place in Django."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Notifications."""

    name = "turnout.notifications"
    verbose_name = "Notifications"
