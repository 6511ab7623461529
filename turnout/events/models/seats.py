"""The seats of an event."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from turnout.core.ids import new_id


class AttendanceType(models.TextChoices):
    """How somebody takes part."""

    ON_SITE = "on_site", _("On site")
    ONLINE = "online", _("Online")


class SeatPool(models.Model):
    """The seats of an event, in all or for one attendance type: the counters every registration goes through.

    A row of its own that no foreign key points at, so that nothing but a change of seats ever locks it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="pools")
    # Empty: the pool serves everybody, however they attend.
    attendance_type = models.CharField(max_length=7, choices=AttendanceType, blank=True)
    capacity = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: as many as come.")
    taken = models.PositiveIntegerField(default=0, editable=False)
    offered = models.PositiveIntegerField(default=0, editable=False)  # of those taken: kept for whom they are offered
    waiting = models.PositiveIntegerField(default=0, editable=False)
    seq = models.PositiveBigIntegerField(default=0, editable=False)  # the last place in line ever given
    # The event is cancelled: nobody takes a seat or joins the line any more, whatever they read of the event before.
    closed = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "attendance_type"], name="seat_pool_once_per_type"),
            models.CheckConstraint(
                condition=Q(taken__gte=0) & (Q(capacity__isnull=True) | Q(taken__lte=F("capacity"))),
                name="seats_never_oversold",
            ),
            models.CheckConstraint(
                condition=Q(offered__gte=0, offered__lte=F("taken")), name="seats_offered_are_taken"
            ),
            models.CheckConstraint(condition=Q(waiting__gte=0, waiting__lte=F("seq")), name="seats_waiting_in_line"),
        ]

    def __str__(self) -> str:
        return f"{self.taken} of {self.capacity or 'any number'}"

    @staticmethod
    def free() -> Q:
        """Return the condition under which a pool has a seat left."""
        return Q(closed=False) & (Q(capacity__isnull=True) | Q(taken__lt=F("capacity")))
