"""What was scanned at the doors: a log to which is only added, and what it comes to."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Func, Q, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from turnout.accounts.policies import Actor, runs_platform
from turnout.attendance.models.devices import LONGEST_LABEL, Device
from turnout.core.ids import new_id
from turnout.core.text import digest
from turnout.events.models import Event, Session
from turnout.registrations.models import Registration


class CodePoints(Func):
    """A text as Python compares it, by its code points, whatever the collation of the database.

    SQLite does so by itself, and MariaDB under the collation that docs/settings.md asks for.
    """

    arity = 1
    template = "%(expressions)s"
    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Name the collation."""
        return self.as_sql(compiler, connection, template='%(expressions)s COLLATE "C"', **context)


# The order of `turnout.attendance.outcomes`, the last first.
LAST_FIRST = (F("at").desc(), CodePoints("scan_id").desc())


class ScanQuerySet(models.QuerySet["Scan"]):
    """The ways in which scans are found."""

    def visible_to(self, actor: Actor) -> Self:
        """Return those at events that this actor edits."""
        if runs_platform(actor):
            return self
        return self.filter(event__in=Event.objects.run_by(actor)) if actor.is_authenticated else self.none()

    def passages(self) -> Self:
        """Return those by which somebody who may passed: what `turnout.attendance.outcomes` is about."""
        return self.filter(result__in=Scan.PASSAGES, passed=True, undone_at=None)

    def openings(self) -> Self:
        """Return the first entry of each person to each place."""
        return self.filter(opens__isnull=False)

    def last_passages(self) -> Self:
        """Return the last passage of each person at each place: where that is an entry, they are in."""
        place = (F("registration"), F("session"))
        turn = Window(RowNumber(), partition_by=place, order_by=LAST_FIRST)
        return self.passages().annotate(turn=turn).filter(turn=1)

    def open_conflicts(self) -> Self:
        """Return what the team has to look at."""
        return self.filter(undone_at=None, resolved_at=None).exclude(conflict="")


class Scan(models.Model):
    """One scan, as its device told it, and what it came to.

    `result` of the scans of one person at one place (a session, or the event as a whole) is derived from all of them:
    see `turnout.attendance.outcomes`.
    """

    class Direction(models.TextChoices):
        """Which way."""

        IN = "in", _("In")
        OUT = "out", _("Out")

    class Result(models.TextChoices):
        """What it came to."""

        CHECKED_IN = "checked_in", _("Checked in")
        ALREADY_CHECKED_IN = "already_checked_in", _("Already checked in")
        CHECKED_OUT = "checked_out", _("Checked out")
        NOT_CONFIRMED = "not_confirmed", _("Not confirmed")
        CANCELLED = "cancelled", _("Cancelled")
        WRONG_EVENT = "wrong_event", _("Another event's ticket")
        INVALID_TICKET = "invalid_ticket", _("Not a ticket of ours")
        REVOKED = "revoked", _("A newer ticket has replaced this one")

    class Conflict(models.TextChoices):
        """Why the team should look at it: somebody passed, and perhaps should not have."""

        DOUBLE_ENTRY = "double_entry", _("Went in twice")
        BAD_TICKET = "bad_ticket", _("Went in with a ticket that does not hold")
        CLOCK = "clock", _("The device's clock is ahead")

    PASSAGES: ClassVar = (Result.CHECKED_IN, Result.ALREADY_CHECKED_IN, Result.CHECKED_OUT)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="scans")
    scan_id = models.CharField(max_length=64)  # the device's name for it
    registration = models.ForeignKey(Registration, null=True, on_delete=models.CASCADE, related_name="scans")
    ticket_id = models.UUIDField(null=True)  # null where somebody was found by name, or by no ticket of ours
    # No constraint: the record stays when a session is taken off the programme.
    session = models.ForeignKey(
        Session, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="scans"
    )  # null is the event as a whole
    direction = models.CharField(max_length=3, choices=Direction, default=Direction.IN)
    scanned_at = models.DateTimeField()  # by the device's clock
    clock_offset_ms = models.BigIntegerField(default=0)  # what to add to it
    at = models.DateTimeField()  # both together
    received_at = models.DateTimeField()
    device = models.CharField(max_length=LONGEST_LABEL)
    door = models.CharField(max_length=LONGEST_LABEL, blank=True)
    paired = models.ForeignKey(Device, null=True, on_delete=models.SET_NULL, related_name="scans")
    made_by = models.CharField(max_length=60)  # as the audit trail knows them
    # Whether somebody went through by it: always so offline, and online where the answer let them.
    passed = models.BooleanField()
    result = models.CharField(max_length=18, choices=Result)
    conflict = models.CharField(max_length=12, choices=Conflict, blank=True)
    # Hash of person and place on the first entry there is, else null.
    opens = models.CharField(max_length=64, null=True, editable=False)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=60, blank=True)
    undone_reason = models.CharField(max_length=500, blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=60, blank=True)
    resolved_note = models.CharField(max_length=500, blank=True)

    objects: ClassVar[models.Manager["Scan"]] = ScanQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-scan_id"]
        indexes: ClassVar = [
            models.Index(fields=["event", "at", "id"], name="scan_by_event_and_moment"),
            # Holds all that is needed to count who came.
            models.Index(fields=["event", "registration", "opens"], name="scan_by_event_and_person"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scan_id", "event"], name="scan_once_per_event"),
            models.UniqueConstraint(fields=["opens"], name="scan_opens_once"),
            models.CheckConstraint(condition=~Q(scan_id="") & ~Q(device=""), name="scan_names_itself_and_its_device"),
            models.CheckConstraint(
                condition=Q(opens__isnull=True)
                | Q(direction="in", result="checked_in", passed=True, registration__isnull=False)
                & Q(undone_at__isnull=True),
                name="scan_that_opens_is_an_entry",
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True, undone_reason="")
                | Q(undone_at__isnull=False) & ~Q(undone_reason=""),
                name="scan_is_undone_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(result__in=["wrong_event", "invalid_ticket"]) | Q(registration__isnull=False),
                name="scan_is_of_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scan_id}: {self.result}"

    @property
    def is_passage(self) -> bool:
        """Whether somebody who may passed by it, and it was not undone."""
        return self.passed and self.undone_at is None and self.result in self.PASSAGES


def opening_key(registration_id: UUID, session_id: UUID | None) -> str:
    """Return the key that only one scan of a person at a place can have: their first entry."""
    return digest("opening", registration_id.hex, session_id.hex if session_id else "")
