"""The one owner of seats and of the line for them; every verb that seats or unseats somebody calls it.

Order of locks, in every action: the seat pools' rows first (by id), then registrations. Whoever holds a seat or waits
for one is only ever changed under their pool's lock, so no two transactions wait for each other in a circle.

None of this is an action: each is part of the caller's transaction.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F, QuerySet

from turnout.core import audit, keys
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.ids import new_id
from turnout.core.transactions import ATTEMPTS, RaceLostError, violates
from turnout.events.models import Event, SeatPool, Series
from turnout.registrations.actions.telling import report, tell, tell_one
from turnout.registrations.models import Registration, RevokedTicket, active_key, series_key
from turnout.registrations.queries import event_full, held_in_series, line, pools_for
from turnout.registrations.tickets import TICKET

Status = Registration.Status

# Less than this before it begins nobody is asked whether they want a seat: it is theirs.
_LEAST_OFFER = timedelta(hours=1)
_BATCH = 200
# What says that the same person got in elsewhere this moment, by the constraints' names and, on SQLite, the columns'.
UNIQUE = (
    "registration_active_once",
    "registrations_registration.active_key",
    "registration_series_limit",
    "registrations_registration.series_key",
)


def enter(registration: Registration, actor: str) -> None:
    """Let in somebody whose address is proven: into review where the event approves, else to a seat or into the line.

    Raises as `seat` does; ConflictError `series_limit_reached`.
    """
    event = registration.event
    if not event.approval_required:
        seat(registration, actor)
        return
    if (
        not event.waitlist_enabled
        and not pools_for(event, registration.attendance_type).filter(SeatPool.free()).exists()
    ):
        raise event_full()
    activate(registration, Status.IN_REVIEW, **_unique_keys(registration))
    tell_one("registration.in_review", registration)
    audit.record(actor, "registration.in_review", registration.id)


def seat(registration: Registration, actor: str) -> None:
    """Take a seat if there is one, else the next place in line, by statements that decide and count in one.

    ConflictError `event_full` where there is no line either, and `series_limit_reached`.
    """
    pools = pools_for(registration.event, registration.attendance_type)
    # Asked before the counter's row is locked.
    ticket_key, unique = keys.active_key_id(TICKET), _unique_keys(registration)
    for _attempt in range(ATTEMPTS):
        if _take_seat(pools):
            admit(registration, ticket_key, "registration.confirmed", actor, **unique)
            return
        if not registration.event.waitlist_enabled:
            raise event_full()
        if _join_line(pools):
            place = pools.values_list("seq", flat=True).get()
            activate(registration, Status.WAITLISTED, place=place, **unique)
            tell_one("registration.waitlisted", registration)
            audit.record(actor, "registration.waitlisted", registration.id)
            return
        # A seat came free between the two statements: what hit no row held no lock.
    raise RaceLostError


def admit(registration: Registration, ticket_key: str, kind: str, actor: str, **fields: object) -> None:
    """Give the registration its seat's ticket, and owe the mail of this kind; the counter is the caller's."""
    if kind == "registration.confirmed":  # their own doing
        fields |= spared_the_question(registration.event)
    fields |= fresh_ticket(registration, ticket_key)
    activate(registration, Status.CONFIRMED, place=None, offer_expires_at=None, **fields)
    tell_one(kind, registration)
    audit.record(actor, kind, registration.id)


def fresh_ticket(registration: Registration, ticket_key: str) -> dict[str, object]:
    """Return a new ticket, which this key signs; the one that stood, if there was any, opens no door from now on."""
    if registration.ticket_id is not None:
        RevokedTicket.objects.create(ticket_id=registration.ticket_id, registration=registration, revoked_at=now())
    return {"ticket_id": new_id(), "ticket_key": ticket_key}


def activate(registration: Registration, status: Status, **fields: object) -> None:
    """Make the registration the one that stands for its person and event."""
    fields["confirmed_at"] = registration.confirmed_at or now()
    fields |= {"quarantined_at": None, "rolled_back_by": None, "cancelled_at": None}  # a proven mailbox is through
    try:
        move(registration, status, **fields)
    except IntegrityError as error:
        if not violates(error, *UNIQUE):
            raise
        # The same person got in elsewhere this moment: begin again, and find that one.
        raise RaceLostError from error


def leave(registration: Registration, status: Status, pools: dict[str, SeatPool], **fields: object) -> None:
    """End an active registration; the seat it held goes to the first in line."""
    before = registration.status
    nothing = {"active_key": None, "series_key": None, "offer_expires_at": None}
    move(registration, status, **nothing, **fields)
    uncount(pools[registration.attendance_type], before)


def move(registration: Registration, status: Status, **fields: object) -> None:
    """Change the status, if status and pool are still what we read; RaceLostError if not. Write what is new.

    Whoever follows the event's desk knows of it, but for what strangers do who prove no address.
    """
    before = registration.status
    for name, value in {"status": status, **fields}.items():
        setattr(registration, name, value)
    if registration._state.adding:
        registration.save(force_insert=True)
    else:
        known = Registration.objects.filter(pk=registration.pk, status=before)
        if known.filter(attendance_type=registration.attendance_type).update(status=status, **fields) != 1:
            raise RaceLostError
    if not {before, status}.isdisjoint(Registration.ACTIVE):
        _report(registration.event, status, [registration.id])


def uncount(pool: SeatPool, status: str) -> None:
    """Take one who had this status out of the locked pool's counters, and give a seat that came free to the first."""
    match status:
        case Status.CONFIRMED:
            pool.taken -= 1
        case Status.OFFERED:
            pool.taken -= 1
            pool.offered -= 1
        case Status.WAITLISTED:
            pool.waiting -= 1
        case _:
            return
    settle(pool)


