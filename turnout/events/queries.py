"""What is asked of events by more than one room."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from turnout.core.clock import now
from turnout.events.models import Event, EventQuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody looks for; what is empty or None is not asked for."""

    q: str = ""  # every word, folded, as the beginning of a word in title or description
    location: str = ""  # folded, whole or its beginning
    language: str = ""
    kind: str = ""
    attendance_type: str = ""
    starts_after: datetime | None = None
    starts_before: datetime | None = None
    partner: UUID | None = None
    speaker: UUID | None = None
    has_seats: bool | None = None


def search(events: EventQuerySet, wanted: Search, *, ranked: bool = False) -> EventQuerySet:
    """Return those of the events that are what somebody looks for; where words are asked for, in ranks if wanted so.

    The same on every database: an index may find them faster, and never decides. What is over is left out unless the
    dates asked for reach back.
    """
    exact = {
        "kind": wanted.kind,
        "partner": wanted.partner,
        "speakers": wanted.speaker,
        "starts_at__gte": wanted.starts_after,
        "starts_at__lte": wanted.starts_before,
    }
    found = events.filter(**{name: value for name, value in exact.items() if value})
    if not any(moment is not None and moment < now() for moment in (wanted.starts_after, wanted.starts_before)):
        found = found.not_over()
    if wanted.q:
        found = found.ranked_by(wanted.q) if ranked else found.matching(wanted.q)
    if wanted.location:
        found = found.located_in(wanted.location)
    if wanted.language:
        found = found.in_language(wanted.language)
    if wanted.attendance_type:
        found = found.open_to(wanted.attendance_type)
    if wanted.has_seats is not None:
        found = found.with_seats(left=wanted.has_seats)
    return found


@dataclass(frozen=True, slots=True)
class Seats:
    """How an event's seats stand; None is unlimited."""

    capacity: int | None
    available: int | None
    waiting: int
    by_type: dict[str, int | None]  # capacity by attendance type, where each has its own


def seats_left(event: Event, attendance_type: str) -> int | None:
    """Return the seats left for who attends in this way, from what is loaded; None is any number."""
    pool = next(pool for pool in event.pools.all() if pool.attendance_type in {"", attendance_type})
    return None if pool.capacity is None else pool.capacity - pool.taken


def seats_of(event: Event) -> Seats:
    """Return the seats of an event over all its pools, from what `with_details()` has loaded."""
    pools = list(event.pools.all())
    capacities = [pool.capacity for pool in pools]
    capacity = None if None in capacities else sum(count for count in capacities if count is not None)
    return Seats(
        capacity=capacity,
        available=None if capacity is None else capacity - sum(pool.taken for pool in pools),
        waiting=sum(pool.waiting for pool in pools),
        by_type={pool.attendance_type: pool.capacity for pool in pools if pool.attendance_type},
    )
