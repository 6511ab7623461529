"""What the team decides: who is let in where the event approves, and another order of the line."""

from django.utils.translation import gettext as _

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError
from turnout.core.transactions import transactional
from turnout.registrations.actions.seats import leave, locked, seat
from turnout.registrations.actions.telling import tell_one
from turnout.registrations.models import LineChange, Registration
from turnout.registrations.queries import check_takes_place, line, pools_for

Status = Registration.Status


@transactional
def approve(registration: Registration, *, reason: str = "", actor: str) -> Registration:
    """Let somebody in: to a seat or the next place in line, at this moment; they are told.

    Approving twice is approving once. ConflictError `not_in_review`, `event_full` without a line, `registration_closed`
    once the event is over or cancelled.
    """
    registration, _pools = locked(registration)
    if registration.decided_at is not None and registration.status in Registration.ACTIVE:
        return registration
    _check_in_review(registration)
    _decide(registration, "approved", reason, actor)
    seat(registration, actor)
    return registration


@transactional
def decline(registration: Registration, *, reason: str = "", actor: str) -> Registration:
    """Say no to somebody; they are told, with the reason if there is one. Declining twice is declining once.

    ConflictError `not_in_review`; `registration_closed` once the event is over or cancelled.
    """
    registration, pools = locked(registration)
    if registration.status == Status.DECLINED:
        return registration
    _check_in_review(registration)
    _decide(registration, "declined", reason, actor)
    leave(registration, Status.DECLINED, pools)
    tell_one("registration.declined", registration)
    return registration


@transactional
def move_in_line(registration: Registration, position: int, *, reason: str, actor: str) -> Registration:
    """Give somebody who waits another position, from 1; behind the last means last. It is kept, with its reason.

    The places that were given stay the same ones: they only change hands. ConflictError `not_waiting`; InvalidError
    without a reason.
    """
    if not reason.strip():
        raise InvalidError.at(Fault("/reason", "required", _("Say why: the team sees it.")))
    registration, _pools = locked(registration)
    if registration.status != Status.WAITLISTED:
        raise ConflictError(_("Only who waits in line can be moved in it."), "not_waiting")
    waiting = list(line(pools_for(registration.event, registration.attendance_type).get()))
    places = [each.place for each in waiting]
    was = waiting.index(registration)
    waiting.insert(min(position, len(places)) - 1, waiting.pop(was))
    moved = [each for each, place in zip(waiting, places, strict=True) if each.place != place]
    for each, place in zip(waiting, places, strict=True):
        each.place = place
    Registration.objects.bulk_update(moved, ["place"], batch_size=500)
    became = waiting.index(registration)
    registration.place = places[became]
    _write_down(registration, was + 1, became + 1, reason, actor)
    return registration


def _write_down(registration: Registration, was: int, became: int, reason: str, actor: str) -> None:
    LineChange.objects.create(
        registration=registration, actor=actor, was=was, became=became, reason=reason.strip(), at=now()
    )
    audit.record(actor, "registration.moved_in_line", registration.id, {"was": was, "is": became})


def _check_in_review(registration: Registration) -> None:
    check_takes_place(registration.event)
    if registration.status != Status.IN_REVIEW:
        raise ConflictError(_("There is nothing to decide about this registration."), "not_in_review")


def _decide(registration: Registration, what: str, reason: str, actor: str) -> None:
    registration.decided_at, registration.reason = now(), reason
    registration.save(update_fields=["decided_at", "reason"])
    audit.record(actor, f"registration.{what}", registration.id)  # the reason is the row's: it can be erased there
