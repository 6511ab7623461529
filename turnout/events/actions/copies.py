"""Copies of events: with all that is an event's own, and nobody registered."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError
from turnout.core.transactions import transactional
from turnout.core.validation import validate
from turnout.events.actions.questions import copy_questions
from turnout.events.dates import TIMES, Times
from turnout.events.models import Event, EventLanguage, SeatPool, Series, Session, TeamMember

_NOT_COPIED = {"id", "created_at", "source_key", "series", *TIMES}
_SESSION = ("title", "room", "track", "language", "description")
_MOST_SESSIONS = 10_000  # of all copies
# Rows with long texts in one statement: so few stay under what MariaDB takes at once.
_EVENTS_AT_ONCE, _SESSIONS_AT_ONCE = 10, 25


@transactional
def write_copies(
    original: Event,
    times: Sequence[Times],
    fields: Mapping[str, object],
    *,
    with_team: bool = False,
    actor: str = audit.SYSTEM,
) -> list[Event]:
    """Write a copy of an event for each of these times, with these fields of its own.

    Languages, speakers, sessions, seats and questions are copied, the team only if wanted; nobody is registered, and no
    import knows a copy. InvalidError where the sessions would be more than 10,000.
    """
    original = Event.objects.with_details().get(pk=original.pk)
    sessions = list(original.sessions.all())
    if len(sessions) * len(times) > _MOST_SESSIONS:
        message = _("With %s sessions each these are too many copies at once.") % len(sessions)
        raise InvalidError.at(Fault("", "too_many_sessions", message))
    copies = Event.objects.bulk_create([_copy(original, each, fields) for each in times], batch_size=_EVENTS_AT_ONCE)
    SeatPool.objects.bulk_create(
        SeatPool(event=copy, attendance_type=pool.attendance_type, capacity=pool.capacity)
        for copy in copies
        for pool in original.pools.all()
    )
    EventLanguage.objects.bulk_create(
        EventLanguage(event=copy, code=language.code, rank=language.rank)
        for copy in copies
        for language in original.languages.all()
    )
    speaks = Event.speakers.through
    speaks.objects.bulk_create(
        speaks(event=copy, speaker=speaker) for copy in copies for speaker in original.speakers.all()
    )
    _copy_sessions(sessions, copies, times)
    copy_questions(original, copies)
    if with_team:
        _copy_team(original, copies)
    audit.record_many(actor, "event.created", [copy.pk for copy in copies])
    audit.record(actor, "event.copied", original.pk, {"copies": [str(copy.pk) for copy in copies]})
    return copies


@transactional
def begin_series(event: Event, limit_per_person: int | None, *, actor: str = audit.SYSTEM) -> Series:
    """Make a locked event the first of a series. ConflictError `already_in_series`, `event_cancelled`."""
    if event.series_id is not None:
        raise ConflictError(_("This event is in a series already."), "already_in_series")
    if event.status == Event.Status.CANCELLED:
        raise ConflictError(_("This event is cancelled."), "event_cancelled")
    series = Series(limit_per_person=limit_per_person)
    validate(series)
    series.save(force_insert=True)
    event.series = series
    event.save(update_fields=["series"])
    audit.record(actor, "series.created", series.pk)
    return series


@transactional
def update_series(series: Series, fields: Mapping[str, object], *, actor: str = audit.SYSTEM) -> Series:
    """Change a series' own fields: who is in more of its events than a new limit stays in them."""
    for name, value in fields.items():
        setattr(series, name, value)
    validate(series)
    series.save(update_fields=list(fields))
    audit.record(actor, "series.changed", series.pk, fields)
    return series


def _copy(original: Event, times: Times, fields: Mapping[str, object]) -> Event:
    own = {
        field.attname: getattr(original, field.attname)
        for field in Event._meta.concrete_fields
        if field.name not in _NOT_COPIED
    }
    copy = Event(**own, **times.event, created_at=now())
    for name, value in fields.items():
        setattr(copy, name, value)
    copy.clean()
    return copy


def _copy_sessions(sessions: Sequence[Session], copies: Sequence[Event], times: Sequence[Times]) -> None:
    """Write each copy's sessions, with their speakers."""
    copied = [
        (Session(event=copy, **{name: getattr(session, name) for name in _SESSION}, **moved), session)
        for copy, each in zip(copies, times, strict=True)
        for session, moved in zip(sessions, each.sessions, strict=True)
    ]
    Session.objects.bulk_create([new for new, _session in copied], batch_size=_SESSIONS_AT_ONCE)
    speaks = Session.speakers.through
    speaks.objects.bulk_create(
        speaks(session=new, speaker=speaker) for new, session in copied for speaker in session.speakers.all()
    )


def _copy_team(original: Event, copies: Sequence[Event]) -> None:
    team = list(original.team.all())
    TeamMember.objects.bulk_create(
        TeamMember(event=copy, role=member.role, email=member.email, email_key=member.email_key)
        for copy in copies
        for member in team
    )
