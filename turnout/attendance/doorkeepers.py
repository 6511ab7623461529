"""Who stands at a door: somebody of the event's team, a paired device, or who comes in by the room's code."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from turnout.accounts import queries as accounts
from turnout.accounts.models import User
from turnout.accounts.policies import runs_platform
from turnout.attendance.models import Device
from turnout.core import audit
from turnout.core.errors import NotFoundError, UnauthenticatedError
from turnout.core.text import digest
from turnout.events.models import Event, TeamMember
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.models import Registration

TOKEN_BEGINS = "td_"  # noqa: S105  # what tells a device's token from a person's
ROOM_CODE = "Room code"  # what stands for a device where people let in themselves
_TOKEN_BYTES = 32
_ACTOR = "device:"


Owners: TypeAlias = dict[UUID, UUID | None]  # by event


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Who lets people in: one of a device, a person, and a guest who lets in themselves."""

    actor: str  # as the audit trail knows them
    device: Device | None = None
    user: User | None = None
    guest: Registration | None = None

    @classmethod
    def of_device(cls, device: Device) -> "Doorkeeper":
        """Return a paired device as such."""
        return cls(device_actor(device), device=device)

    @classmethod
    def of_person(cls, user: User) -> "Doorkeeper":
        """Return somebody who is signed in as such; what they may, `event_for` asks."""
        return cls(audit.actor_of(user), user=user)

    @classmethod
    def of_guest(cls, registration: Registration, actor: str) -> "Doorkeeper":
        """Return who lets in themselves, and nobody else: `turnout.attendance.actions.self_check_in`."""
        return cls(actor, guest=registration)

    @property
    def label(self) -> str:
        """How they are called in a scan. A person without a name is not called by their address: scanners see this."""
        if self.device is not None:
            return self.device.name
        if self.guest is not None:
            return ROOM_CODE
        return (self.user.name if self.user is not None else "") or _("Browser")

    def event_for(self, event_id: UUID) -> Event:
        """Return an event at whose doors they stand, in full.

        NotFoundError; ForbiddenError for a person who may know of the event, and not let people in there.
        """
        if self.user is not None:
            return find_for(Right.CHECK_IN, self.user, event_id)
        if self.device is None or event_id != self.device.event_id:
            raise NotFoundError
        return self.device.event

    def doors(self, named: Collection[UUID], known: Mapping[UUID, UUID | None] | None = None) -> Owners:
        """Return those of the events at whose doors they stand, with their owners.

        Two queries; one where the caller knows all the owners; none for a device.
        """
        if self.device is not None:
            mine = self.device.event_id
            return {mine: self.device.owner_id} if mine in named else {}
        if self.guest is not None:
            mine = self.guest.event_id
            return {mine: self.guest.event.owner_id} if mine in named else {}
        if self.user is None or not named:
            return {}
        # Two plain statements cost less than one with an alternative in it: this is asked for each scan.
        owners: Owners = {event: owner for event, owner in (known or {}).items() if event in named}
        if others := set(named) - set(owners):
            owners |= dict(Event.objects.filter(pk__in=others).order_by().values_list("pk", "owner_id"))
        if runs_platform(self.user) or all(owner == self.user.pk for owner in owners.values()):
            return owners
        teams = set(TeamMember.objects.filter(event__in=owners).held_by(self.user).values_list("event_id", flat=True))
        return {event: owner for event, owner in owners.items() if owner == self.user.pk or event in teams}


def device_actor(device: Device) -> str:
    """Return the name under which the audit trail knows a device."""
    return f"{_ACTOR}{device.pk}"


def new_token() -> str:
    """Return a token for a device: 256 bits, which nobody guesses, so that a plain hash of it can be kept."""
    return TOKEN_BEGINS + secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(token: str) -> str:
    """Return what is kept of a device's token."""
    return digest("device token", token)


def device_of(token: str) -> Device:
    """Return the device whose token this is, with its event's owner, in one query.

    UnauthenticatedError `device_revoked`, `token_invalid`.
    """
    device = Device.objects.filter(token_hash=token_hash(token)).with_owner().order_by().first()
    if device is None:
        message = _("This device is not paired, or was paired anew. Ask the event's team for a new code.")
        raise UnauthenticatedError(message, "token_invalid")
    if device.revoked_at is not None:
        raise UnauthenticatedError(_("This device was revoked by the event's team."), "device_revoked")
    return device


def pairing_link(code: str) -> str:
    """Return where a device is paired. The code stands behind the `#`, which no server and no log sees."""
    return f"{settings.PUBLIC_BASE_URL}/scan/#pair={code}"


def names_of(actors: Collection[str]) -> dict[str, str]:
    """Return how people and devices are called, by the names under which the audit trail knows them.

    Nobody by their address: scanners see this. Two queries at most.
    """
    ids = [actor.removeprefix(_ACTOR) for actor in actors if actor.startswith(_ACTOR)]
    devices = Device.objects.filter(pk__in=ids) if ids else ()
    people = accounts.names_of([actor for actor in actors if not actor.startswith(_ACTOR)], addresses=False)
    return people | {device_actor(device): device.name for device in devices}
