"""How the doors of an event stand: for its team at their desk."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, QuerySet, When

from turnout.attendance.models import Device, Scan, ScanQuerySet
from turnout.attendance.models.devices import CLOCK_MAY_ERR
from turnout.events.models import Event, Session
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.reports.arrivals import Arrivals, arrivals

# Where somebody stood: the door, or the device where no door is named.
DOOR = Case(When(door="", then=F("device")), default=F("door"))
# Stands for no place, where places are counted.
_ANYWHERE = UUID(int=0)
_OWN = tuple(field.name for field in Scan._meta.concrete_fields)
_COUNTS = {
    "entries": Count("pk", filter=Q(result=Scan.Result.CHECKED_IN)),
    "doubles": Count("pk", filter=Q(result=Scan.Result.ALREADY_CHECKED_IN)),
    "exits": Count("pk", filter=Q(result=Scan.Result.CHECKED_OUT)),
    "people_in": Count("opens"),
    "expected": Count("opens", filter=Q(registration__status=Registration.Status.CONFIRMED)),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an event's doors stand at this moment."""

    inside: int  # who went in and not out again
    people_in: int  # who ever went in
    open_conflicts: int


@dataclass(slots=True)
class Passages:
    """What happened at some door or place."""

    entries: int = 0
    doubles: int = 0  # entries of who was in already
    exits: int = 0
    people_in: int = 0  # who went in there first
    expected: int = 0  # those of them who are confirmed
    last_at: datetime | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        """Count what a row of the database counts."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + row[name])
        self.last_at = max(filter(None, (self.last_at, row["last_at"])))


@dataclass(frozen=True, slots=True)
class Place:
    """A session, or the event as a whole, as its doors saw it."""

    id: UUID | None  # None is the event as a whole
    session: Session | None  # None, too, where it is no longer on the programme
    passages: Passages
    inside: int
    missing: int


@dataclass(frozen=True, slots=True)
class Door:
    """A door, or a device that stood at none that has a name."""

    name: str
    passages: Passages


@dataclass(frozen=True, slots=True)
class Summary:
    """All that an event's doors saw."""

    standing: Standing
    expected: int  # who is confirmed
    missing: int  # who of them was nowhere at the event
    places: list[Place]  # the event as a whole, then each session
    doors: list[Door]
    arrivals: Arrivals
    conflicts: dict[str, int]
    devices: list[Device]  # whose clocks are off


def standing(event: UUID) -> Standing:
    """Return how many are in, were in, and what the team has to look at. Three queries."""
    return _standing(event, _inside(event))


def summary(event: Event) -> Summary:
    """Return what the event's doors saw, in a number of queries that does not depend on how much that was."""
    inside = _inside(event.pk)
    at_places: dict[UUID | None, Passages] = defaultdict(Passages)
    at_doors: dict[str, Passages] = defaultdict(Passages)
    rows = Scan.objects.passages().filter(event=event).order_by().values("session_id", where=DOOR)
    for row in rows.annotate(**_COUNTS, last_at=Max("at")):
        at_places[row["session_id"]].add(row)
        at_doors[row["where"]].add(row)
    expected = expected_at(event).count()
    return Summary(
        standing=_standing(event.pk, inside),
        expected=expected,
        missing=missing(expected_at(event)).count(),
        places=_places(event, at_places, inside, expected),
        doors=[Door(name, at_doors[name]) for name in sorted(at_doors)],
        arrivals=arrivals(event),
        conflicts=_conflicts(event),
        devices=list(clocks_off(event)),
    )


def expected_at(event: Event) -> RegistrationQuerySet:
    """Return who is confirmed, by name."""
    return Registration.objects.filter(event=event, status=Registration.Status.CONFIRMED).order_by("name_key", "id")


def missing(registrations: RegistrationQuerySet, session: UUID | None = None) -> RegistrationQuerySet:
    """Return who of them never went into that session; without one, who was nowhere at the event."""
    entries = Scan.objects.openings().filter(registration=OuterRef("pk"))
    return registrations.filter(~Exists(entries.filter(session=session) if session else entries))


