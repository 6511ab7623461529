"""Who was there, and who got a certificate: the one place to say it for lists, sheets and figures.

There is neither yet: everybody is absent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from turnout.events.models import Event
from turnout.registrations.models import Registration, RegistrationQuerySet


@dataclass(frozen=True, slots=True)
class Presence:
    """What became of somebody who was expected."""

    checked_in_at: datetime | None = None
    certificate: UUID | None = None


@dataclass(frozen=True, slots=True)
class Turnout:
    """How many were there, and how many have it in writing."""

    attended: int = 0
    certified: int = 0


def presence_of(registrations: Iterable[Registration]) -> dict[UUID, Presence]:
    """Return each one's presence, in a number of queries that does not depend on theirs."""
    return {registration.pk: Presence() for registration in registrations}


def turnout_of(events: Iterable[Event]) -> dict[UUID, Turnout]:
    """Return each event's figures, in a number of queries that does not depend on theirs."""
    return {event.pk: Turnout() for event in events}


def checked_in(registrations: RegistrationQuerySet, *, is_in: bool) -> RegistrationQuerySet:
    """Return those of them who are there, or who are not."""
    return registrations.none() if is_in else registrations
