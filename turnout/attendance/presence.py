"""Who was there, from when to when, and what counts as attended: in person by scans, online by stays.

In a room is who went in and not out again (`turnout.attendance.outcomes` has the order); online is who joined and has
not left. Both are put together, so that who is here and there at once, or connected twice, is counted once. Who never
went out stays until the end, and what lies outside of a session's hours does not count: 60 minutes can't become 70.

The event as a whole is a place of its own: who went through its door was in no session by that. An event without
sessions is its own one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from django.db.models import QuerySet

from turnout.attendance.models import DoorRules, Scan, Stay
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.registrations.models import Registration, RegistrationQuerySet

Span: TypeAlias = tuple[datetime, datetime]
# Where somebody was, by session; None is the event as a whole. Each has one at least.
Spans: TypeAlias = Mapping[UUID | None, Sequence[Span]]

_OPEN = datetime.max.replace(tzinfo=UTC)  # the end of what has none
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Attendance:
    """What somebody's presence at an event comes to."""

    checked_in_at: datetime | None = None  # when they first came, in person or online, whatever the hours
    minutes: int = 0  # whole ones, at the event or in any session; those in two places at once count once
    by_session: Mapping[UUID | None, int] = field(default_factory=dict)  # in each place where they ever were
    sessions: tuple[UUID, ...] = ()  # that count as attended, in the programme's order
    percent: int = 0  # of the event's sessions, rounded down; without sessions 0 or 100


def attended(event: Event, registrations: RegistrationQuerySet | Sequence[Registration]) -> dict[UUID, Attendance]:
    """Return what the presence of each of these people of an event comes to, by id, in at most five queries.

    Beyond some thousands give a queryset: a list goes into the statement.
    """
    rules = DoorRules.objects.filter(pk=event.pk).first() or DoorRules(event=event)
    sessions = event.sessions.values_list("pk", "starts_at", "ends_at")
    hours: dict[UUID | None, Span] = {pk: (starts_at, ends_at) for pk, starts_at, ends_at in sessions}
    hours[None] = (event.starts_at, event.ends_at)
    if isinstance(registrations, QuerySet):
        ids: Iterable[UUID] = registrations.values_list("pk", flat=True)
    else:
        ids = [each.pk for each in registrations]
    people = dict.fromkeys(ids, Attendance())
    return people | {pk: attendance_of(places, hours, rules) for pk, places in _places(event, registrations).items()}


def attendance_of(places: Spans, hours: Mapping[UUID | None, Span], rules: DoorRules) -> Attendance:
    """Return what it comes to that somebody was at these places, which have these hours. Pure but for the clock."""
    until = now()
    stayed = {
        place: merged(clipped(spans, (hours[place][0], min(hours[place][1], until))))
        for place, spans in places.items()
        if place in hours  # and was not taken off the programme
    }
    lasted = {place: sum((end - start for start, end in spans), timedelta()) for place, spans in stayed.items()}
    counts = [place for place, span in hours.items() if place in lasted and _is_enough(lasted[place], span, rules)]
    programme = set(hours) - {None} or {None}
    everywhere = merged(span for spans in stayed.values() for span in spans)
    return Attendance(
        checked_in_at=min(start for spans in places.values() for start, _end in spans),
        minutes=sum((end - start for start, end in everywhere), timedelta()) // _MINUTE,
        by_session={place: length // _MINUTE for place, length in lasted.items()},
        sessions=tuple(place for place in counts if place is not None),
        percent=100 * len(programme & set(counts)) // len(programme),
    )


def inside(passages: Iterable[tuple[datetime, str, str]]) -> Iterator[Span]:
    """Yield from when to when somebody was at a place, of all their passages there: moment, scan_id and direction."""
    since = None
    for at, _scan_id, direction in sorted(passages):
        if direction == Scan.Direction.IN:
            since = since or at
        elif since is not None:
            yield since, at
            since = None
    if since is not None:
        yield since, _OPEN


def clipped(spans: Iterable[Span], within: Span) -> Iterator[Span]:
    """Yield what of these lies within another."""
    for start, end in spans:
        first, last = max(start, within[0]), min(end, within[1])
        if first < last:
            yield first, last


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same time in spans that do not touch, in their order."""
    apart: list[Span] = []
    for start, end in sorted(spans):
        if apart and start <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], end)
        else:
            apart.append((start, end))
    return apart


def _is_enough(stayed: timedelta, hours: Span, rules: DoorRules) -> bool:
    """Tell whether somebody who was there was so long enough. The whole of a session always is."""
    length = hours[1] - hours[0]
    return stayed >= min(rules.min_minutes * _MINUTE, length) and stayed * 100 >= length * rules.min_percent


def _places(event: Event, registrations: RegistrationQuerySet | Sequence[Registration]) -> dict[UUID, Spans]:
    """Return from when to when each was where, of those who ever came."""
    passages: dict[tuple[UUID, UUID | None], list[tuple[datetime, str, str]]] = defaultdict(list)
    scans = Scan.objects.passages().filter(event=event, registration__in=registrations).order_by()
    for scan in scans.values_list("registration_id", "session_id", "at", "scan_id", "direction"):
        if scan[0] is not None:
            passages[scan[0], scan[1]].append(scan[2:])
    places: dict[UUID, dict[UUID | None, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for (person, session), those in passages.items():
        places[person][session] += inside(those)
    stays = Stay.objects.filter(event=event, registration__in=registrations, joined_at__isnull=False).order_by()
    for stay in stays.values_list("registration_id", "session_id", "joined_at", "left_at"):
        if stay[2] is not None:
            places[stay[0]][stay[1]].append((stay[2], stay[3] or _OPEN))
    came = {person: {place: spans for place, spans in own.items() if spans} for person, own in places.items()}
    return {person: spans for person, spans in came.items() if spans}