def settle(pool: SeatPool) -> None:
    """Give free seats to the first in line, and write the counters of a pool whose row the caller has locked.

    The only place where anybody is promoted or offered a seat, whatever freed it.
    """
    free = pool.waiting if pool.capacity is None else min(pool.waiting, pool.capacity - pool.taken)
    if free > 0 and not pool.closed:
        first = list(line(pool)[:free])
        until = _offered_until(pool.event)
        if until is None:
            _promote(pool, first)
        else:
            _offer(pool, first, until)
            pool.offered += len(first)
        pool.taken += len(first)
        pool.waiting -= len(first)
    pool.save(update_fields=["capacity", "taken", "offered", "waiting"])


def switch(registration: Registration, left: SeatPool, entered: SeatPool, actor: str) -> None:
    """Move a registration that is counted, already of the other type, from one locked pool to the other.

    ConflictError `event_full` where no seat is free there.
    """
    if not _take_seat(SeatPool.objects.filter(pk=entered.pk)):
        raise event_full()
    before = registration.status
    if before != Status.CONFIRMED:
        admit(registration, keys.active_key_id(TICKET), "registration.promoted", actor)
    uncount(left, before)


def locked(registration: Registration, *types: str) -> tuple[Registration, dict[str, SeatPool]]:
    """Lock the pools of these attendance types and of the registration's own, then the registration; read all anew."""
    known = Registration.objects.filter(pk=registration.pk)
    # Asked anew: what the caller read may be older than a switch, at every repetition of this transaction.
    wanted = {known.values_list("attendance_type", flat=True).get(), *types}
    rows = list(pools_for(registration.event, *wanted).select_for_update().order_by("pk"))
    event = Event.objects.get(pk=registration.event_id)  # it may have been moved or cancelled before we had the lock
    pools: dict[str, SeatPool] = {}
    for pool in rows:
        pool.event = event
        pools |= dict.fromkeys([pool.attendance_type] if pool.attendance_type else wanted, pool)
    registration = known.select_for_update().get()
    registration.event = event
    if registration.attendance_type not in wanted:
        raise RaceLostError  # it was switched before we had the lock: we hold the wrong pool
    return registration, pools


