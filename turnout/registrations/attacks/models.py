"""What attack mode is switched by, and what was rolled back."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.core.ids import new_id
from turnout.events.models import Event

PLATFORM = "platform"


class Alarm(models.Model):
    """Attack mode, of the platform or of one event. No row: calm, and the event watches itself."""

    class Mode(models.TextChoices):
        """Who decided."""

        ON = "on"  # staff
        OFF = "off"  # staff, whatever it looks like
        DETECTED = "detected"  # by itself, and it ends by itself

    place = models.CharField(max_length=36, primary_key=True)  # `platform`, or the event's id
    event = models.OneToOneField(Event, null=True, on_delete=models.CASCADE, related_name="alarm")
    mode = models.CharField(max_length=8, choices=Mode)
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(place=PLATFORM, event__isnull=True, mode="on")
                | ~Q(place=PLATFORM) & Q(event__isnull=False),
                name="alarm_of_platform_or_event",
            ),
            models.CheckConstraint(condition=Q(mode__in=["on", "off", "detected"]), name="alarm_has_a_mode"),
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.mode}"


class Rollback(models.Model):
    """One deed: quarantined registrations of an event, cancelled together. They name it in `rolled_back_by`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="rollbacks")
    count = models.PositiveIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(count__gte=1), name="rollback_of_somebody"),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | Q(undone_at__gte=models.F("at")), name="rollback_undone_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} at {self.at}"
