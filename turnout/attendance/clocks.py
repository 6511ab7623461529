"""Scans whose moment was sent without an offset: it is what clocks show where the event is."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from turnout.attendance.cases import Attempt
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import Device
from turnout.events.models import Event, Session
from turnout.registrations.models import Registration
from turnout.registrations.tickets import read_ticket


def with_offsets(keeper: Doorkeeper, attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the same, each at the moment it means; in three queries where any has no offset, else in none.

    Where nobody can tell which event it is, clocks show UTC. An hour that they show twice is the first, and one that
    they skip is not refused: the scan was made.
    """
    if all(each.scanned_at.tzinfo for each in attempts):
        return list(attempts)
    events = _events(keeper, attempts)
    known = Event.objects.only("timezone").filter(pk__in=_known(events))
    zones: dict[UUID | None, tzinfo] = {event.pk: event.zone for event in known}
    return [
        replace(each, scanned_at=read_in(zones.get(event, UTC), each.scanned_at))
        for each, event in zip(attempts, events, strict=True)
    ]


def read_in(zone: tzinfo, written: datetime) -> datetime:
    """Return the moment in UTC: what has no offset is what clocks in the zone show, the first of two.

    In UTC, since what is added to it is time that passed. OverflowError within a day of either end of the calendar.
    """
    return (written if written.tzinfo else written.replace(tzinfo=zone)).astimezone(UTC)


def device_moment(device: Device, written: datetime) -> datetime:
    """Return the moment that a paired device's clock showed."""
    return written if written.tzinfo else written.replace(tzinfo=device.event.zone)


def _events(keeper: Doorkeeper, attempts: Sequence[Attempt]) -> list[UUID | None]:
    """Return at which event each was made, as far as it says so."""
    if keeper.device is not None:
        return [keeper.device.event_id] * len(attempts)
    of_sessions: dict[UUID | None, UUID] = dict(
        Session.objects.filter(pk__in=_known(each.session for each in attempts)).values_list("pk", "event")
    )
    people = Registration.objects.filter(pk__in=_known(each.registration for each in attempts))
    of_people: dict[UUID | None, UUID] = dict(people.values_list("pk", "event"))
    named = []
    for each in attempts:
        ticket = read_ticket(each.ticket)
        by_ticket = ticket.event_id if ticket else None
        named.append(each.event or of_sessions.get(each.session) or of_people.get(each.registration) or by_ticket)
    return named


def _known(ids: Iterable[UUID | None]) -> set[UUID]:
    return {each for each in ids if each is not None}
