"""Sending webhooks what they are owed: at least once each, and to each address one request at a time.

Webhooks take turns, the one that waited longest first. Those that fail, or are slow, have a turn only with workers that
the others do not need (`send_to_any`), so that no endpoint holds up another's for longer than its one answer.
"""

import random
import uuid
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.transactions import transactional
from turnout.notifications.feed.actions import post as tell
from turnout.notifications.feed.models import Entry
from turnout.notifications.webhooks.actions import Reason, State, disable
from turnout.notifications.webhooks.models import TEST, Attempt, Delivery, Webhook
from turnout.notifications.webhooks.network import Answer, Error, post
from turnout.notifications.webhooks.rendering import render
from turnout.notifications.webhooks.signing import signed_headers

log = structlog.get_logger()

# Between attempts, as the Standard Webhooks specification has them: three days, and then it is given up.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
_JITTER = 0.1  # of the wait, on top: not everything that failed together comes back together
_FAILS_TOO_LONG = timedelta(days=3)
_A_TURN = 20
_PROMPT = timedelta(seconds=2)
_CANDIDATES = 10
_LONGEST_PAUSE = timedelta(minutes=1)  # after failures in a row, unless the receiver asks for more
_GONE = 410
_USER_AGENT = "Turnout-Webhooks/1"


def send_to_prompt() -> int:
    """Give a turn to a webhook whose last answer was a good one and soon there; say how many requests that were."""
    return _give_turn(Webhook.objects.filter(prompt=True))


def send_to_any() -> int:
    """Give a turn to whichever webhook waited longest, and say how many requests that were."""
    return _give_turn(Webhook.objects.all())


def _give_turn(webhooks: QuerySet[Webhook]) -> int:
    lease = uuid.uuid4()
    webhook = _claim(webhooks, lease)
    if webhook is None:
        return 0
    try:
        return _turn(webhook, lease)
    finally:
        _release(webhook, lease)


def _claim(webhooks: QuerySet[Webhook], lease: uuid.UUID) -> uuid.UUID | None:
    """Take the lease of the webhook whose turn it is, by an update that must hit; None where nothing is due."""
    start = now()
    due = Delivery.objects.filter(state=State.DUE, due_at__lte=start)
    if not due.exists():
        return None
    free = webhooks.filter(Q(leased_until=None) | Q(leased_until__lt=start), disabled_at=None, resumes_at__lte=start)
    waiting = free.filter(pk__in=due.order_by().values("webhook")).order_by("turn_at")
    for pk in list(waiting.values_list("pk", flat=True)[:_CANDIDATES]):
        if free.filter(pk=pk).update(lease=lease, leased_until=start + settings.OUTBOX_LEASE, turn_at=start) == 1:
            return pk
    return None


def _release(webhook: uuid.UUID, lease: uuid.UUID) -> None:
    Webhook.objects.filter(pk=webhook, lease=lease).update(lease=None, leased_until=None)


def _turn(webhook: uuid.UUID, lease: uuid.UUID) -> int:
    """Send up to 20 of what is due, as long as it goes well and fast."""
    due = Delivery.objects.filter(webhook=webhook, state=State.DUE, due_at__lte=now()).order_by("due_at", "id")
    taken = 0
    for delivery in list(due[:_A_TURN]):
        mine = _begin(delivery, lease)
        if mine is None:
            break
        taken += 1
        if not _send(mine, delivery, lease):
            break
    return taken


def _begin(delivery: Delivery, lease: uuid.UUID) -> Webhook | None:
    """Begin the lease anew for the delivery whose turn it is, and return the webhook as it is now.

    None where the lease ran out and somebody else has it, the webhook was switched off or removed, or this is no longer
    owed.
    """
    mine = Webhook.objects.filter(pk=delivery.webhook_id, lease=lease, disabled_at=None)
    if mine.update(leased_until=now() + settings.OUTBOX_LEASE) != 1:
        return None
    if Delivery.objects.filter(pk=delivery.pk, state=State.DUE).update(attempts=F("attempts") + 1) != 1:
        return None
    delivery.refresh_from_db()
    return mine.first()


