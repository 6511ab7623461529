"""What stands at the doors."""

from datetime import timedelta
from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from turnout.accounts.policies import Actor, runs_platform
from turnout.core.ids import new_id
from turnout.events.models import Event

CODE_LIVES = timedelta(hours=1)
LONGEST_LABEL = 100
CLOCK_MAY_ERR = timedelta(seconds=30)


class DeviceQuerySet(models.QuerySet["Device"]):
    """The ways in which devices are found."""

    def visible_to(self, actor: Actor) -> Self:
        """Return those at events that this actor edits."""
        if runs_platform(actor):
            return self
        return self.filter(event__in=Event.objects.run_by(actor)) if actor.is_authenticated else self.none()

    def with_owner(self) -> Self:
        """Load each one's event's owner as `owner_id`, and nothing else of the event."""
        return self.annotate(owner_id=F("event__owner_id"))


class Device(models.Model):
    """A phone or tablet that scans at the doors of one event, and may do nothing else.

    It is paired by a code that works once; from then on its token says who it is. Both are known here by their hashes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="devices")
    name = models.CharField(max_length=LONGEST_LABEL)
    door = models.CharField(max_length=LONGEST_LABEL, blank=True)
    made_by = models.CharField(max_length=60)  # as the audit trail knows them
    created_at = models.DateTimeField()
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    code_expires_at = models.DateTimeField()
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)  # null: not paired
    paired_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    # What it told of itself, the last time that it did.
    seen_at = models.DateTimeField(null=True, editable=False)
    battery = models.PositiveSmallIntegerField(null=True, editable=False)  # percent
    queued = models.PositiveIntegerField(null=True, editable=False)  # scans that it has not sent yet
    # By how much its corrected clock was ahead of ours when it last sent something made that moment; milliseconds.
    clock_error_ms = models.BigIntegerField(null=True, editable=False)

    owner_id: UUID | None  # of its event, where `with_owner` loaded it

    objects: ClassVar[models.Manager["Device"]] = DeviceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name=""), name="device_has_a_name"),
            models.CheckConstraint(
                condition=Q(token_hash__isnull=True, paired_at__isnull=True)
                | Q(token_hash__isnull=False, paired_at__isnull=False),
                name="device_with_token_is_paired",
            ),
            models.CheckConstraint(condition=Q(battery__isnull=True) | Q(battery__lte=100), name="device_battery"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def clock_is_off(self) -> bool:
        """Whether its clock runs away: what it scanned without network is in doubt."""
        return self.clock_error_ms is not None and abs(self.clock_error) > CLOCK_MAY_ERR

    @property
    def clock_error(self) -> timedelta:
        """By how much its clock was ahead."""
        return timedelta(milliseconds=self.clock_error_ms or 0)
