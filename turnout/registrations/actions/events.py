"""What changes an event for those who are registered: its seats, its date and place, that it is cancelled.

Order of locks: the seat pools' rows, then the event's, then registrations. Whoever confirms meanwhile has a pool's row
before us, and is told; or after us, and reads what we wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import ProtectedError, QuerySet
from django.utils.translation import gettext as _

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, NotFoundError
from turnout.core.transactions import RaceLostError, transactional
from turnout.events.actions import Capacity, Parts, add_pools, schedules, update_event
from turnout.events.actions.schedules import ScheduleTally
from turnout.events.gaps import gaps
from turnout.events.models import AttendanceType, Event, SeatPool
from turnout.events.schedules.drafts import ScheduleDraft
from turnout.notifications.webhooks.actions import remove_all_of
from turnout.registrations.actions import change_capacity
from turnout.registrations.actions.coming import forget_answers, retime_answers
from turnout.registrations.actions.telling import report, tell
from turnout.registrations.models import EventMove, Registration

# What makes an event another date or place. `timezone` only says how the date is read.
_DATE_AND_PLACE = ("starts_at", "ends_at", "location", "online_url")


@dataclass(frozen=True, slots=True)
class EventChange:
    """What is to be different about an event; what is not named stays as it is."""

    fields: Mapping[str, object] = field(default_factory=dict)  # the event's own
    parts: Parts = field(default_factory=Parts)
    capacity: Capacity | None = None

    def differs_from(self, event: Event) -> bool:
        """Tell whether anything is to be different; parts that are named are taken to be."""
        named = self.capacity is not None or self.parts != Parts()
        return named or any(getattr(event, name) != value for name, value in self.fields.items())


@transactional
def change_event(event: Event, change: EventChange, *, actor: str = audit.SYSTEM) -> Event:
    """Change an event, all of it or nothing. Moving its date or place is told to everybody registered.

    New seats go to the first in line. Who comes on site is not told of another `online_url`. A draft is published only
    without gaps.
    Raises InvalidError where a rule is broken; ConflictError `capacity_below_taken`, `event_cancelled`,
    `event_incomplete` with every gap, `seats_counted_otherwise`, and `event_has_registrations` where it would be a
    draft again; NotFoundError where it was deleted meanwhile.
    """
    pools, event = _locked(event)
    _check_changeable(event, change)
    was_draft = event.status == Event.Status.DRAFT
    before, hours = _date_and_place(event), event.release_hours
    differs = change.differs_from(event)
    for name, value in change.fields.items():
        setattr(event, name, value)
    if change.capacity is not None:
        _seat_by(event, pools, change.capacity, actor)
    update_event(event, change.parts, actor=actor)
    if was_draft and event.status == Event.Status.PUBLISHED:
        _publish(event, actor)
    if differs and event.status == Event.Status.PUBLISHED:
        report("event.changed", event)
    if before != _date_and_place(event):
        _tell_of_move(event, before)
    if hours != event.release_hours:
        retime_answers(event)
    return event


@transactional
def import_schedule(draft: ScheduleDraft, *, actor: str = audit.SYSTEM) -> ScheduleTally:
    """Write a schedule as `turnout.events.actions.schedules` does; whom it moves to another date or place is told."""
    known = Event.objects.filter(source_key=draft.source_key).first()
    if known is None:
        return schedules.import_schedule(draft, actor=actor)
    _pools, event = _locked(known)
    before = _date_and_place(event)
    tally = schedules.import_schedule(draft, actor=actor)
    event.refresh_from_db()
    if tally.event != "unchanged":
        report("event.changed", event)
    if before != _date_and_place(event):
        _tell_of_move(event, before)
    return tally


@transactional
def remove_event(event: Event, *, actor: str = audit.SYSTEM) -> None:
    """Delete an event for which nobody ever registered; cancel any other, and tell everybody registered.

    No record of a registration is lost: each stays as it is, at an event that does not take place. Cancelling twice is
    cancelling once; of an event that is over nobody is told.
    """
    _pools, event = _locked(event)
    if Registration.objects.filter(event=event).exists():
        _cancel(event, actor)
        return
    audit.record(actor, "event.deleted", event.id, {"title": event.title})
    remove_all_of(topics=[event.id])
    try:
        event.delete()
    except ProtectedError as error:
        raise RaceLostError from error  # somebody registered this moment


def _locked(event: Event) -> tuple[dict[str, SeatPool], Event]:
    """Lock the event's pools and then the event, and read them anew."""
    locked = SeatPool.objects.select_for_update().filter(event=event.pk).order_by("pk")
    pools = {pool.attendance_type: pool for pool in locked}
    found = Event.objects.select_for_update().filter(pk=event.pk).first()
    if found is None:
        raise NotFoundError
    for pool in pools.values():
        pool.event = found
    return pools, found


