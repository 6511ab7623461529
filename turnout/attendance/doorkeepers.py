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
from turnout.core.prepared import Prepared
from turnout.core.text import digest
from turnout.events.models import Event, TeamMember
from turnout.events.models.teams import member_key
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.models import Registration

TOKEN_BEGINS = "td_"  # noqa: S105  # what tells a device's token from a person's
ROOM_CODE = "Room code"  # what stands for a device where people let in themselves
_TOKEN_BYTES = 32
_ACTOR = "device:"
_device = Prepared(lambda known: Device.objects.filter(token_hash=known).with_owner().order_by(), str)

Owners: TypeAlias = dict[UUID, UUID | None]  # by event
Standing: TypeAlias = tuple[UUID | None, bool]  # who owns the event, and whether the keeper is on its team


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

    @property
    def member_key(self) -> str:
        """The key under which events' teams know them; empty where none does."""
        return member_key(self.user) if self.user is not None else ""

    def doors(self, named: Collection[UUID], known: Mapping[UUID, Standing] | None = None) -> Owners:
        """Return those of the events at whose doors they stand, with their owners.

        One query; none for a device, and none where the caller knows of all the events how they stand to them.
        """
        if self.device is not None:
            mine = self.device.event_id
            return {mine: self.device.owner_id} if mine in named else {}
        if self.guest is not None:
            mine = self.guest.event_id
            return {mine: self.guest.event.owner_id} if mine in named else {}
        user = self.user
        if user is None or not named:
            return {}
        stands = {event: standing for event, standing in (known or {}).items() if event in named}
        if others := set(named) - set(stands):
            is_member = TeamMember.objects.of_key(self.member_key, "pk")
            found = Event.objects.filter(pk__in=others).order_by().values_list("pk", "owner_id", is_member)
            stands |= {event: (owner, member) for event, owner, member in found}
        may_all = runs_platform(user)
        return {event: owner for event, (owner, member) in stands.items() if may_all or owner == user.pk or member}


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
    device = _device.first(token_hash(token))
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
