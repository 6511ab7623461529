"""Owing a message. Delivering what is owed, and what comes back, have their own modules here."""

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Q, QuerySet

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.transactions import transactional
from turnout.notifications.actions.bounces import note_bounce
from turnout.notifications.actions.delivery import deliver_due
from turnout.notifications.models import Message

__all__ = ["deliver_due", "note_bounce", "owe", "owe_after_all", "owe_many", "send_again", "send_all_again", "withdraw"]

_OWED_AT_ONCE = 1000
_AGAIN_AT_ONCE = 10_000
_NOBODYS: dict[str, Any] = {"lease": None, "leased_until": None}  # whoever sends it this moment notes nothing


def owe(  # noqa: PLR0913  # what a message is
    kind: str, subject: uuid.UUID, recipient: str, *, version: int = 1, urgent: bool = False, patience: int = 0
) -> None:
    """Write down that this message is owed, in the transaction of the deed it tells of.

    `(kind, subject, version)` is unique: the same message is never owed twice. An urgent one goes before all others;
    `patience` is how many ranks one waits behind the usual.
    """
    start = now()
    Message.objects.create(
        kind=kind,
        subject=subject,
        version=version,
        recipient=recipient,
        urgency=Message.Urgency.URGENT if urgent else Message.Urgency.USUAL + patience,
        due_at=start,
        created_at=start,
    )


def owe_many(kind: str, recipients: Iterable[tuple[uuid.UUID, str]], *, version: int = 1, patience: int = 0) -> None:
    """Write down that each of these is owed the same kind of message, about a subject of their own, all at once."""
    start = now()
    same: dict[str, Any] = {"kind": kind, "version": version, "due_at": start, "created_at": start}
    Message.objects.bulk_create(
        (
            Message(subject=subject, recipient=address, urgency=Message.Urgency.USUAL + patience, **same)
            for subject, address in recipients
        ),
        batch_size=_OWED_AT_ONCE,
    )


def owe_after_all(kind: str, subjects: Collection[uuid.UUID]) -> int:
    """Let messages be due that were void when their turn came, since what they say is true again; return how many."""
    void = Message.objects.filter(kind=kind, subject__in=subjects, state=Message.State.VOID)
    return void.update(state=Message.State.DUE, due_at=now(), attempts=0)


def withdraw(kind: str, subjects: Collection[uuid.UUID] | QuerySet[Any, Any]) -> int:
    """Let messages that are still due be void, and return how many; who is being mailed this moment may yet get it."""
    due = Message.objects.filter(kind=kind, subject__in=subjects, state=Message.State.DUE)
    return due.update(state=Message.State.VOID, **_NOBODYS)


@transactional
def send_again(message: Message, *, actor: str) -> bool:
    """Let a message be due again that was given up, or came back; False for any other."""
    failed = Message.objects.filter(Q(state=Message.State.DEAD) | Q(bounced_at__isnull=False), pk=message.pk)
    anew: dict[str, Any] = {"state": Message.State.DUE, "attempts": 0, "due_at": now(), "last_error": "", **_NOBODYS}
    revived = failed.update(**anew, bounced_at=None, bounce="") == 1
    if revived:
        audit.record(actor, "message.sent_again", message.pk)
    return revived


@transactional
def send_all_again(messages: QuerySet[Message], *, actor: str) -> int:
    """Let up to 10,000 of these messages that were given up be due again, and return how many."""
    dead = list(messages.filter(state=Message.State.DEAD).values_list("pk", flat=True)[:_AGAIN_AT_ONCE])
    revived = Message.objects.filter(pk__in=dead, state=Message.State.DEAD)
    count = revived.update(state=Message.State.DUE, attempts=0, due_at=now(), last_error="")
    audit.record_many(actor, "message.sent_again", dead)
    return count
