"""Somebody's registrations as their calendar has them: one file, a feed, and what goes with mails (iTIP, RFC 5546).

All three write the same entry, under the registration's id and with the same number, so that it stands there once.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import icalendar
from django.conf import settings
from django.db.models import Q
from django.utils import translation

from turnout.accounts.models import User
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.events.calendar import Edition, blank_entry, calendar, description, put, text_of
from turnout.events.models import AttendanceType, Event
from turnout.notifications.mail import Invitation
from turnout.registrations.models import Registration
from turnout.registrations.queries import times_moved
from turnout.registrations.tickets import where

Status = Registration.Status

FEED_KEEPS = timedelta(days=90)  # what is over
FEED_KEEPS_CANCELLED = timedelta(days=30)  # what somebody gave up
_MOST_IN_FEED = 1000
_WAITS = (Status.IN_REVIEW, Status.WAITLISTED, Status.OFFERED)


def invitation(registration: Registration) -> Invitation | None:
    """Return what puts the event into the person's calendar, moves it there, or takes it out again.

    REQUEST for who holds a seat; CANCEL for who ever held one, where they or the event are cancelled; None for all
    others. It asks for no answer: who has a seat has said that they come.
    """
    status = _status(registration)
    if status not in {"CONFIRMED", "CANCELLED"} or registration.ticket_id is None:
        return None
    method = "REQUEST" if status == "CONFIRMED" else "CANCEL"
    entry = _entry(registration, status, times_moved([registration.event_id]), now())
    entry.add("organizer", _person(settings.DEFAULT_FROM_EMAIL, settings.SITE_NAME))
    entry.add("attendee", _attendee(registration))
    return Invitation(method, calendar([entry], method=method))


def registration_calendar(registration: Registration) -> bytes:
    """Return a registration as a file; ConflictError `not_confirmed` for who neither has a seat nor waits for one."""
    entries = _entries([registration])
    if not entries:
        raise ConflictError("There is something for a calendar only once the address is confirmed.", "not_confirmed")
    return calendar(entries)


def feed(user: User) -> bytes:
    """Return what somebody is registered for, as a calendar to subscribe to, in their language.

    What they wait for is tentative. What is cancelled stays for a while and says so, as some calendars keep what is
    merely gone.
    """
    moment = now()
    shown = Q(status__in=Registration.ACTIVE) | Q(
        status=Status.CANCELLED, ticket_id__isnull=False, cancelled_at__gt=moment - FEED_KEEPS_CANCELLED
    )
    held = Registration.objects.held_by(user).filter(shown, event__ends_at__gt=moment - FEED_KEEPS)
    newest = held.select_related("event").prefetch_related("event__sessions").order_by("-event__starts_at", "-id")
    with translation.override(user.language):
        return calendar(_entries(newest[:_MOST_IN_FEED]), name=settings.SITE_NAME)


def editions(events: Collection[Event]) -> dict[uuid.UUID, Edition]:
    """Return which state of each event's public entry this is, by its id, numbered as registrations' are."""
    ids = [event.pk for event in events]
    moves, deeds = times_moved(ids), audit.last_deeds(ids)
    return {
        event.pk: Edition(
            _number(moves, event, cancelled=event.status == Event.Status.CANCELLED),
            deeds.get(event.pk, event.created_at),
        )
        for event in events
    }


def _entries(registrations: Iterable[Registration]) -> list[icalendar.Event]:
    rows = [(row, status) for row in registrations if (status := _status(row))]
    moves = times_moved({row.event_id for row, _status in rows})
    deeds = audit.last_deeds({each for row, _status in rows for each in (row.pk, row.event_id)})
    return [_entry(row, status, moves, _last_change(row, deeds)) for row, status in rows]


def _last_change(registration: Registration, deeds: Mapping[uuid.UUID, datetime]) -> datetime:
    return max(deeds.get(each, registration.created_at) for each in (registration.pk, registration.event_id))


def _status(registration: Registration) -> str:
    """Return what an entry says of a registration; empty for what belongs in no calendar."""
    had_seat, off = registration.ticket_id is not None, registration.event.status == Event.Status.CANCELLED
    if registration.status == Status.CONFIRMED:
        return "CANCELLED" if off else "CONFIRMED"
    if registration.status in _WAITS:
        return "CANCELLED" if off else "TENTATIVE"
    return "CANCELLED" if registration.status == Status.CANCELLED and had_seat else ""


def _entry(
    registration: Registration, status: str, moves: Mapping[uuid.UUID, int], written_at: datetime
) -> icalendar.Event:
    event = registration.event
    edition = Edition(_number(moves, event, cancelled=status == "CANCELLED"), written_at)
    made = blank_entry(event, registration.pk, edition, status)
    put(made, "summary", event.title)
    put(made, "description", description(event, list(event.sessions.all())))
    put(made, "location", _place(registration, status))
    return made


def _number(moves: Mapping[uuid.UUID, int], event: Event, *, cancelled: bool) -> int:
    """Return the number of an entry's state: it rises with each move of the event, and once more at the end."""
    return moves.get(event.pk, 0) + cancelled


def _place(registration: Registration, status: str) -> str:
    """Return where this person goes; online, the address itself for who holds a seat."""
    online = registration.attendance_type == AttendanceType.ONLINE and status == "CONFIRMED"
    return (online and registration.event.online_url) or where(registration)


def _attendee(registration: Registration) -> icalendar.vCalAddress:
    person = _person(registration.email, registration.full_name)
    person.params.update({"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "ACCEPTED", "RSVP": "FALSE"})
    return person


def _person(address: str, name: str) -> icalendar.vCalAddress:
    # A name stands in quotes: most readers do not know how RFC 6868 writes one in it.
    return icalendar.vCalAddress.new(address, cn=" ".join(text_of(name).split()).replace('"', "'"))
