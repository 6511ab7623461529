"""What is asked of events by more than one room."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from turnout.accounts.policies import Actor, refusal, runs_platform
from turnout.core.clock import now
from turnout.core.errors import NotFoundError
from turnout.core.languages import first_of_ours
from turnout.events.models import Event, EventQuerySet, Partner, Question, Series, Speaker, TeamMember
from turnout.events.policies import Right, Standing, may

_Row = TypeVar("_Row", Speaker, Partner)


def standing(event: Event, actor: Actor) -> Standing:
    """Return what the actor is to the event."""
    if runs_platform(actor):
        return Standing.STAFF
    if not actor.is_authenticated:
        return Standing.STRANGER
    if event.owner_id == actor.pk:
        return Standing.OWNER
    member = TeamMember.objects.filter(event=event).held_by(actor).first()
    return Standing.STRANGER if member is None else Standing[member.role.upper()]


def topics_of(account: UUID) -> "QuerySet[Event, UUID]":
    """Return under which ids is told what happens at the events that an account owns."""
    return Event.objects.filter(owner=account).values_list("pk", flat=True)


def language_of(event: Event) -> str:
    """Return the language in which to write to people of whom it is not known: the event's, as far as we write it."""
    spoken = event.languages.order_by("rank").values_list("code", flat=True)
    return first_of_ours(*spoken) or settings.LANGUAGE_CODE


def find_for(right: Right, actor: Actor, event_id: UUID, events: EventQuerySet | None = None) -> Event:
    """Return one of the events to whom has this right there.

    NotFoundError where the actor may not know of it; ForbiddenError where they may, and have not this right;
    `second_factor_required` where what they lack is that.
    """
    known = Event.objects.all() if events is None else events
    event = known.visible_to(actor).filter(pk=event_id).first()
    if event is None:
        raise NotFoundError
    if not may(standing(event, actor), right):
        raise refusal(actor)
    return event


def find_series(right: Right, actor: Actor, series_id: UUID) -> Series:
    """Return a series to whom has this right at every one of its events.

    NotFoundError where the actor edits none of them; ForbiddenError where they have not this right at some.
    """
    events = Event.objects.filter(series=series_id)
    held = events.run_by(actor)
    if not held.exists():
        raise NotFoundError
    if right == Right.OWN and not runs_platform(actor):
        held = held.filter(owner=actor.pk)
    if held.count() != events.count():
        raise refusal(actor)
    return Series.objects.get(pk=series_id)


def find_own(rows: "QuerySet[_Row]", actor: Actor, pk: UUID) -> _Row:
    """Return a speaker or partner to its owner and to staff; NotFoundError where there is none, else ForbiddenError."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFoundError
    if not runs_platform(actor) and (row.owner_id is None or row.owner_id != actor.pk):
        raise refusal(actor)
    return row


def questions_of(event: Event) -> list[Question]:
    """Return what the event asks of those who register today, in order."""
    return list(Question.objects.asked_at(event.pk))


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
    series: UUID | None = None
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
        "series": wanted.series,
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
