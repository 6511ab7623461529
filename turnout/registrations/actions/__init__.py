"""Every way in which a registration changes. Here is what its holder does; seats are counted in `seats`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.conf import settings
from django.utils.translation import gettext as _

from turnout.accounts.models import User
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError
from turnout.core.text import normal_address
from turnout.core.transactions import transactional
from turnout.events.models import AttendanceType, Event, SeatPool
from turnout.events.queries import language_of, questions_of, seats_left
from turnout.guard.actions import Claim, admit, admitted
from turnout.guard.addresses import block
from turnout.guard.mailboxes import within_mail_budget
from turnout.guard.notation import windows
from turnout.notifications.actions import owe
from turnout.registrations.actions.seats import enter, leave, locked, settle, switch
from turnout.registrations.actions.telling import report, tell_one
from turnout.registrations.answers import Answers, answers_of, check_answers, written
from turnout.registrations.attacks.actions import watch
from turnout.registrations.attacks.queries import under_attack
from turnout.registrations.models import BLOCK_KEPT, CONFIRM_MAIL, CONFIRMATION_LIVES, Registration, active_key
from turnout.registrations.queries import (
    can_be_changed,
    check_takes_place,
    closed,
    event_full,
    pools_for,
    registration_closed,
    to_confirm,
)
from turnout.registrations.uploads.actions import claim

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
    language: str = ""  # where they did not say, the event's
    answers: Mapping[str, object] = field(default_factory=dict)  # by the questions' keys

    @classmethod
    def of(cls, user: User, event: Event, sent: Mapping[str, Any]) -> Self:
        """Return who enrolls: what they say of themselves now, else what their account says."""
        offered = event.attendance_types
        with_seat = (kind for kind in offered if seats_left(event, kind) != 0)
        return cls(
            full_name=sent.get("full_name") or user.name or user.email.partition("@")[0],
            email=user.email,
            attendance_type=sent.get("attendance_type") or next(with_seat, offered[0]),
            phone=sent.get("phone", ""),
            language=user.language,
            answers=sent.get("answers", {}),
        )


@transactional
def register(event: Event, guest: Guest, *, client: str = "") -> Registration:
    """Write down a guest's wish to come, and owe them a mail to confirm it. No seat is taken, nobody is bound.

    Whoever registered before with that address, the answer is the same; so it is where the mailbox has got all the
    mails it may, and none is owed. `client` is the network they come from. Under attack it may register less often
    (ThrottledError), and whoever registers is quarantined until they confirm.
    Raises ConflictError `registration_closed`, `registration_not_open`, or `event_full` where there is no waiting list;
    InvalidError where the event can't be attended that way, or what it asks is not answered as it should be.
    """
    check_open(event)
    _check_offered(event, guest.attendance_type)
    questions = questions_of(event)
    answers = check_answers(questions, guest.answers, guest.attendance_type)
    if not event.waitlist_enabled and not pools_for(event, guest.attendance_type).filter(SeatPool.free()).exists():
        raise event_full()
    attacked = under_attack(event.id) or watch(event)
    if attacked:
        admit(Claim("attack", f"{event.id} {client}", settings.THROTTLES["attack"]))
    registration = _written_down(event, guest, answers)
    start, address = registration.created_at, registration.email
    if origin := block(client):
        registration.block, registration.block_until = origin, start + BLOCK_KEPT
    registration.mail_domain = address.rpartition("@")[2]
    registration.quarantined_at = start if attacked else None
    registration.save(force_insert=True)
    if answers:
        claim(registration, questions, answers)
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
    check_takes_place(event)
    enter(registration, audit.GUEST)
    return registration


@transactional
def enroll(event: Event, person: Guest, *, actor: str) -> Registration:
    """Let somebody in whose address is proven: to a seat, or the next place in line, or into review.

    Raises as `register` does; ConflictError `already_enrolled` for who is in already, by whichever door, and
    `series_limit_reached`. What is pending at the address does not count.
    """
    check_open(event)
    _check_offered(event, person.attendance_type)
    questions = questions_of(event)
    answers = check_answers(questions, person.answers, person.attendance_type)
    registration = _written_down(event, person, answers)
    if Registration.objects.filter(active_key=active_key(event.id, registration.email)).exists():
        raise ConflictError(_("You are registered for this event already."), "already_enrolled")
    enter(registration, actor)
    if answers:
        claim(registration, questions, answers)
    return registration


@transactional
def cancel(registration: Registration, *, actor: str = audit.GUEST) -> Registration:
    """Give a registration up; its seat goes to the first in line in the same transaction, and both are told.

    Cancelling what is cancelled changes nothing. ConflictError `registration_closed` once it expired or the event is
    over.
    """
    registration, pools = locked(registration)
    if registration.status == Status.CANCELLED:
        return registration
    _check_changeable(registration)
    before = registration.status
    leave(registration, Status.CANCELLED, pools, cancelled_at=now())
    if before in Registration.ACTIVE:
        tell_one("registration.cancelled", registration)
    audit.record(actor, "registration.cancelled", registration.id, {"was": before})
    return registration


@transactional
def change(
    registration: Registration,
    fields: Mapping[str, str],
    *,
    answers: Mapping[str, object] | None = None,
    actor: str = audit.GUEST,
) -> Registration:
    """Change the holder's `full_name`, `phone` or `attendance_type`, and what they `answers`, by the questions' keys.

    Another attendance type with seats of its own needs one free there (ConflictError `event_full`); the seat left goes
    to the first in line for it. ConflictError `registration_closed` once cancelled, expired or over.
    """
    wanted = fields.get("attendance_type", registration.attendance_type)
    if "attendance_type" in fields:
        _check_offered(registration.event, wanted)
    registration, pools = locked(registration, wanted)
    wanted = fields.get("attendance_type", registration.attendance_type)
    _check_changeable(registration)
    if answers is not None or wanted != registration.attendance_type:  # which may be asked other questions
        fields = {**fields, "answers": _answer(registration, answers or {}, wanted)}
    changed = {name: value for name, value in fields.items() if getattr(registration, name) != value}
    if not changed:
        return registration
    left = pools[registration.attendance_type]
    for name, value in changed.items():
        setattr(registration, name, value)
    registration.save(update_fields=[*changed, "name_key"])
    if registration.status in Registration.COUNTED and pools[wanted] != left:
        switch(registration, left, pools[wanted], actor)
    report("registration.changed", registration.event, [registration.id])
    audit.record(actor, "registration.changed", registration.id, {"fields": sorted(changed)})
    return registration


@transactional
def change_capacity(pool: SeatPool, capacity: int | None, *, actor: str = audit.SYSTEM) -> SeatPool:
    """Set how many may come (None: any number); new seats go to the first in line in the same transaction.

    ConflictError `capacity_below_taken` where more seats are taken than that.
    """
    event = pool.event
    pool = SeatPool.objects.select_for_update().get(pk=pool.pk)
    pool.event = event
    check_capacity(pool, capacity)
    before, pool.capacity = pool.capacity, capacity
    settle(pool)
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


def _written_down(event: Event, person: Guest, answers: Answers) -> Registration:
    """Return the registration of who came now, not saved yet."""
    start = now()
    return Registration(
        event=event,
        full_name=person.full_name,
        email=normal_address(person.email),
        phone=person.phone,
        answers=written(answers),
        attendance_type=person.attendance_type,
        language=person.language or language_of(event),
        created_at=start,
        expires_at=start + CONFIRMATION_LIVES,
    )


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


def check_open(event: Event) -> None:
    """ConflictError `registration_closed` or `registration_not_open` where nobody can register now."""
    if reason := closed(event):
        raise reason


def _check_offered(event: Event, attendance_type: str) -> None:
    if attendance_type not in event.attendance_types:
        offered = ", ".join(str(AttendanceType(each).label) for each in event.attendance_types)
        message = _("This event can be attended: %s.") % offered
        raise InvalidError.at(Fault("/attendance_type", "not_offered", message))


def _answer(registration: Registration, given: Mapping[str, object], attendance_type: str) -> str:
    """Return the answers of a registration as they are to be kept, with their files made its own."""
    questions = questions_of(registration.event)
    stood = answers_of(registration)
    answers = check_answers(questions, given, attendance_type, stood)
    if answers == stood:
        return registration.answers
    claim(registration, questions, answers)
    return written(answers)


def _check_changeable(registration: Registration) -> None:
    if not can_be_changed(registration):
        raise registration_closed(registration.event)
