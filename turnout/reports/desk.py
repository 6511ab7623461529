"""How events stand: what whoever runs them sees at their desk."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from turnout.accounts.models import User
from turnout.events.models import AttendanceType, Event, EventQuerySet, SeatPool, TeamMember
from turnout.events.queries import seats_of
from turnout.registrations.models import Registration
from turnout.reports.days import Day, days_of
from turnout.reports.presence import Turnout, turnout_of

_Status = Registration.Status


@dataclass(frozen=True, slots=True)
class Standing:
    """An event in the list of those who run it, with its figures."""

    event: Event
    capacity: int | None  # None is any number
    available_seats: int | None
    total_enrollments: int  # who has a seat
    offered: int  # seats that are kept for whom they are offered
    waitlisted: int
    in_review: int
    pending: int
    attended: int
    certified: int


@dataclass(frozen=True, slots=True)
class Seats:
    """How seats stand."""

    capacity: int | None  # None is any number
    taken: int  # those offered are
    offered: int
    available: int | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What moves at an event while one looks on."""

    by_status: dict[str, int]
    seats: Seats


@dataclass(frozen=True, slots=True)
class Overview:
    """An event at a glance."""

    event: Event
    registered: int  # who ever did
    by_status: dict[str, int]
    seats: Seats
    seats_by_type: dict[str, Seats]  # what types share, each of them shows
    attended: int
    certified: int
    days: list[Day]


def events_of(user: User, *, team: bool = False) -> EventQuerySet:
    """Return the events somebody owns, and with `team` those they manage for others; of staff, too, nothing else."""
    own = Q(owner=user)
    if team:
        # Asked apart: an index serves ids, and none an alternative with a subquery.
        manages = TeamMember.objects.held_by(user).filter(role=TeamMember.Role.MANAGER)
        own |= Q(pk__in=list(manages.values_list("event_id", flat=True)))
    return Event.objects.filter(own).prefetch_related("pools").defer("description", "search_text", "title_key")


def standings(events: Sequence[Event]) -> list[Standing]:
    """Return events with their figures, in a number of queries that does not depend on theirs.

    Seats are read off the counters, whatever the number of people. Who has none and waits for none is counted by an
    index that holds both.
    """
    unseated = Registration.objects.filter(event__in=events, status__in=[_Status.PENDING, _Status.IN_REVIEW])
    counted = unseated.order_by().values_list("event_id", "status").annotate(count=Count("pk"))
    counts: Counter[tuple[UUID, str]] = Counter({(event, status): count for event, status, count in counted})
    turnouts = turnout_of(events)
    return [_standing(event, counts, turnouts[event.pk]) for event in events]


def _standing(event: Event, counts: Counter[tuple[UUID, str]], turnout: Turnout) -> Standing:
    pools, seats = event.pools.all(), seats_of(event)
    offered = sum(pool.offered for pool in pools)
    return Standing(
        event=event,
        capacity=seats.capacity,
        available_seats=seats.available,
        total_enrollments=sum(pool.taken for pool in pools) - offered,
        offered=offered,
        waitlisted=seats.waiting,
        in_review=counts[event.pk, _Status.IN_REVIEW],
        pending=counts[event.pk, _Status.PENDING],
        attended=turnout.attended,
        certified=turnout.certified,
    )


def overview(event: Event) -> Overview:
    """Return an event at a glance, in a number of queries that does not depend on how many are registered."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)  # by attendance type and status
    rows = Registration.objects.filter(event=event).order_by().values_list("attendance_type", "status")
    for kind, status, count in rows.annotate(count=Count("pk")):
        counts[kind][status] = count
    total = sum(counts.values(), Counter[str]())
    pools, turnout = list(SeatPool.objects.filter(event=event)), turnout_of([event])[event.pk]
    kinds = [kind for kind in AttendanceType.values if kind in counts or kind in event.attendance_types]
    return Overview(
        event=event,
        registered=total.total(),
        by_status={status: total[status] for status in _Status.values},
        seats=_seats(pools, total),
        seats_by_type={kind: _seats(_pools_of(kind, pools), counts[kind]) for kind in kinds},
        attended=turnout.attended,
        certified=turnout.certified,
        days=days_of(event),
    )


def figures(event: UUID) -> Figures:
    """Return how an event stands at this moment, by two queries that an index answers."""
    rows = Registration.objects.filter(event=event).order_by().values_list("status").annotate(count=Count("pk"))
    counts = Counter(dict(rows))
    seats = _seats(list(SeatPool.objects.filter(event=event)), counts)
    return Figures(by_status={status: counts[status] for status in _Status.values}, seats=seats)


def _pools_of(kind: str, pools: list[SeatPool]) -> list[SeatPool]:
    return [pool for pool in pools if pool.attendance_type in {"", kind}]


def _seats(pools: list[SeatPool], counts: Counter[str]) -> Seats:
    """Return how the seats of these pools stand, and how many of them these people take."""
    capacities = [pool.capacity for pool in pools]
    capacity = None if None in capacities else sum(count for count in capacities if count is not None)
    return Seats(
        capacity=capacity,
        taken=counts[_Status.CONFIRMED] + counts[_Status.OFFERED],
        offered=counts[_Status.OFFERED],
        available=None if capacity is None else capacity - sum(pool.taken for pool in pools),
        waiting=counts[_Status.WAITLISTED],
    )
