"""Delivering what is owed: by lease, over one connection a batch, and only while there is somebody to take it."""

import contextlib
import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.db.models import F, Q, QuerySet

from turnout.core.clock import now
from turnout.core.transactions import transactional
from turnout.notifications.failures import Failure, failure_of, said, was_dropped
from turnout.notifications.mail import compose
from turnout.notifications.models import Message
from turnout.notifications.rates import open_to, within_rate

log = structlog.get_logger()

BATCH = 20
ATTEMPTS = 14  # with the backoff below: about two days
_BACKOFF_FIRST = timedelta(seconds=30)
_BACKOFF_MOST = timedelta(hours=6)
_REST_FIRST = 5.0  # seconds
_REST_MOST = 300.0


class _AwayError(Exception):
    """The mail server takes nothing now."""


@dataclass(slots=True)
class _MailServer:
    """How this process finds the mail server: since when in vain, and until when it leaves it alone."""

    failures: int = 0
    rests_until: float = float("-inf")  # on the monotonic clock

    def rests(self) -> bool:
        return time.monotonic() < self.rests_until

    def failed(self) -> None:
        """Leave it alone, longer each time: one that hangs takes the timeout of a connection each time it is asked."""
        self.failures += 1
        pause = min(_REST_FIRST * 2 ** min(self.failures - 1, 10), _REST_MOST)
        self.rests_until = time.monotonic() + pause * random.uniform(0.75, 1)  # noqa: S311  # not a secret

    def works(self) -> None:
        self.failures, self.rests_until = 0, float("-inf")


