"""A ticket that others may have seen is replaced by a new one."""

from django.utils.translation import gettext as _

from turnout.core import audit, keys
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows
from turnout.registrations.actions.seats import fresh_ticket, locked
from turnout.registrations.actions.telling import report, tell_one
from turnout.registrations.models import Registration
from turnout.registrations.queries import check_takes_place
from turnout.registrations.tickets import TICKET

_REISSUED = "registration.reissued"
_OFTEN = windows("5/hour,10/day")  # for one registration, whoever asks: each owes a mail


@transactional
def reissue_ticket(registration: Registration, *, actor: str = audit.GUEST) -> Registration:
    """Give somebody a new ticket for the seat they hold, and send it to them; the old one opens no door from now on.

    The keys to the registration stay as they are. ConflictError `not_confirmed` for who holds no seat,
    `registration_closed` once the event is over or cancelled; ThrottledError.
    """
    admit(Claim("reissue", str(registration.pk), _OFTEN))
    ticket_key = keys.active_key_id(TICKET)  # asked before the counter's row is locked
    registration, _pools = locked(registration)
    check_takes_place(registration.event)
    if registration.status != Registration.Status.CONFIRMED:
        raise ConflictError(_("There is a ticket only for a confirmed registration."), "not_confirmed")
    ticket = fresh_ticket(registration, ticket_key)
    for name, value in ticket.items():
        setattr(registration, name, value)
    registration.save(update_fields=ticket)
    tell_one(_REISSUED, registration, version=registration.revoked_tickets.count())
    report(_REISSUED, registration.event, [registration.pk], status=registration.status)
    audit.record(actor, _REISSUED, registration.pk)
    return registration
