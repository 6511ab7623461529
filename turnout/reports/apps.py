"""The room's place in Django: it has templates, and no models."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Reports."""

    name = "turnout.reports"
    verbose_name = "Reports"
