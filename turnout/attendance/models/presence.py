"""Presence beyond the doors: online, and what counts as having been there."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.attendance.models.devices import LONGEST_LABEL
from turnout.core.ids import new_id
from turnout.events.models import Event, Session
from turnout.registrations.models import Registration


class Stay(models.Model):
    """That somebody was there online, from when to when, as another system reports it.

    The earliest joining and the latest leaving that were ever told: so what is told in another order is the same. Where
    that leaving is before the joining, there is no time between them until more is told.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="stays")
    stay_id = models.CharField(max_length=64)  # the other system's name for it
    source = models.CharField(max_length=LONGEST_LABEL)  # that system
    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="stays")
    session = models.ForeignKey(
        Session, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="stays"
    )  # null is the event as a whole
    joined_at = models.DateTimeField(null=True)  # null: only the leaving is known yet
    left_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["joined_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "stay_id"], name="stay_once_per_event"),
            models.CheckConstraint(condition=~Q(stay_id="") & ~Q(source=""), name="stay_names_itself_and_its_source"),
            models.CheckConstraint(
                condition=Q(joined_at__isnull=False) | Q(left_at__isnull=False), name="stay_says_when"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.stay_id}"


class DoorRules(models.Model):
    """What an event has decided about its doors; an event without a row has the defaults."""

    event = models.OneToOneField(Event, primary_key=True, on_delete=models.CASCADE, related_name="door_rules")
    # So many minutes in a session, or in so many percent of it, have to be there before it counts as attended.
    min_minutes = models.PositiveSmallIntegerField(default=0)
    min_percent = models.PositiveSmallIntegerField(default=0)
    names_offline = models.BooleanField(default=False)  # whether bundles hold names, each sealed under its ticket
    self_check_in = models.BooleanField(default=False)  # by the room's code

    class Meta:
        verbose_name_plural = "door rules"
        constraints: ClassVar = [models.CheckConstraint(condition=Q(min_percent__lte=100), name="door_rules_percent")]

    def __str__(self) -> str:
        return f"{self.event_id}"


class DoorNote(models.Model):
    """What the team wants to be seen at the door of somebody: "Speaker, to room 2"."""

    registration = models.OneToOneField(
        Registration, primary_key=True, on_delete=models.CASCADE, related_name="door_note"
    )
    text = models.CharField(max_length=500)
    made_by = models.CharField(max_length=60)  # as the audit trail knows them
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(text=""), name="door_note_says_something")]

    def __str__(self) -> str:
        return self.text
