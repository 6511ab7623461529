"""Owing a message, and delivering what is owed."""

import contextlib
import random
import smtplib
import uuid
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.db.models import F, Q, QuerySet

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.transactions import transactional
from turnout.notifications.mail import compose
from turnout.notifications.models import Message

log = structlog.get_logger()

BATCH = 20
_OWED_AT_ONCE = 1000
ATTEMPTS = 14  # with the backoff below: about two days
_BACKOFF_FIRST = timedelta(seconds=30)
_BACKOFF_MOST = timedelta(hours=6)
_PERMANENT = 500  # SMTP replies from here on say the same next time (RFC 5321, section 4.2.1)


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


def deliver_due() -> int:
    """Deliver one batch of what is due, and say how many messages were taken on.

    Each is sent at least once. A message goes out twice only if the process dies, or the lease runs out, between the
    mail server's taking it and our note of it; both carry the same Message-ID.
    """
    lease = uuid.uuid4()
    messages = _claim(lease)
    if messages:
        mailer = get_connection()
        try:
            with contextlib.suppress(Exception):  # if it is away, each message says so for itself
                mailer.open()  # once for the batch
            for message in messages:
                if _renew(message, lease):
                    _deliver(message, lease, mailer)
        finally:
            mailer.close()
    return len(messages)


@transactional
def send_again(message: Message, *, actor: str) -> bool:
    """Let a message that was given up be due again; False if it was not given up."""
    dead = Message.objects.filter(pk=message.pk, state=Message.State.DEAD)
    revived = dead.update(state=Message.State.DUE, attempts=0, due_at=now(), last_error="") == 1
    if revived:
        audit.record(actor, "message.sent_again", message.pk)
    return revived


def _claim(lease: uuid.UUID) -> list[Message]:
    start = now()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=start)
    due = Message.objects.filter(free, state=Message.State.DUE, due_at__lte=start).order_by("urgency", "due_at")
    # Asked first without a lock, so that an idle worker never writes.
    return _take(due, lease) if due.exists() else []


@transactional
def _take(due: QuerySet[Message], lease: uuid.UUID) -> list[Message]:
    skip = connection.features.has_select_for_update_skip_locked
    chosen = list(due.select_for_update(skip_locked=skip).values_list("pk", flat=True)[:BATCH])
    Message.objects.filter(pk__in=chosen).update(
        lease=lease, leased_until=now() + settings.OUTBOX_LEASE, attempts=F("attempts") + 1
    )
    return list(Message.objects.filter(lease=lease).order_by("urgency", "due_at"))


def _renew(message: Message, lease: uuid.UUID) -> bool:
    """Begin the lease anew for the message whose turn it is; False where it ran out and somebody else has it."""
    mine = Message.objects.filter(pk=message.pk, lease=lease, state=Message.State.DUE)
    return mine.update(leased_until=now() + settings.OUTBOX_LEASE) == 1


def _deliver(message: Message, lease: uuid.UUID, mailer: BaseEmailBackend) -> None:
    """Render and send one message, outside any transaction, and note how it went."""
    try:
        mail = compose(message)
        if mail is None:
            _note(message, lease, state=Message.State.VOID)
            return
        mailer.send_messages([mail])
    except Exception as error:  # noqa: BLE001  # whatever goes wrong with one message, the others are still owed
        _note_failure(message, lease, error)
    else:
        _note(message, lease, state=Message.State.SENT, sent_at=now(), last_error="")


def _note_failure(message: Message, lease: uuid.UUID, error: Exception) -> None:
    dead = message.attempts >= ATTEMPTS or _is_permanent(error)
    log.warning("message_failed", message=str(message.pk), kind=message.kind, dead=dead, error=type(error).__name__)
    wait = min(_BACKOFF_FIRST * 2 ** (message.attempts - 1), _BACKOFF_MOST)
    _note(
        message,
        lease,
        state=Message.State.DEAD if dead else Message.State.DUE,
        # Half fixed, half by chance: a mail server that comes back is not met by everybody at once.
        due_at=now() + wait / 2 + wait / 2 * random.random(),  # noqa: S311  # not a secret
        last_error=f"{type(error).__name__}: {error}"[:2000].replace("\0", ""),
    )


def _note(message: Message, lease: uuid.UUID, **fields: object) -> None:
    """Write the outcome, unless the lease was lost: then the outcome of who has it counts."""
    Message.objects.filter(pk=message.pk, lease=lease).update(lease=None, leased_until=None, **fields)


def _is_permanent(error: Exception) -> bool:
    """Tell whether the mail server said that it will never take this message."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return True  # it can't take an address beyond ASCII
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= _PERMANENT for code, _ in error.recipients.values())
    # A refused sender is our own configuration: once mended, the message must still be there.
    return isinstance(error, smtplib.SMTPDataError) and int(error.smtp_code) >= _PERMANENT
