"""How a schedule is written: one event with its sessions and speakers."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import DataError, IntegrityError

from turnout.core import audit
from turnout.core.errors import ConflictError, InvalidError
from turnout.core.text import fold
from turnout.core.transactions import RaceLostError, transactional, violates
from turnout.events.actions import Capacity, Parts, create_event, update_event
from turnout.events.models import Event, Session, Speaker
from turnout.events.schedules.drafts import ScheduleDraft, SessionDraft

# What an import writes into a session, from the draft's fields of the same names.
_IMPORTED = ("title", "description", "language", "track", "room", "starts_at", "ends_at")

_SpeaksIn = Session.speakers.through
_NamedAt = Event.speakers.through


@dataclass(frozen=True, slots=True)
class ScheduleTally:
    """What became of an imported schedule: of the event with all that belongs to it, and of how many sessions."""

    event: str  # created, changed or unchanged
    created: int
    changed: int
    removed: int
    unchanged: int


@dataclass(slots=True)
class _Sessions:
    """An event's imported sessions, by their source keys."""

    new: dict[str, Session] = field(default_factory=dict)
    changed: dict[str, Session] = field(default_factory=dict)
    same: dict[str, Session] = field(default_factory=dict)
    gone: dict[str, Session] = field(default_factory=dict)

    @property
    def drafted(self) -> dict[str, Session]:
        """Those that the file has."""
        return self.new | self.changed | self.same