def _send(webhook: Webhook, delivery: Delivery, lease: uuid.UUID) -> bool:
    """Make one attempt, outside any transaction, note how it went, and tell whether it went well and fast."""
    try:
        body = _body(delivery)
        if body is None:
            return True
        answer = _post(webhook, delivery, body)
    except Exception:  # whatever goes wrong with one, the others are still owed
        log.exception("webhook_failed", delivery=str(delivery.pk))
        answer = Answer(error=Error.OURS)
    _note(webhook, delivery, lease, answer)
    return _is_good(answer) and answer.took <= _PROMPT


@transactional
def _body(delivery: Delivery) -> str | None:
    """Return what it says, rendered where nobody did yet, and keep that; None, and stopped, where the thing is gone.

    Under the row's lock: who erases somebody meanwhile empties it after us, or before we read anything.
    """
    row = Delivery.objects.select_for_update().get(pk=delivery.pk)
    if not row.body:
        body = render(row)
        row.body, row.state = body or "", State.STOPPED if body is None else row.state
        row.save(update_fields=["body", "state"])
    return row.body or None


def _post(webhook: Webhook, delivery: Delivery, body: str) -> Answer:
    at = now()
    if not (webhook.url and webhook.secret):
        raise ValueError("unreadable")  # KEYS_SECRET was lost
    keys = [webhook.secret]
    if webhook.previous_secret and webhook.previous_until and webhook.previous_until > at:
        keys.append(webhook.previous_secret)
    sent = body.encode()
    headers = {"Content-Type": "application/json", "User-Agent": _USER_AGENT}
    return post(webhook.url, headers | signed_headers(delivery.pk, at, sent, keys), sent)


@transactional
def _note(webhook: Webhook, delivery: Delivery, lease: uuid.UUID, answer: Answer) -> None:
    """Write how it went, unless the lease was lost: then the outcome of who has it counts."""
    if Webhook.objects.filter(pk=webhook.pk, lease=lease).update(**_health(webhook, delivery, answer)) != 1:
        return
    Delivery.objects.filter(pk=delivery.pk).update(**_outcome(delivery, answer))
    Attempt.objects.create(
        delivery=delivery,
        at=now(),
        status=answer.status,
        error=answer.error,
        duration_ms=answer.took // timedelta(milliseconds=1),
        answer=answer.text,
    )
    _give_up(webhook, delivery, answer)


def _outcome(delivery: Delivery, answer: Answer) -> dict[str, object]:
    """Return what becomes of the delivery."""
    if _is_good(answer):
        return {"state": State.SENT, "sent_at": now()}
    waits = () if delivery.kind == TEST else SCHEDULE
    if delivery.attempts > len(waits):
        return {"state": State.DEAD}
    wait = waits[delivery.attempts - 1]
    wait += wait * _JITTER * random.random()  # noqa: S311  # not a secret
    return {"due_at": now() + max(wait, answer.pause)}


def _health(webhook: Webhook, delivery: Delivery, answer: Answer) -> dict[str, object]:
    """Return what is known of the webhook now. A test that fails, or we, say nothing against it."""
    if _is_good(answer):
        return {"failing_since": None, "failures": 0, "prompt": answer.took <= _PROMPT}
    if answer.error == Error.OURS or delivery.kind == TEST:
        return {"prompt": webhook.prompt}
    pause = min(timedelta(seconds=2 ** min(webhook.failures, 6)), _LONGEST_PAUSE)
    return {
        "failing_since": webhook.failing_since or now(),
        "failures": webhook.failures + 1,
        "prompt": False,
        "resumes_at": now() + max(pause, answer.pause),
    }


def _give_up(webhook: Webhook, delivery: Delivery, answer: Answer) -> None:
    """Switch it off where it says that it is gone, or fails for three days, and tell whose it is."""
    if _is_good(answer) or answer.error == Error.OURS or delivery.kind == TEST:
        return
    is_gone = answer.status == _GONE
    if not is_gone and (webhook.failing_since is None or now() - webhook.failing_since < _FAILS_TOO_LONG):
        return
    reason = Reason.GONE if is_gone else Reason.FAILING
    disable([webhook.pk], reason, actor=audit.SYSTEM)
    told = {"reason": reason, "title": str(webhook)}
    for topic in filter(None, (webhook.account, webhook.topic)):
        tell([Entry(topic=topic, kind="webhook.disabled", subject=webhook.pk, data=told)])


def _is_good(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300  # noqa: PLR2004  # HTTP's