_server = _MailServer()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Messages that nobody else delivers while our lease on them runs."""

    lease: uuid.UUID
    taken_at: datetime
    messages: list[Message]


def deliver_due() -> int:
    """Deliver one batch of what is due, and say how many messages were taken on.

    Each is sent at least once. A message goes out twice only if the process or the mail server dies, or the lease runs
    out, between the server's taking it and our note of it; both carry the same Message-ID.
    While the mail server is away, nothing is taken on and no message loses an attempt; it is asked again after a pause
    that grows.
    """
    due = _due()
    # Asked first without a lock, so that an idle worker never writes; and connected first, so that nothing waits for a
    # server that does not answer.
    if _server.rests() or not due.exists():
        return 0
    try:
        mailer = _connected()
    except _AwayError as away:
        _note_trouble(due, away)
        return 0
    batch = _take(due)
    try:
        for message in batch.messages:
            if _is_ours(message, batch) and within_rate(message):
                _deliver(message, batch.lease, mailer)
    except _AwayError:
        pass  # the others wait for the next batch
    finally:
        _close(mailer)
        _give_back(batch.lease)
    return len(batch.messages)


def _due() -> QuerySet[Message]:
    start = now()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=start)
    due = Message.objects.filter(free, state=Message.State.DUE, due_at__lte=start)
    return open_to(due).order_by("urgency", "due_at", "id")


@transactional
def _take(due: QuerySet[Message]) -> _Batch:
    lease, start = uuid.uuid4(), now()
    skip = connection.features.has_select_for_update_skip_locked
    chosen = list(due.select_for_update(skip_locked=skip).values_list("pk", flat=True)[:BATCH])
    Message.objects.filter(pk__in=chosen).update(
        lease=lease, leased_until=start + settings.OUTBOX_LEASE, attempts=F("attempts") + 1
    )
    return _Batch(lease, start, list(Message.objects.filter(lease=lease).order_by("urgency", "due_at", "id")))


def _is_ours(message: Message, batch: _Batch) -> bool:
    """Tell whether the message whose turn it is is still ours and due; where it goes is read anew.

    It may have been withdrawn meanwhile, and whose address it was may be erased. Most of the lease must still be before
    us by the clock; else it begins anew, unless it ran out.
    """
    start = now()
    mine = Message.objects.filter(pk=message.pk, lease=batch.lease, state=Message.State.DUE)
    if start >= batch.taken_at + settings.OUTBOX_LEASE / 4 and not mine.update(
        leased_until=start + settings.OUTBOX_LEASE
    ):
        return False
    recipient = mine.values_list("recipient", flat=True).first()
    message.recipient = recipient or ""
    return recipient is not None


@transactional
def _give_back(lease: uuid.UUID) -> None:
    """Let others have what we took and did not come to: it was no attempt."""
    Message.objects.filter(lease=lease, state=Message.State.DUE).update(
        lease=None, leased_until=None, attempts=F("attempts") - 1
    )


def _deliver(message: Message, lease: uuid.UUID, mailer: BaseEmailBackend) -> None:
    """Render and send one message, outside any transaction, and note how it went; _AwayError if no other can go now."""
    try:
        mail = compose(message)
    except Exception as error:  # noqa: BLE001  # whatever goes wrong with one message, the others are still owed
        _note_failure(message, lease, Failure.PASSING, error)
        return
    if mail is None:
        _note(message, lease, state=Message.State.VOID, last_error="")
        return
    try:
        _send(mail, mailer)
    except _AwayError:
        raise
    except Exception as error:
        failure = failure_of(error, message.recipient)
        _note_failure(message, lease, failure, error)
        if failure.stops_all:
            raise _away(error) from error
    else:
        _note(message, lease, state=Message.State.SENT, sent_at=now(), last_error="")
    _server.works()


def _send(mail: EmailMessage, mailer: BaseEmailBackend) -> None:
    """Send a mail; where the server ended the connection, at once again over another."""
    try:
        mailer.send_messages([mail])
    except Exception as error:
        if not was_dropped(error):
            raise
        _close(mailer)
        _open(mailer)
        mailer.send_messages([mail])


def _connected() -> BaseEmailBackend:
    try:
        mailer: BaseEmailBackend = get_connection()
    except Exception as error:
        raise _away(error) from error
    _open(mailer)
    return mailer


def _open(mailer: BaseEmailBackend) -> None:
    """Open the connection; _AwayError if that fails, for which no message is to blame."""
    try:
        mailer.open()
    except Exception as error:
        _close(mailer)
        raise _away(error) from error


def _close(mailer: BaseEmailBackend) -> None:
    with contextlib.suppress(Exception):  # it is over either way
        mailer.close()


def _away(error: Exception) -> _AwayError:
    """Leave the mail server alone for a while; return what says so."""
    _server.failed()
    log.warning("mail_server_away", error=said(error), failures=_server.failures)
    return _AwayError(said(error))


def _note_trouble(due: QuerySet[Message], away: _AwayError) -> None:
    """Write what is wrong with the mail server on the message that would go first, where people look for it."""
    Message.objects.filter(pk__in=list(due.values_list("pk", flat=True)[:1])).update(last_error=str(away))


def _note_failure(message: Message, lease: uuid.UUID, failure: Failure, error: Exception) -> None:
    blamed = failure is not Failure.OURS
    dead = failure is Failure.LASTING or (blamed and message.attempts >= ATTEMPTS)
    what = {"message": str(message.pk), "kind": message.kind, "error": said(error)}
    log.warning("message_failed", **what, failure=failure.value, dead=dead)
    wait = min(_BACKOFF_FIRST * 2 ** (message.attempts - 1), _BACKOFF_MOST)
    if not blamed:
        wait = timedelta(seconds=_REST_MOST)  # another is tried first when the server has rested
    _note(
        message,
        lease,
        state=Message.State.DEAD if dead else Message.State.DUE,
        # Half fixed, half by chance: a mail server that comes back is not met by everybody at once.
        due_at=now() + wait / 2 + wait / 2 * random.random(),  # noqa: S311  # not a secret
        attempts=message.attempts if blamed else message.attempts - 1,
        last_error=said(error),
    )


def _note(message: Message, lease: uuid.UUID, **fields: object) -> None:
    """Write the outcome, unless the lease was lost: then the outcome of who has it counts."""
    Message.objects.filter(pk=message.pk, lease=lease).update(lease=None, leased_until=None, **fields)