def import_schedule(draft: ScheduleDraft, *, actor: str = audit.SYSTEM) -> ScheduleTally:
    """Write a schedule in one transaction: a new event with any number of seats, or what differs in a known one.

    The event is known by its source key, its sessions by theirs: they keep their ids. Sessions that the file no longer
    has are removed; those that are in it and at fault stay as they are, and so do those that were added by hand. Seats,
    status, owner and all that the file does not say are never touched. Speakers whom it no longer names leave the
    event, and stay on record. ConflictError where the event so known is another conference; InvalidError where a rule
    is broken. It must be the outermost action.
    """
    try:
        return _import_or_begin_again(draft, actor)
    except (DataError, IntegrityError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidError(f"the database refuses it: {reason}") from error


@transactional
def _import_or_begin_again(draft: ScheduleDraft, actor: str) -> ScheduleTally:
    # Of two imports of one new schedule at the same time the later finds, at its second try, what the earlier wrote.
    try:
        return _import(draft, actor)
    except IntegrityError as error:
        if violates(error, "source_key", "session_source_once_per_event"):
            raise RaceLostError from error
        raise
    except InvalidError as error:
        if any(fault.pointer == "/source_key" for fault in error.faults):
            raise RaceLostError from error
        raise


def _import(draft: ScheduleDraft, actor: str) -> ScheduleTally:
    # Imports of one known schedule stand in line.
    found = Event.objects.select_for_update().filter(source_key=draft.source_key).first()
    event = found or _create(draft, actor)
    known = {session.source_key or "": session for session in event.sessions.exclude(source_key=None)}
    _check_it_is_the_same(event, known, draft)
    is_updated = found is not None and _update(event, known, draft, actor)
    speakers, is_renamed = _write_speakers(draft, actor)
    sessions = _sort(event, known, draft)
    _write_sessions(sessions)
    relinked = _link(event, sessions, draft, speakers)
    differs = bool(is_renamed or sessions.new or sessions.changed or sessions.gone or relinked)
    if found and differs and not is_updated:
        audit.record(actor, "event.changed", event.id)
    changed = sessions.changed.keys() | (relinked & sessions.same.keys())
    return ScheduleTally(
        event="created" if found is None else "changed" if differs or is_updated else "unchanged",
        created=len(sessions.new),
        changed=len(changed),
        removed=len(sessions.gone),
        unchanged=len(sessions.same.keys() - changed),
    )


# --- The event ---------------------------------------------------------------------------------------------------


def _create(draft: ScheduleDraft, actor: str) -> Event:
    event = Event(
        source_key=draft.source_key,
        kind=Event.Kind.CONFERENCE,
        offers_online=False,  # sessions have rooms, and no schedule says that they can be joined from elsewhere
        **draft.assumed,
        **draft.said,
    )
    return create_event(event, Capacity(), Parts(languages=draft.languages), actor=actor)


def _update(event: Event, known: Mapping[str, Session], draft: ScheduleDraft, actor: str) -> bool:
    """Write what the file says of the event, and tell whether any of it is new."""
    said = {**draft.said, **_span(known, draft)}
    differing = {name: value for name, value in said.items() if getattr(event, name) != value}
    spoken = tuple(language.code for language in event.languages.all())
    languages = draft.languages if draft.languages and draft.languages != spoken else None
    if not differing and languages is None:
        return False
    for name, value in differing.items():
        setattr(event, name, value)
    update_event(event, Parts(languages=languages), actor=actor)
    return True


def _span(known: Mapping[str, Session], draft: ScheduleDraft) -> dict[str, datetime]:
    """Return from when to when the event lasts, with its known sessions that are at fault now and stay as they were."""
    drafted = {session.source_key for session in draft.sessions}
    kept = {key for key in known if key not in drafted and (draft.left_out is None or key in draft.left_out)}
    lasting: list[Session | SessionDraft] = [*draft.sessions, *(known[key] for key in kept)]
    return {
        "starts_at": min(session.starts_at for session in lasting),
        "ends_at": max(session.ends_at for session in lasting),
    }


def _check_it_is_the_same(event: Event, known: Mapping[str, Session], draft: ScheduleDraft) -> None:
    """Refuse a conference that shares nothing with the event but the acronym: it would take its place."""
    in_file = {session.source_key for session in draft.sessions} | (draft.left_out or set())
    if known and not known.keys() & in_file and fold(event.title) != fold(str(draft.said["title"])):
        raise ConflictError(
            f'its acronym is that of "{event.title}", which has another title and not one session in common with it',
            "acronym_taken",
        )


# --- Its sessions ------------------------------------------------------------------------------------------------


def _sort(event: Event, known: Mapping[str, Session], draft: ScheduleDraft) -> _Sessions:
    """Tell new, changed and unchanged sessions apart, filled from their drafts, and those that are gone."""
    sessions = _Sessions()
    for drafted in draft.sessions:
        key = drafted.source_key
        session = known.get(key)
        if session is None:
            sessions.new[key] = _filled(Session(event=event, source_key=key), drafted)
        elif any(getattr(session, name) != getattr(drafted, name) for name in _IMPORTED):
            sessions.changed[key] = _filled(session, drafted)
        else:
            sessions.same[key] = session
    if draft.left_out is not None:  # else any of those that seem gone may be one that is at fault
        kept = sessions.drafted.keys() | draft.left_out
        sessions.gone = {key: session for key, session in known.items() if key not in kept}
    return sessions


def _filled(session: Session, draft: SessionDraft) -> Session:
    for name in _IMPORTED:
        setattr(session, name, getattr(draft, name))
    return session


def _write_sessions(sessions: _Sessions) -> None:
    Session.objects.bulk_create(sessions.new.values())
    Session.objects.bulk_update(sessions.changed.values(), _IMPORTED)


# --- Who speaks in them ------------------------------------------------------------------------------------------


def _write_speakers(draft: ScheduleDraft, actor: str) -> tuple[dict[str, Speaker], bool]:
    """Write speakers who are new or have another name; return all by their source keys, and whether any is renamed."""
    names = {person.source_key: person.name for session in draft.sessions for person in session.speakers}
    known = {speaker.source_key or "": speaker for speaker in Speaker.objects.filter(source_key__in=names)}
    new = {key: Speaker(source_key=key, name=name) for key, name in names.items() if key not in known}
    renamed = [speaker for key, speaker in known.items() if speaker.name != names[key]]
    for speaker in renamed:
        speaker.name = names[speaker.source_key or ""]
    Speaker.objects.bulk_create(new.values())
    Speaker.objects.bulk_update(renamed, ["name"])
    audit.record_many(actor, "speaker.saved", [speaker.id for speaker in (*new.values(), *renamed)])
    return known | new, bool(renamed)


def _link(event: Event, sessions: _Sessions, draft: ScheduleDraft, speakers: Mapping[str, Speaker]) -> set[str]:
    """Make sessions and event name their speakers, remove what is gone; return the keys of sessions that changed so."""
    keys = {session.id: key for key, session in sessions.drafted.items()}
    wanted = {
        (sessions.drafted[drafted.source_key].id, speakers[person.source_key].id)
        for drafted in draft.sessions
        for person in drafted.speakers
    }
    found = _who_speaks(event)
    ours = {pair: link for pair, link in found.items() if pair[0] in keys}
    outdated = {link for pair, link in ours.items() if pair not in wanted}
    missing = wanted - ours.keys()
    _SpeaksIn.objects.filter(pk__in=outdated).delete()
    _SpeaksIn.objects.bulk_create(_SpeaksIn(session_id=session, speaker_id=speaker) for session, speaker in missing)
    Session.objects.filter(pk__in=[session.id for session in sessions.gone.values()]).delete()
    _name_speakers(
        event, before={speaker for _, speaker in found}, after={speaker for _, speaker in _who_speaks(event)}
    )
    return {keys[session] for session, _ in (wanted ^ ours.keys())}


def _who_speaks(event: Event) -> dict[tuple[uuid.UUID, uuid.UUID], int]:
    """Return the links between imported sessions and speakers."""
    links = _SpeaksIn.objects.filter(session__event=event, session__source_key__isnull=False)
    return {(session, speaker): link for link, session, speaker in links.values_list("pk", "session_id", "speaker_id")}


def _name_speakers(event: Event, *, before: set[uuid.UUID], after: set[uuid.UUID]) -> None:
    """Name at the event who speaks there now, and none who no longer does; whoever was added by hand stays."""
    named = set(event.speakers.values_list("pk", flat=True))
    _NamedAt.objects.filter(event=event, speaker_id__in=named & (before - after)).delete()
    _NamedAt.objects.bulk_create(_NamedAt(event=event, speaker_id=speaker) for speaker in after - named)
