"""The room's place in Django."""

from django.apps import AppConfig


class AttendanceConfig(AppConfig):
    """Attendance."""

    name = "turnout.attendance"
    verbose_name = "Attendance"
