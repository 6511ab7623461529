"""The same request twice is one deed (draft-ietf-httpapi-idempotency-key-header)."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError

from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.models import IdempotentRequest
from turnout.core.text import digest
from turnout.core.transactions import transactional

KEPT = timedelta(hours=24)
# Longer than any request may take: after it the one who held the key is taken for dead.
HELD = timedelta(seconds=60)

Reply = tuple[int, dict[str, Any]]


def _nothing() -> None:
    """Ask for nothing."""


def once(
    key: tuple[str, ...], body: bytes, deed: Callable[[], Reply], *, first: Callable[[], None] = _nothing
) -> Reply:
    """Carry out the deed, or return the reply it was given before.

    `key` says whose request it is: actor, method, path, and what the client called it. The reply is stored in the
    deed's own transaction, so neither is there without the other; it must hold no secret. A deed that raises leaves no
    trace, and may be tried again. `first` is done before it, outside the transaction and only by who will do the deed:
    what takes long, or works once.

    Raises ConflictError `idempotency_key_reused` for another body, `idempotency_in_progress` while it is under way.
    """
    held = _hold(digest(*key), digest(body.decode("latin-1")))
    if held.status is not None and held.reply:
        return held.status, json.loads(held.reply)
    try:
        first()
        return _carry_out(held, deed)
    except BaseException:
        IdempotentRequest.objects.filter(key=held.key, holder=held.holder, status=None).delete()
        raise


def forget_old() -> int:
    """Delete what is older than 24 hours, and say how many that were."""
    return IdempotentRequest.objects.filter(created_at__lt=now() - KEPT).delete()[0]


@transactional
def _carry_out(held: IdempotentRequest, deed: Callable[[], Reply]) -> Reply:
    status, reply = deed()
    mine = IdempotentRequest.objects.filter(key=held.key, holder=held.holder, status=None)
    if mine.update(status=status, reply=json.dumps(reply)) != 1:
        # Too slow: somebody else took the key over, and theirs is the deed that counts.
        raise _in_progress()
    return status, reply


def _hold(key: str, body: str) -> IdempotentRequest:
    """Take the key for ourselves, or return the row of a request that was answered."""
    start = now()
    mine = IdempotentRequest(key=key, body=body, holder=uuid.uuid4(), held_until=start + HELD, created_at=start)
    try:
        _insert(mine)
    except IntegrityError:
        return _take_over(mine)
    return mine


@transactional
def _insert(mine: IdempotentRequest) -> None:
    mine.save(force_insert=True)


def _take_over(mine: IdempotentRequest) -> IdempotentRequest:
    known = IdempotentRequest.objects.filter(key=mine.key).first()
    if known is None:
        raise _in_progress()  # it failed this moment; the client may try again
    if known.created_at < mine.created_at - KEPT:
        IdempotentRequest.objects.filter(key=known.key, created_at=known.created_at).delete()
        return _hold(mine.key, mine.body)
    if known.body != mine.body:
        message = "This Idempotency-Key was used for another request."
        raise ConflictError(message, "idempotency_key_reused")
    if known.status is not None:
        return known
    if known.held_until >= mine.created_at:
        raise _in_progress()  # asked first: who only waits takes no lock
    dead = IdempotentRequest.objects.filter(key=mine.key, status=None, held_until__lt=mine.created_at)
    if dead.update(holder=mine.holder, held_until=mine.held_until) != 1:
        raise _in_progress()
    return mine


def _in_progress() -> ConflictError:
    message = "A request with this Idempotency-Key is still under way. Ask again in a moment."
    return ConflictError(message, "idempotency_in_progress")
