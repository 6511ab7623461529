"""When people came, in spans as clocks at the event show them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models.functions import Least

from turnout.attendance.models import Scan
from turnout.events.models import Event
from turnout.reports.days import Slot

MOST_SPANS = 100
SPANS = (5, 15, 60, 6 * 60, 24 * 60)  # minutes

_SLOT = 5 * 60  # seconds; every span begins with one, in every timezone


@dataclass(slots=True)
class Span:
    """How many came in some minutes."""

    starts_at: datetime
    people: int = 0  # who were nowhere at the event before
    sessions: Counter[UUID] = field(default_factory=Counter)  # who were not in that session before


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All spans from the first arrival to the last, those without any too; of more than 100 days the last 100."""

    minutes: int
    spans: list[Span]


def arrivals(event: Event) -> Arrivals:
    """Return when people came, in the shortest spans of which there are 100 at most. One query."""
    slots = _by_slot(event)
    if not slots:
        return Arrivals(SPANS[0], [])
    first, last = min(slots), max(slots)
    minutes = next((span for span in SPANS if (last - first) * _SLOT // 60 // span < MOST_SPANS - 1), SPANS[-1])
    first = max(first, last - (MOST_SPANS - 1) * SPANS[-1] * 60 // _SLOT)
    spans = {start: Span(start) for start in (_start(slot, minutes, event.zone) for slot in range(first, last + 1))}
    for slot in range(first, last + 1):
        span = spans[_start(slot, minutes, event.zone)]
        for session, is_first in slots.get(slot, ()):
            span.people += is_first
            if session is not None:
                span.sessions[session] += 1
    return Arrivals(minutes, list(spans.values()))


def _by_slot(event: Event) -> dict[int, list[tuple[UUID | None, bool]]]:
    """Return of each five minutes in which somebody came where each did, and whether they were nowhere before.

    By a clock that is ahead they came when we heard of it, at the latest.
    """
    came = Scan.objects.openings().filter(event=event).order_by("at", "id")
    known: set[UUID | None] = set()
    slots = defaultdict(list)
    for slot, person, session in came.values_list(Slot(Least("at", "received_at"), _SLOT), "registration", "session"):
        slots[slot].append((session, person not in known))
        known.add(person)
    return dict(slots)


def _start(slot: int, minutes: int, zone: ZoneInfo) -> datetime:
    """Return when the span begins in which a slot lies."""
    local = datetime.fromtimestamp(slot * _SLOT, zone)
    hours, rest = divmod((local.hour * 60 + local.minute) // minutes * minutes, 60)
    start = local.replace(hour=hours, minute=rest, fold=local.fold if minutes <= 60 else 0)  # noqa: PLR2004  # an hour
    return start.astimezone(UTC)
