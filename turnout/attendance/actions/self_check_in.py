"""Checking in oneself, by the code on the room's screen."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from turnout.attendance.actions.scanning import check_in
from turnout.attendance.actions.settling import passages_at
from turnout.attendance.cases import Attempt
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import DoorRules, Scan
from turnout.attendance.outcomes import outcome_of
from turnout.attendance.room_codes import places_of
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError
from turnout.core.ids import new_id
from turnout.events.models import Event
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows
from turnout.registrations.models import Registration

_TRIES = windows("5/minute,30/hour")  # of one registration
_BEFORE = timedelta(hours=1)  # a session begins
_SPACES = re.compile(r"[\s-]")


@dataclass(frozen=True, slots=True)
class Arrival:
    """That somebody is in."""

    session: UUID | None  # None is the event as a whole
    since: datetime
    is_new: bool  # whether by this


def check_in_by_code(
    registration: Registration, code: str, *, session: UUID | None = None, actor: str, client: str = ""
) -> Arrival:
    """Let somebody in by the code that they read in the room; who is in already stays so.

    Without a session the code says where: at the event as a whole, or in a session that is on or begins within an hour.
    A try is counted before it is compared, for the registration and for the network: so this is called outside a
    transaction. ConflictError `self_check_in_off`, `not_confirmed`; InvalidError `code_invalid`, or for a session of
    another event; ThrottledError.
    """
    event = registration.event
    require_self_check_in(event)
    if registration.status != Registration.Status.CONFIRMED:
        raise _not_confirmed()
    places = _places(event, session)
    admit(Claim("room_code", registration.pk.hex, _TRIES), Claim("room_code", client, settings.THROTTLES["room_code"]))
    fitting = places_of(_normal(code), event.pk, places)
    if not fitting:
        message = _("This is not the code on the screen, or not any more: look at the screen again.")
        raise InvalidError(message, "code_invalid")
    before = outcome_of(passages_at((registration.pk, fitting[0])))
    if before.is_inside and before.first is not None:
        return Arrival(fitting[0], before.first.at, is_new=False)
    return _arrive(registration, fitting[0], actor)


def require_self_check_in(event: Event) -> None:
    """ConflictError `self_check_in_off` where the event does not let people check in themselves."""
    if not DoorRules.objects.filter(pk=event.pk, self_check_in=True).exists():
        message = _("Nobody checks in themselves here. Show your ticket at the door.")
        raise ConflictError(message, "self_check_in_off")


def _places(event: Event, session: UUID | None) -> list[UUID | None]:
    """Return for which places a code may be."""
    if session is None:
        on = event.sessions.filter(starts_at__lte=now() + _BEFORE, ends_at__gt=now())
        return [None, *on.order_by("id").values_list("pk", flat=True)]
    if not event.sessions.filter(pk=session).exists():
        raise InvalidError.at(Fault("/session", "does_not_exist", _("The event has no such session.")))
    return [session]


def _arrive(registration: Registration, session: UUID | None, actor: str) -> Arrival:
    attempt = Attempt(
        scan_id=f"self-{new_id()}",
        scanned_at=now(),
        registration=registration.pk,
        event=registration.event_id,
        session=session,
    )
    answer = check_in(Doorkeeper.of_guest(registration, actor), attempt)
    if answer.first is None:
        raise _not_confirmed()  # cancelled this moment
    is_new = answer.scan is not None and answer.scan.result == Scan.Result.CHECKED_IN
    return Arrival(session, answer.first.at, is_new=is_new)


def _normal(code: str) -> str:
    """Return the digits as we write them, whichever a keyboard has: Arabic ones, too."""
    digits = (unicodedata.digit(letter, None) for letter in _SPACES.sub("", code)[:20])
    return "".join("?" if digit is None else str(digit) for digit in digits)


def _not_confirmed() -> ConflictError:
    return ConflictError(_("Only who has a seat checks in."), "not_confirmed")
