"""Every way in which a registration changes: the one owner of seats and of the line for them.

Order of locks, in every action: the seat pools' rows first (by id), then registrations. An active registration is only
ever changed under its pool's lock, so no two transactions wait for each other in a circle.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from turnout.core import audit, keys
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError
from turnout.core.ids import new_id
from turnout.core.text import normal_address
from turnout.core.transactions import ATTEMPTS, RaceLostError, transactional, violates
from turnout.events.models import AttendanceType, Event, SeatPool
from turnout.guard.actions import Claim, admit, admitted
from turnout.guard.addresses import block
from turnout.guard.mailboxes import within_mail_budget
from turnout.guard.notation import windows
from turnout.notifications.actions import owe
from turnout.registrations.attacks.actions import watch
from turnout.registrations.attacks.queries import under_attack
from turnout.registrations.models import BLOCK_KEPT, CONFIRM_MAIL, CONFIRMATION_LIVES, Registration, active_key
from turnout.registrations.queries import (
    can_be_changed,
    closed,
    event_full,
    line,
    pools_for,
    registration_closed,
    to_confirm,
)
from turnout.registrations.tickets import TICKET

Status = Registration.Status
_EXPIRY_BATCH = 500
_FIRST_MAILS = windows("3/hour")


@dataclass(frozen=True, slots=True)
class Guest:
    """Who registers, as they tell it."""

    full_name: str
    email: str
    attendance_type: str
    phone: str = ""
    language: str = "en"


@transactional
def register(event: Event, guest: Guest, *, client: str = "") -> Registration:
    """Write down a guest's wish to come, and owe them a mail to confirm it. No seat is taken, nobody is bound.

    Whoever registered before with that address, the answer is the same; so it is where the mailbox has got all the
    mails it may, and none is owed. `client` is the network they come from. Under attack it may register less often
    (ThrottledError), and whoever registers is quarantined until they confirm.
    Raises ConflictError `registration_closed`, `registration_not_open`, or `event_full` where there is no waiting list;
    InvalidError where the event can't be attended that way.
    """
    _check_open(event)
    _check_offered(event, guest.attendance_type)
    if not event.waitlist_enabled and not pools_for(event, guest.attendance_type).filter(SeatPool.free()).exists():
        raise event_full()
    attacked = under_attack(event.id) or watch(event)
    if attacked:
        admit(Claim("attack", f"{event.id} {client}", settings.THROTTLES["attack"]))
    start = now()
    address, origin = normal_address(guest.email), block(client)
    registration = Registration.objects.create(
        event=event,
        full_name=guest.full_name,
        email=address,
        phone=guest.phone,
        attendance_type=guest.attendance_type,
        language=guest.language,
        created_at=start,
        expires_at=start + CONFIRMATION_LIVES,
        block=origin,
        block_until=start + BLOCK_KEPT if origin else None,
        mail_domain=address.rpartition("@")[2],
        quarantined_at=start if attacked else None,
    )
    if within_mail_budget(address, client, purpose="registration"):
        owe(CONFIRM_MAIL, registration.id, address, patience=_patience(event, client))
    audit.record(audit.GUEST, "registration.created", registration.id)
    return registration


@transactional
def confirm(token: str) -> Registration:
    """Take a seat, or the next place in line, for whoever shows the token from the confirmation mail.

    A second call, or a second registration of the same person, answers the registration that already stands. Who
    registered in time may confirm after registration has closed, until the event is over.
    Raises InvalidError `token_invalid`; GoneError `token_expired`; ConflictError `registration_cancelled`,
    `registration_closed`, `event_full`.
    """
    registration = to_confirm(token)
    if registration.status in Registration.ACTIVE:
        return registration
    event = registration.event
    standing = Registration.objects.filter(active_key=active_key(event.id, registration.email)).first()
    if standing is not None:
        standing.event = event
        return standing
    if event.status != Event.Status.PUBLISHED or event.ends_at <= now():
        raise registration_closed(event)
    _seat(registration)
    return registration


@transactional
def cancel(registration: Registration, *, actor: str = audit.GUEST) -> Registration:
    """Give a registration up; its seat goes to the first in line in the same transaction, and both are told.

    Cancelling what is cancelled changes nothing. ConflictError `registration_closed` once it expired or the event is
    over.
    """
    registration, pools = _locked(registration)
    if registration.status == Status.CANCELLED:
        return registration
    _check_changeable(registration)
    before = registration.status
    _move(registration, Status.CANCELLED, active_key=None, cancelled_at=now())
    if before in Registration.ACTIVE:
        _leave(pools[registration.attendance_type], before)
        owe("registration.cancelled", registration.id, registration.email)
    audit.record(actor, "registration.cancelled", registration.id, {"was": before})
    return registration


@transactional
def change(registration: Registration, fields: Mapping[str, str], *, actor: str = audit.GUEST) -> Registration:
    """Change the holder's `full_name`, `phone` or `attendance_type`.

    Another attendance type with seats of its own needs one free there (ConflictError `event_full`); the seat left goes
    to the first in line for it. ConflictError `registration_closed` once cancelled, expired or over.
    """
    wanted = fields.get("attendance_type", registration.attendance_type)
    _check_offered(registration.event, wanted)
    registration, pools = _locked(registration, wanted)
    wanted = fields.get("attendance_type", registration.attendance_type)
    _check_changeable(registration)
    changed = {name: value for name, value in fields.items() if getattr(registration, name) != value}
    if not changed:
        return registration
    left = pools[registration.attendance_type]
    for name, value in changed.items():
        setattr(registration, name, value)
    registration.save(update_fields=list(changed))
    if registration.status in Registration.ACTIVE and pools[wanted] != left:
        _switch(registration, left, pools[wanted])
    audit.record(actor, "registration.changed", registration.id, {"fields": sorted(changed)})
    return registration


@transactional
def change_capacity(pool: SeatPool, capacity: int | None, *, actor: str = audit.SYSTEM) -> SeatPool:
    """Set how many may come (None: any number); new seats go to the first in line in the same transaction.

    ConflictError `capacity_below_taken` where more seats are taken than that.
    """
    pool = SeatPool.objects.select_for_update().get(pk=pool.pk)
    check_capacity(pool, capacity)
    before, pool.capacity = pool.capacity, capacity
    _settle(pool)
    audit.record(actor, "event.capacity_changed", pool.event_id, {"was": before, "is": capacity})
    return pool


def check_capacity(pool: SeatPool, capacity: int | None) -> None:
    """ConflictError `capacity_below_taken` where more seats are taken than that."""
    if capacity is not None and capacity < pool.taken:
        message = f"{pool.taken} seats are taken: the capacity can't be lower than that."
        raise ConflictError(message, "capacity_below_taken", taken=pool.taken)


@transactional
def expire_unconfirmed() -> int:
    """Move up to 500 registrations that were not confirmed in time to `expired`, and say how many they were."""
    pending = Registration.objects.filter(status=Status.PENDING)
    overdue = list(pending.filter(expires_at__lte=now()).values_list("pk", flat=True)[:_EXPIRY_BATCH])
    if overdue:
        pending.filter(pk__in=overdue).update(status=Status.EXPIRED)
        audit.record_many(audit.SYSTEM, "registration.expired", overdue)
    return len(overdue)


def _patience(event: Event, client: str) -> int:
    """Tell how far behind other mail a confirmation mail goes, so that a flood holds up itself and nobody else.

    The first three an hour of each network go with all other mail, as long as the event does not owe very many of
    them; then behind other events' mail. Further ones of a network go last.
    """
    if not settings.THROTTLE_EVENT_MAIL:
        return 0
    if not admitted(Claim("event_mail.network", f"{event.id} {client}", _FIRST_MAILS)):
        return 2
    return 0 if admitted(Claim("event_mail", str(event.id), settings.THROTTLE_EVENT_MAIL)) else 1


def _seat(registration: Registration) -> None:
    """Take a seat if there is one, else the next place in line, by statements that decide and count in one."""
    pools = pools_for(registration.event, registration.attendance_type)
    ticket_key = keys.active_key_id(TICKET)  # asked before the counter's row is locked
    for _attempt in range(ATTEMPTS):
        if _take_seat(pools):
            _admit(registration, ticket_key, "registration.confirmed")
            return
        if not registration.event.waitlist_enabled:
            raise event_full()
        if _join_line(pools):
            place = pools.values_list("seq", flat=True).get()
            _activate(registration, Status.WAITLISTED, place=place)
            owe("registration.waitlisted", registration.id, registration.email)
            audit.record(audit.GUEST, "registration.waitlisted", registration.id)
            return
        # A seat came free between the two statements: what hit no row held no lock.
    raise RaceLostError


def _take_seat(pools: QuerySet[SeatPool]) -> bool:
    return pools.filter(SeatPool.free()).update(taken=F("taken") + 1) == 1


def _join_line(pools: QuerySet[SeatPool]) -> bool:
    # Only where no seat is left: else a cancel in between would leave a free seat and somebody waiting.
    return pools.filter(closed=False, taken__gte=F("capacity")).update(waiting=F("waiting") + 1, seq=F("seq") + 1) == 1


def _admit(registration: Registration, ticket_key: str, kind: str) -> None:
    """Give the registration its seat's ticket; the counter is the caller's."""
    _activate(registration, Status.CONFIRMED, ticket_id=new_id(), ticket_key=ticket_key, place=None)
    owe(kind, registration.id, registration.email)
    audit.record(audit.SYSTEM if kind == "registration.promoted" else audit.GUEST, kind, registration.id)


def _activate(registration: Registration, status: Status, **fields: object) -> None:
    fields["active_key"] = active_key(registration.event_id, registration.email)
    fields["confirmed_at"] = registration.confirmed_at or now()
    fields |= {"quarantined_at": None, "rolled_back_by": None, "cancelled_at": None}  # a proven mailbox is through
    try:
        _move(registration, status, **fields)
    except IntegrityError as error:
        if not violates(error, "registration_active_once", "registrations_registration.active_key"):
            raise
        # The same person confirmed another registration this moment: begin again, and find that one.
        raise RaceLostError from error


def _move(registration: Registration, status: Status, **fields: object) -> None:
    """Change the status, if status and pool are still what we read; RaceLostError if not."""
    known = Registration.objects.filter(
        pk=registration.pk, status=registration.status, attendance_type=registration.attendance_type
    )
    if known.update(status=status, **fields) != 1:
        raise RaceLostError
    for name, value in {"status": status, **fields}.items():
        setattr(registration, name, value)


def _leave(pool: SeatPool, status: str) -> None:
    """Take one who had this status out of the counters, and give a seat that came free to the first in line."""
    if status == Status.CONFIRMED:
        pool.taken -= 1
    else:
        pool.waiting -= 1
    _settle(pool)


def _settle(pool: SeatPool) -> None:
    """Give free seats to the first in line, and write the counters of a pool whose row the caller has locked.

    The only place where anybody is promoted, whatever freed the seat.
    """
    free = pool.waiting if pool.capacity is None else min(pool.waiting, pool.capacity - pool.taken)
    if free > 0 and not pool.closed:
        ticket_key = keys.active_key_id(TICKET)
        for registration in line(pool)[:free]:
            _admit(registration, ticket_key, "registration.promoted")
            pool.taken += 1
            pool.waiting -= 1
    pool.save(update_fields=["capacity", "taken", "waiting"])


def _switch(registration: Registration, left: SeatPool, entered: SeatPool) -> None:
    """Move an active registration, already of the other type, from one locked pool to the other."""
    if not _take_seat(SeatPool.objects.filter(pk=entered.pk)):
        raise event_full()
    before = registration.status
    if before == Status.WAITLISTED:
        _admit(registration, keys.active_key_id(TICKET), "registration.promoted")
    _leave(left, before)


def _locked(registration: Registration, *types: str) -> tuple[Registration, dict[str, SeatPool]]:
    """Lock the pools of these attendance types and of the registration's own, then the registration; read both anew."""
    known = Registration.objects.filter(pk=registration.pk)
    # Asked anew: what the caller read may be older than a switch, at every repetition of this transaction.
    wanted = {known.values_list("attendance_type", flat=True).get(), *types}
    pools = {
        attendance_type: pool
        for pool in pools_for(registration.event, *wanted).select_for_update().order_by("pk")
        for attendance_type in ([pool.attendance_type] if pool.attendance_type else wanted)
    }
    event = registration.event
    registration = known.select_for_update().get()
    registration.event = event
    if registration.attendance_type not in wanted:
        raise RaceLostError  # it was switched before we had the lock: we hold the wrong pool
    return registration, pools


def _check_open(event: Event) -> None:
    if reason := closed(event):
        raise reason


def _check_offered(event: Event, attendance_type: str) -> None:
    if attendance_type not in event.attendance_types:
        offered = ", ".join(str(AttendanceType(each).label) for each in event.attendance_types)
        message = _("This event can be attended: %s.") % offered
        raise InvalidError.at(Fault("/attendance_type", "not_offered", message))


def _check_changeable(registration: Registration) -> None:
    if not can_be_changed(registration):
        raise registration_closed(registration.event)
