"""Every write to events that concerns nobody registered. What does is in `turnout.registrations`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.transactions import transactional
from turnout.core.validation import validate, validate_many
from turnout.events.actions.questions import QuestionDraft, write_questions
from turnout.events.files import Remark
from turnout.events.imports import Draft
from turnout.events.models import (
    AttendanceType,
    Event,
    EventLanguage,
    Partner,
    SeatPool,
    Session,
    Speaker,
)

# What an import writes into an event, from the draft's fields of the same names.
_IMPORTED = (
    "title",
    "description",
    "website",
    "location",
    "offers_on_site",
    "offers_online",
    "timezone",
    "starts_at",
    "ends_at",
)
# What whoever edits an event writes into its sessions.
_SESSION = ("title", "starts_at", "ends_at", "room", "track", "language", "description")
_SWEEP_BATCH = 1000
_DERIVED = ("location_key", "search_text", "title_key", "over", "asks_at", "reminds_at")


@dataclass(frozen=True, slots=True)
class Parts:
    """What belongs to an event beside its own fields; None leaves a part as it is."""

    languages: Sequence[str] | None = None
    speakers: Sequence[Speaker] | None = None
    sessions: Sequence[Session] | None = None  # all there are to be: others are removed
    questions: Sequence[QuestionDraft] | None = None  # all it is to ask: others are asked no more


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many may come: in all (None is any number), or by attendance type."""

    in_all: int | None = None
    by_type: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of imported drafts."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: tuple[Remark, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.created + other.created,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.refused + other.refused,
        )


@transactional
def create_event(event: Event, capacity: Capacity, parts: Parts, *, actor: str = audit.SYSTEM) -> Event:
    """Write a new event with its seats and parts; InvalidError where it breaks a rule."""
    by_type = capacity.by_type or {"": capacity.in_all}
    _offer_what_is_seated(event, by_type)
    validate(event)
    event.save(force_insert=True)
    add_pools(event, by_type)
    _write_parts(event, parts, actor)
    audit.record(actor, "event.created", event.id)
    return event


@transactional
def update_event(event: Event, parts: Parts, *, actor: str = audit.SYSTEM) -> Event:
    """Write an event's changed fields and parts; InvalidError where they break a rule. Seats are not touched."""
    _offer_what_is_seated(event, event.pools.values_list("attendance_type", flat=True))
    validate(event)
    event.save(force_update=True)
    _write_parts(event, parts, actor)
    audit.record(actor, "event.changed", event.id)
    return event


def add_pools(event: Event, capacities: Mapping[str, int | None]) -> list[SeatPool]:
    """Give an event seats of these attendance types, or of all (""); part of the caller's transaction."""
    pools = [SeatPool(event=event, attendance_type=kind, capacity=count) for kind, count in capacities.items()]
    for pool in pools:
        validate(pool, exclude=("event",))
    return SeatPool.objects.bulk_create(pools)


@transactional
def save_partner(partner: Partner, fields: Collection[str] | None = None, *, actor: str = audit.SYSTEM) -> Partner:
    """Write a partner: a new one, or a known one whole or in these fields."""
    validate(partner)
    partner.save(update_fields=fields)
    audit.record(actor, "partner.saved", partner.id)
    return partner


@transactional
def save_speaker(speaker: Speaker, fields: Collection[str] | None = None, *, actor: str = audit.SYSTEM) -> Speaker:
    """Write a speaker: a new one, or a known one whole or in these fields."""
    validate(speaker)
    speaker.save(update_fields=fields)
    audit.record(actor, "speaker.saved", speaker.id)
    return speaker


@transactional
def mark_over() -> int:
    """Mark up to 1,000 events that have ended, and say how many they were.

    Lists of what is coming pass marked ones over by an index. They ask for `ends_at` all the same: an event that is
    not marked yet is never shown.
    """
    moment = now()
    # What has ended has started, which the index on the start knows.
    ended = Event.objects.not_marked_over().filter(starts_at__lt=moment, ends_at__lte=moment)
    batch = list(ended.values_list("pk", flat=True)[:_SWEEP_BATCH])
    # Asked again: one that was moved since is not over.
    return ended.filter(pk__in=batch).update(over=True)


def import_events(drafts: Sequence[Draft], *, actor: str = audit.SYSTEM) -> Tally:
    """Write imported conferences in one transaction: new ones with any number of seats, known ones where they differ.

    An event is known by its source key. Its seats, status and owner are never touched, and neither is an event that
    was not imported. A draft that breaks a rule is refused alone. One that only the database refuses undoes the
    transaction: then the drafts are halved, each half in a transaction of its own, until the refused ones stand alone.
    So it must be the outermost action.
    """
    try:
        return _import_together(drafts, actor)
    except (DataError, IntegrityError) as error:
        if len(drafts) == 1:
            reason = str(error).partition("\n")[0]
            return Tally(refused=(Remark(drafts[0].row, "row", f"the database refuses it: {reason}"),))
        middle = len(drafts) // 2
        return import_events(drafts[:middle], actor=actor) + import_events(drafts[middle:], actor=actor)


