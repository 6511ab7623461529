"""Who is told what became of a registration: its holder by mail and in the app, the event's desk in its feed.

Nothing here is an action: each is part of the caller's transaction.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias
from uuid import UUID

from turnout.accounts.models import User
from turnout.core.text import address_key
from turnout.events.models import Event
from turnout.notifications.actions import owe_many
from turnout.notifications.feed.actions import post
from turnout.notifications.feed.models import Entry
from turnout.registrations.models import Registration

# By registration, the address it stands under.
Holders: TypeAlias = Sequence[tuple[UUID, str]]

_BATCH = 1000


def tell(kind: str, event: Event, holders: Holders, *, version: int = 1, patience: int = 0) -> None:
    """Owe each holder the mail of this kind, and give who has an account at that address a notice in the app."""
    owe_many(kind, holders, version=version, patience=patience)
    post(_notices(kind, event, holders))


def tell_one(kind: str, registration: Registration, *, version: int = 1) -> None:
    """Tell one holder."""
    tell(kind, registration.event, [(registration.id, registration.email)], version=version)


def report(kind: str, event: Event, registrations: Iterable[UUID] = (), **data: object) -> None:
    """Let who follows the event's desk know: of each of these registrations, or else of the event itself."""
    post(
        Entry(topic=event.id, kind=kind, subject=subject, account=event.owner_id, data=data)
        for subject in (registrations or [event.id])
    )


def _notices(kind: str, event: Event, holders: Holders) -> Iterator[Entry]:
    data = {"event": str(event.id), "title": event.title}
    for start in range(0, len(holders), _BATCH):
        keys = {address_key(email): registration for registration, email in holders[start : start + _BATCH]}
        accounts = User.objects.filter(email_key__in=keys, address_verified=True, is_active=True)
        for account, key in accounts.values_list("pk", "email_key"):
            yield Entry(topic=account, kind=kind, subject=keys[key], data=data)