def _take_seat(pools: QuerySet[SeatPool]) -> bool:
    return pools.filter(SeatPool.free()).update(taken=F("taken") + 1) == 1


def _join_line(pools: QuerySet[SeatPool]) -> bool:
    # Only where no seat is left: else a cancel in between would leave a free seat and somebody waiting.
    return pools.filter(closed=False, taken__gte=F("capacity")).update(waiting=F("waiting") + 1, seq=F("seq") + 1) == 1


# Whoever is in line changes only under the pool's lock, which we hold: they can be written many at once.


def _promote(pool: SeatPool, first: Sequence[Registration]) -> None:
    """Give all of these a seat; the counter is the caller's."""
    for registration in first:
        registration.ticket_id = new_id()
    Registration.objects.bulk_update(first, ["ticket_id"], batch_size=_BATCH)
    seated = {"status": Status.CONFIRMED, "ticket_key": keys.active_key_id(TICKET), "place": None}
    line(pool).filter(place__lte=first[-1].place).update(**seated)
    _report(pool.event, Status.CONFIRMED, [each.pk for each in first])
    _tell("registration.promoted", pool.event, first)


def _offer(pool: SeatPool, first: Sequence[Registration], until: datetime) -> None:
    """Keep a seat for all of these until then; the counter is the caller's."""
    kept = {"status": Status.OFFERED, "offer_expires_at": until, "offers": F("offers") + 1}
    line(pool).filter(place__lte=first[-1].place).update(**kept)
    _report(pool.event, Status.OFFERED, [each.pk for each in first])
    for offers in {each.offers for each in first}:
        told = [each for each in first if each.offers == offers]
        _tell("registration.offered", pool.event, told, version=offers + 1)


def _report(event: Event, status: Status, registrations: Collection[UUID]) -> None:
    report(f"registration.{status}", event, registrations, status=status)


def _tell(kind: str, event: Event, people: Sequence[Registration], version: int = 1) -> None:
    tell(kind, event, [(each.pk, each.email) for each in people], version=version)
    audit.record_many(audit.SYSTEM, kind, [each.pk for each in people])


def _offered_until(event: Event) -> datetime | None:
    """Return until when a seat that comes free now is offered; None where it is theirs at once."""
    start = now()
    if event.offer_hours is None or event.starts_at - start < _LEAST_OFFER:
        return None
    return min(start + timedelta(hours=event.offer_hours), event.starts_at)


def spared_the_question(event: Event) -> dict[str, object]:
    """Return what spares somebody the question whether they still come: they have just said so."""
    start = now()
    return {"asked_at": start, "coming_at": start} if event.asks_at is not None and event.asks_at <= start else {}


def _unique_keys(registration: Registration) -> dict[str, object]:
    """Return what only one active registration can have; nothing for one that is active already.

    ConflictError `series_limit_reached` where the person is in as many events of the series as anybody may be.
    """
    if registration.active_key is not None:
        return {}
    return {
        "active_key": active_key(registration.event_id, registration.email),
        "series_key": _free_series_key(registration),
    }


def _free_series_key(registration: Registration) -> str | None:
    series = registration.event.series
    if series is None or series.limit_per_person is None:
        return None
    held = held_in_series(series, [registration.email])[registration.email]
    key = next_series_key(series, registration.email, held)
    if key is None:
        raise ConflictError(series_limit_reached(series), "series_limit_reached", limit=series.limit_per_person)
    return key


def next_series_key(series: Series, email: str, held: Collection[str | None]) -> str | None:
    """Return a key that is not held yet; None where the person is in as many of the events as anybody may be."""
    limit = series.limit_per_person or 0
    numbered = (series_key(series.id, email, number) for number in range(1, limit + 1))
    return next((key for key in numbered if key not in held), None) if len(held) < limit else None


def series_limit_reached(series: Series) -> str:
    """Return what is said to whoever is in as many events of a series as anybody may be."""
    return f"In this series somebody may be in {series.limit_per_person} events at most."
