"""Seats that are offered to the first in line, for a time."""

from uuid import UUID

from django.utils.translation import gettext as _

from turnout.core import audit, keys
from turnout.core.clock import now
from turnout.core.errors import ConflictError, GoneError
from turnout.core.transactions import transactional
from turnout.events.models import Event, SeatPool
from turnout.registrations.actions.seats import activate, admit, leave, locked, settle
from turnout.registrations.actions.telling import tell_one
from turnout.registrations.models import Registration
from turnout.registrations.queries import check_takes_place
from turnout.registrations.tickets import TICKET

Status = Registration.Status

MOST_OFFERS = 3  # who lets so many lapse has left the line
_BATCH = 200


@transactional
def accept(registration: Registration, *, actor: str = audit.GUEST) -> Registration:
    """Take the seat that is kept. Accepting twice is accepting once.

    GoneError `offer_expired` from the deadline on, whether the seat went to the next already or not; ConflictError
    `not_offered`, `registration_closed`.
    """
    registration, pools = locked(registration)
    if registration.status == Status.CONFIRMED and registration.offers:
        return registration
    check_takes_place(registration.event)
    until = registration.offer_expires_at
    if until is not None and until > now():
        pool = pools[registration.attendance_type]
        pool.offered -= 1
        pool.save(update_fields=["offered"])
        admit(registration, keys.active_key_id(TICKET), "registration.confirmed", actor)
        return registration
    if registration.offers:
        raise GoneError(_("The time to take this seat is over: it goes to the next in line."), "offer_expired")
    raise ConflictError(_("No seat is offered to this registration."), "not_offered")


def lapse_offers() -> int:
    """Pass up to 200 seats on whose offer was not taken in time, each in a transaction of its own; say how many.

    Who let one lapse stands at the end of the line, and after the third offer in no line any more.
    """
    overdue = Registration.objects.filter(status=Status.OFFERED, offer_expires_at__lte=now())
    living = overdue.filter(event__status=Event.Status.PUBLISHED, event__ends_at__gt=now())
    return sum(_lapse(pk) for pk in list(living.order_by("offer_expires_at").values_list("pk", flat=True)[:_BATCH]))


@transactional
def _lapse(registration_id: UUID) -> bool:
    """Pass one seat on; False where it was taken or given up meanwhile."""
    found = Registration.objects.select_related("event").filter(pk=registration_id).first()
    if found is None:
        return False
    registration, pools = locked(found)
    if registration.offer_expires_at is None or registration.offer_expires_at > now():
        return False
    pool = pools[registration.attendance_type]
    if registration.offers < MOST_OFFERS:
        _send_to_the_end(registration, pool)
    else:
        leave(registration, Status.CANCELLED, pools, cancelled_at=now())
    tell_one("registration.offer_lapsed", registration, version=registration.offers)
    audit.record(audit.SYSTEM, "registration.offer_lapsed", registration.id)
    return True


def _send_to_the_end(registration: Registration, pool: SeatPool) -> None:
    pool.seq += 1
    activate(registration, Status.WAITLISTED, place=pool.seq, offer_expires_at=None)
    pool.taken, pool.offered, pool.waiting = pool.taken - 1, pool.offered - 1, pool.waiting + 1
    pool.save(update_fields=["seq"])
    settle(pool)
