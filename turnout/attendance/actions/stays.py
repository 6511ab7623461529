"""Presence online, as other systems report it, and what an event decides about presence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from turnout.attendance.models import DoorRules, Stay
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import Fault, NotFoundError
from turnout.core.transactions import RaceLostError, transactional, violates
from turnout.events.models import Event
from turnout.registrations.models import Registration

MOST_AT_ONCE = 1000
_SAME_STAY = ("stay_once_per_event", "attendance_stay.event_id, attendance_stay.stay_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What another system tells of one connection: one moment at least, and whose it is by one of the two."""

    stay_id: str  # its name for it
    registration: UUID | None = None
    email: str = ""  # as addresses are kept: `turnout.core.contact`
    session: UUID | None = None
    joined_at: datetime | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of it."""

    told: Told
    stay: Stay | None = None
    fault: Fault | None = None  # why nothing is kept of it


@dataclass(slots=True)
class _Known:
    """What the database holds of all that is told."""

    by_id: dict[UUID, Registration]
    by_email: dict[str, Registration]
    sessions: set[UUID]
    stays: dict[str, Stay]
    changed: set[Stay] = field(default_factory=set)


@transactional
def report_stays(event: Event, source: str, told: Sequence[Told], *, actor: str) -> list[Heard]:
    """Keep who was there online, and return what became of each, in their order.

    Of one `stay_id` the earliest joining and the latest leaving count, so what is told twice or in another order comes
    to the same. Each is answered on its own: `not_found` for who is not registered with a proven address,
    `does_not_exist` for a session of another event, `stay_id_reused` for another person or session than before.
    By an address it is the registration that stands, else the latest. Nothing of this is in the event's feed: a
    connection that comes and goes is no check-in.
    """
    known = _known(event, told)
    new: dict[str, Stay] = {}
    heard = [_hear(event, source, each, known, new) for each in told]
    changed = known.changed - set(new.values())
    try:
        Stay.objects.bulk_create(new.values())
    except IntegrityError as error:
        if not violates(error, *_SAME_STAY):
            raise
        raise RaceLostError from error
    Stay.objects.bulk_update(changed, ["joined_at", "left_at"])
    if new or changed:
        audit.record(actor, "stays.reported", event.pk, {"source": source, "new": len(new), "changed": len(changed)})
    return heard


@transactional
def set_door_rules(event: Event, fields: Mapping[str, object], *, actor: str) -> DoorRules:
    """Change what an event has decided about its doors; what is not named stays."""
    DoorRules.objects.get_or_create(event=event)
    rules = DoorRules.objects.select_for_update().get(pk=event.pk)
    changed = {name: value for name, value in fields.items() if getattr(rules, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(rules, name, value)
        rules.save(update_fields=[*changed])
        audit.record(actor, "door_rules.changed", event.pk, changed)
    return rules


def _known(event: Event, told: Sequence[Told]) -> _Known:
    people = Registration.objects.filter(event=event).proven()
    by_id = people.in_bulk({each.registration for each in told if each.registration is not None})
    found = people.filter(email__in={each.email for each in told if each.email}).order_by("id")
    ordered = sorted(found, key=lambda each: each.status in Registration.ACTIVE)  # whichever stands is the last
    stays = Stay.objects.select_for_update().filter(event=event, stay_id__in={each.stay_id for each in told})
    return _Known(
        by_id=by_id,
        by_email={each.email: each for each in ordered},
        sessions=set(event.sessions.values_list("pk", flat=True)),
        stays={stay.stay_id: stay for stay in stays.order_by("id")},
    )


def _hear(event: Event, source: str, told: Told, known: _Known, new: dict[str, Stay]) -> Heard:
    person = known.by_id.get(told.registration) if told.registration else known.by_email.get(told.email)
    if person is None:
        return Heard(told, fault=Fault("", "not_found", NotFoundError().detail))
    if told.session is not None and told.session not in known.sessions:
        fault = Fault("/session", "does_not_exist", "There is no such session at this event.")
        return Heard(told, fault=fault)
    stay = known.stays.get(told.stay_id)
    if stay is None:
        stay = Stay(event=event, stay_id=told.stay_id, source=source, registration=person, received_at=now())
        stay.session_id = told.session
        known.stays[told.stay_id] = new[told.stay_id] = stay
    elif (stay.registration_id, stay.session_id) != (person.pk, told.session):
        fault = Fault("/stay_id", "stay_id_reused", "This stay_id was used for another person or session.")
        return Heard(told, fault=fault)
    joined = min(filter(None, (stay.joined_at, told.joined_at)), default=None)
    left = max(filter(None, (stay.left_at, told.left_at)), default=None)
    if (joined, left) != (stay.joined_at, stay.left_at):
        stay.joined_at, stay.left_at = joined, left
        known.changed.add(stay)
    return Heard(told, stay)
