"""Every write to events that concerns nobody registered. What does is in `turnout.registrations`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from turnout.core import audit
from turnout.core.transactions import transactional
from turnout.core.validation import validate
from turnout.events.models import AttendanceType, Event, EventLanguage, Partner, SeatPool, Session, Speaker


@dataclass(frozen=True, slots=True)
class Parts:
    """What belongs to an event beside its own fields; None leaves a part as it is."""

    languages: Sequence[str] | None = None
    speakers: Sequence[Speaker] | None = None
    sessions: Sequence[Session] | None = None  # all there are to be: others are removed


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many may come: in all (None is any number), or by attendance type."""

    in_all: int | None = None
    by_type: Mapping[str, int | None] = field(default_factory=dict)


@transactional
def create_event(event: Event, capacity: Capacity, parts: Parts, *, actor: str = audit.SYSTEM) -> Event:
    """Write a new event with its seats and parts; InvalidError where it breaks a rule."""
    by_type = capacity.by_type or {"": capacity.in_all}
    if capacity.by_type:
        event.offers_on_site, event.offers_online = AttendanceType.ON_SITE in by_type, AttendanceType.ONLINE in by_type
    validate(event)
    event.save(force_insert=True)
    for attendance_type, count in by_type.items():
        pool = SeatPool(event=event, attendance_type=attendance_type, capacity=count)
        validate(pool, exclude=("event",))
        pool.save(force_insert=True)
    _write_parts(event, parts)
    audit.record(actor, "event.created", event.id)
    return event


@transactional
def update_event(event: Event, parts: Parts, *, actor: str = audit.SYSTEM) -> Event:
    """Write an event's changed fields and parts; InvalidError where they break a rule. Seats are not touched."""
    validate(event)
    event.save(force_update=True)
    _write_parts(event, parts)
    audit.record(actor, "event.changed", event.id)
    return event


@transactional
def save_partner(partner: Partner, *, actor: str = audit.SYSTEM) -> Partner:
    """Write a new or changed partner."""
    validate(partner)
    partner.save()
    audit.record(actor, "partner.saved", partner.id)
    return partner


@transactional
def save_speaker(speaker: Speaker, *, actor: str = audit.SYSTEM) -> Speaker:
    """Write a new or changed speaker."""
    validate(speaker)
    speaker.save()
    audit.record(actor, "speaker.saved", speaker.id)
    return speaker


def _write_parts(event: Event, parts: Parts) -> None:
    if parts.languages is not None:
        _write_languages(event, parts.languages)
    if parts.speakers is not None:
        event.speakers.set(parts.speakers)
    if parts.sessions is not None:
        event.sessions.exclude(pk__in=[session.pk for session in parts.sessions]).delete()
        for session in parts.sessions:
            session.event = event
            validate(session, exclude=("event",))
            session.save()


def _write_languages(event: Event, codes: Sequence[str]) -> None:
    event.languages.all().delete()
    distinct = dict.fromkeys(code.strip().lower() for code in codes)
    EventLanguage.objects.bulk_create(
        EventLanguage(event=event, code=code, rank=rank) for rank, code in enumerate(distinct)
    )