@transactional
def _import_together(drafts: Sequence[Draft], actor: str) -> Tally:
    keys = [draft.source_key for draft in drafts]
    known = {
        event.source_key: event for event in Event.objects.filter(source_key__in=keys).prefetch_related("languages")
    }
    differing = [draft for draft in drafts if not _is_as_drafted(known.get(draft.source_key), draft)]
    drafted, refused = _apply(differing, known)
    new = [(event, draft) for event, draft in drafted if draft.source_key not in known]
    changed = [(event, draft) for event, draft in drafted if draft.source_key in known]
    _insert_imported(new, actor)
    _update_imported(changed, actor)
    return Tally(len(new), len(changed), len(drafts) - len(differing), refused)


def _is_as_drafted(event: Event | None, draft: Draft) -> bool:
    if event is None:
        return False
    languages = tuple(language.code for language in event.languages.all())
    return languages == draft.languages and all(getattr(event, name) == getattr(draft, name) for name in _IMPORTED)


def _apply(
    drafts: Sequence[Draft], known: Mapping[str | None, Event]
) -> tuple[list[tuple[Event, Draft]], tuple[Remark, ...]]:
    """Return the events as drafted, and what is wrong with those that break a rule."""
    drafted, refused = [], []
    for draft in drafts:
        event = known.get(draft.source_key) or Event(source_key=draft.source_key, kind=Event.Kind.CONFERENCE)
        try:
            _fill(event, draft)
        except ValidationError as error:
            refused += [Remark(draft.row, name, " ".join(texts)) for name, texts in error.message_dict.items()]
        else:
            drafted.append((event, draft))
    return drafted, tuple(refused)


def _fill(event: Event, draft: Draft) -> None:
    """Give the event the draft's fields; ValidationError where one is not valid.

    `validate()` would ask the database about every constraint of every row; these the database checks itself.
    """
    for name in _IMPORTED:
        setattr(event, name, getattr(draft, name))
    event.clean()
    event.clean_fields(exclude=("owner", "partner"))


def _insert_imported(new: Sequence[tuple[Event, Draft]], actor: str) -> None:
    Event.objects.bulk_create(event for event, _ in new)
    SeatPool.objects.bulk_create(SeatPool(event=event) for event, _ in new)
    EventLanguage.objects.bulk_create(
        EventLanguage(event=event, code=code, rank=rank)
        for event, draft in new
        for rank, code in enumerate(draft.languages)
    )
    audit.record_many(actor, "event.created", [event.id for event, _ in new])


def _update_imported(changed: Sequence[tuple[Event, Draft]], actor: str) -> None:
    Event.objects.bulk_update([event for event, _ in changed], [*_IMPORTED, *_DERIVED])
    for event, draft in changed:
        _write_languages(event, draft.languages)
    audit.record_many(actor, "event.changed", [event.id for event, _ in changed])


def _offer_what_is_seated(event: Event, types: Iterable[str]) -> None:
    """Where each attendance type has seats of its own, offer those types: without a pool nobody could confirm."""
    seated = set(types)
    if "" not in seated:
        event.offers_on_site, event.offers_online = AttendanceType.ON_SITE in seated, AttendanceType.ONLINE in seated


def _write_parts(event: Event, parts: Parts, actor: str) -> None:
    if parts.languages is not None:
        _write_languages(event, parts.languages)
    if parts.speakers is not None:
        event.speakers.set(parts.speakers)
    if parts.sessions is not None:
        _write_sessions(event, parts.sessions)
    if parts.questions is not None:
        write_questions(event, parts.questions, actor=actor)


def _write_sessions(event: Event, sessions: Sequence[Session]) -> None:
    """Write all the sessions an event is to have, and remove the others."""
    for session in sessions:
        session.event = event
    validate_many(sessions, "/sessions", exclude=("event",))
    event.sessions.exclude(pk__in=[session.pk for session in sessions]).delete()
    Session.objects.bulk_create(session for session in sessions if session._state.adding)
    Session.objects.bulk_update([session for session in sessions if not session._state.adding], _SESSION)


def _write_languages(event: Event, codes: Sequence[str]) -> None:
    event.languages.all().delete()
    distinct = dict.fromkeys(code.strip().lower() for code in codes)
    rows = [EventLanguage(event=event, code=code, rank=rank) for rank, code in enumerate(distinct)]
    for row in rows:
        validate(row, exclude=("event",))
    EventLanguage.objects.bulk_create(rows)