def scans_of(event: Event) -> ScanQuerySet:
    """Return what was scanned at the event, the latest first, with whom and where it was."""
    scans = Scan.objects.filter(event=event).select_related("registration", "session").order_by("-at", "-id")
    # What people answered, and their phones, are encrypted: nobody reads them here.
    return scans.only(*_OWN, "registration__full_name", "registration__email", "session__title")


def clocks_off(event: Event) -> "QuerySet[Device]":
    """Return the devices at the event's doors whose clocks are ahead of ours or behind it, by more than 30 seconds."""
    most = CLOCK_MAY_ERR // timedelta(milliseconds=1)
    off = Q(clock_error_ms__gt=most) | Q(clock_error_ms__lt=-most)
    return Device.objects.filter(off, event=event, revoked_at=None).order_by("name", "id")


def repeated(event: Event, scans: Iterable[Scan]) -> dict[UUID, Scan]:
    """Return, by the ids of those of the scans that are entries of who was in already, the entry before. One query."""
    doubles = [scan for scan in scans if scan.conflict == Scan.Conflict.DOUBLE_ENTRY]
    if not doubles:
        return {}
    entries = scans_of(event).passages().filter(result=Scan.Result.CHECKED_IN)
    known = defaultdict(list)
    for entry in entries.filter(registration__in={scan.registration_id for scan in doubles}):
        known[_place(entry)].append(entry)
    found = {scan.pk: _last_before(scan, known[_place(scan)]) for scan in doubles}
    return {scan: entry for scan, entry in found.items() if entry}


def _place(scan: Scan) -> tuple[UUID | None, UUID | None]:
    return scan.registration_id, scan.session_id


def _last_before(scan: Scan, entries: Iterable[Scan]) -> Scan | None:
    earlier = [entry for entry in entries if _moment(entry) < _moment(scan)]
    return max(earlier, key=_moment, default=None)


def _moment(scan: Scan) -> tuple[datetime, str]:
    return scan.at, scan.scan_id


def _inside(event: UUID) -> Counter[UUID | None]:
    """Return how many are in each session, at the event's own doors (None) and at the event (`_ANYWHERE`). One query.

    Who was seen at the event's own doors is at the event by them; who was seen at sessions alone, by any of these.
    """
    last = Scan.objects.filter(event=event).last_passages().order_by()
    by_person: dict[UUID | None, dict[UUID | None, bool]] = defaultdict(dict)
    for person, session, direction in last.values_list("registration_id", "session_id", "direction"):
        by_person[person][session] = direction == Scan.Direction.IN
    counts = Counter(session for places in by_person.values() for session, is_in in places.items() if is_in)
    counts[_ANYWHERE] = sum(places.get(None, any(places.values())) for places in by_person.values())
    return counts


def _standing(event: UUID, inside: Counter[UUID | None]) -> Standing:
    entered = Scan.objects.openings().filter(event=event).order_by().values("registration").distinct()
    conflicts = Scan.objects.open_conflicts().filter(event=event)
    return Standing(inside[_ANYWHERE], entered.count(), conflicts.count())


def _places(
    event: Event, passages: dict[UUID | None, Passages], inside: Counter[UUID | None], expected: int
) -> list[Place]:
    sessions = {session.pk: session for session in Session.objects.filter(event=event).order_by("starts_at", "id")}
    ids = [None, *sessions, *(each for each in passages if each not in {None, *sessions})]
    places = []
    for each in ids:
        seen, session = passages.get(each, Passages()), sessions.get(each) if each else None
        places.append(Place(each, session, seen, inside[each], expected - seen.expected))
    return places


def _conflicts(event: Event) -> dict[str, int]:
    rows = Scan.objects.open_conflicts().filter(event=event).order_by().values_list("conflict").annotate(Count("pk"))
    return dict.fromkeys(Scan.Conflict.values, 0) | dict(rows)