def _check_changeable(event: Event, change: EventChange) -> None:
    if event.status == Event.Status.CANCELLED:
        raise ConflictError(_("This event is cancelled."), "event_cancelled")
    is_taken_back = event.status != change.fields.get("status", event.status) == Event.Status.DRAFT
    if is_taken_back and Registration.objects.filter(event=event).exists():
        message = _("People have registered: the event can be cancelled, and is no draft any more.")
        raise ConflictError(message, "event_has_registrations")


def _publish(event: Event, actor: str) -> None:
    faults = gaps(event, event.pools.all(), event.sessions.all(), now())
    if faults:
        message = _("Something is missing before this event can be published.")
        raise ConflictError(message, "event_incomplete", faults=tuple(faults))
    audit.record(actor, "event.published", event.id)


# --- Seats -------------------------------------------------------------------------------------------------------


def _seat_by(event: Event, pools: Mapping[str, SeatPool], capacity: Capacity, actor: str) -> None:
    """Give the locked pools these capacities. In all or by type: that changes only while no seat is taken."""
    wanted = capacity.by_type or {"": capacity.in_all}
    known = pools
    if ("" in wanted) != ("" in pools):
        if any(pool.taken or pool.waiting for pool in pools.values()):
            message = _("Seats are taken: whether they are counted in all or by attendance type can't change any more.")
            raise ConflictError(message, "seats_counted_otherwise")
        SeatPool.objects.filter(event=event).delete()
        known = {}
    add_pools(event, {kind: count for kind, count in wanted.items() if kind not in known})
    for kind in wanted.keys() & known.keys():
        if known[kind].capacity != wanted[kind]:
            change_capacity(known[kind], wanted[kind], actor=actor)


# --- Who is told -------------------------------------------------------------------------------------------------


def _tell_of_move(event: Event, before: Mapping[str, object]) -> None:
    """Keep what was before, and owe everybody whom it concerns a message that says so."""
    number = event.moves.count() + 1
    EventMove.objects.create(event=event, number=number, timezone=event.timezone, moved_at=now(), **before)
    if before["starts_at"] != event.starts_at:
        forget_answers(event)
        # An offer ends when the event starts at the latest.
        offered = Registration.objects.filter(event=event, status=Registration.Status.OFFERED)
        offered.filter(offer_expires_at__gt=event.starts_at).update(offer_expires_at=event.starts_at)
    if event.status == Event.Status.PUBLISHED and event.ends_at > now():
        _tell(event, _concerned(event, before), "registration.event_changed", number)


def _concerned(event: Event, before: Mapping[str, object]) -> QuerySet[Registration]:
    registered = Registration.objects.filter(event=event).active()
    after = _date_and_place(event)
    if any(before[name] != after[name] for name in _DATE_AND_PLACE if name != "online_url"):
        return registered
    return registered.filter(status=Registration.Status.CONFIRMED, attendance_type=AttendanceType.ONLINE)


def _cancel(event: Event, actor: str) -> None:
    if event.status == Event.Status.CANCELLED:
        return
    event.status = Event.Status.CANCELLED
    event.save(update_fields=["status"])
    SeatPool.objects.filter(event=event).update(closed=True)
    Registration.objects.filter(event=event, series_key__isnull=False).update(series_key=None)  # it counts no more
    if event.ends_at > now():
        _tell(event, Registration.objects.filter(event=event).active(), "registration.event_cancelled", 1)
    report("event.cancelled", event)
    audit.record(actor, "event.cancelled", event.id)


def _tell(event: Event, registrations: QuerySet[Registration], kind: str, version: int) -> None:
    tell(kind, event, list(registrations.order_by().values_list("pk", "email")), version=version)


def _date_and_place(event: Event) -> dict[str, object]:
    return {name: getattr(event, name) for name in _DATE_AND_PLACE}
