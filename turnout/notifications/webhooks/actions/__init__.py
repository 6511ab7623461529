"""Saying which addresses are told what happens."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError, NotFoundError
from turnout.core.transactions import RaceLostError, transactional, violates
from turnout.notifications.webhooks.actions.handing import owe_test
from turnout.notifications.webhooks.models import KINDS, MORE_KINDS, MOST, Attempt, Delivery, Webhook
from turnout.notifications.webhooks.network import PublicURL
from turnout.notifications.webhooks.signing import new_secret

KEPT = timedelta(days=30)
_OVERLAP = timedelta(hours=24)
_BATCH = 500
# By the constraints' names and, on SQLite, the columns'.
_SLOT = ("webhook_slot", "notifications_webhook.slot")

Reason = Webhook.Reason
State = Delivery.State


@transactional
def add(
    url: PublicURL, *, actor: str, topic: UUID | None = None, account: UUID | None = None, **fields: Any
) -> Webhook:
    """Tell an address what happens at an event (`topic`), or at all events of an account; `label` and `kinds` too.

    InvalidError at `/events` `unknown_kind`; ConflictError `too_many_webhooks`.
    """
    start = now()
    webhook = Webhook(topic=topic, account=account, url=url, secret=new_secret(), **fields)
    _check_kinds(webhook.kinds)
    webhook.slot = _free_slot(topic, account)
    webhook.created_at = webhook.resumes_at = webhook.turn_at = start
    try:
        webhook.save(force_insert=True)
    except IntegrityError as error:
        if not violates(error, *_SLOT):
            raise
        raise RaceLostError from error  # somebody else added one this moment
    audit.record(actor, "webhook.added", webhook.pk, _shown(webhook))
    return webhook


@transactional
def change(webhook: Webhook, fields: Mapping[str, Any], *, actor: str) -> Webhook:
    """Change `url` (a PublicURL), `label`, `kinds`, or whether it is `enabled`; return it as it is then.

    What is owed to one that is switched off is stopped, and can be sent again later. InvalidError at `/events`.
    """
    webhook = _locked(webhook)
    wanted = dict(fields)
    enabled = wanted.pop("enabled", None)
    _check_kinds(wanted.get("kinds", []))
    if "url" in wanted:  # another address has failed at nothing yet
        wanted |= {"failing_since": None, "failures": 0}
    wanted["resumes_at"] = now()
    for name, value in wanted.items():
        setattr(webhook, name, value)
    webhook.save(update_fields=wanted)
    audit.record(actor, "webhook.changed", webhook.pk, _shown(webhook))
    if enabled is False:
        disable([webhook.pk], Reason.TEAM, actor=actor)
    elif enabled:
        _enable(webhook, actor)
    webhook.refresh_from_db()
    return webhook


@transactional
def remove(webhook: Webhook, *, actor: str) -> None:
    """Tell the address nothing more, and forget what it was told."""
    Webhook.objects.filter(pk=webhook.pk).delete()
    audit.record(actor, "webhook.removed", webhook.pk)


@transactional
def remove_all_of(*, topics: Iterable[UUID] = (), accounts: Iterable[UUID] = ()) -> None:
    """Forget the webhooks of events or accounts that are gone."""
    Webhook.objects.filter(topic__in=list(topics)).delete()
    Webhook.objects.filter(account__in=list(accounts)).delete()


@transactional
def rotate(webhook: Webhook, *, actor: str) -> Webhook:
    """Give it a new secret; for a day the one before signs too, so that a receiver can change over in between."""
    webhook = _locked(webhook)
    webhook.previous_secret, webhook.previous_until = webhook.secret, now() + _OVERLAP
    webhook.secret = new_secret()
    webhook.save(update_fields=["secret", "previous_secret", "previous_until"])
    audit.record(actor, "webhook.secret_changed", webhook.pk)
    return webhook


@transactional
def send_test(webhook: Webhook, *, actor: str) -> Delivery:
    """Let it be sent a `webhook.test`, once and at once. ConflictError `webhook_disabled`."""
    delivery = owe_test(_resumed(webhook))
    audit.record(actor, "webhook.tested", webhook.pk)
    return delivery


@transactional
def replay(delivery: Delivery, *, actor: str) -> Delivery:
    """Let something be sent again, with the same id, as if it were owed anew.

    ConflictError `webhook_disabled`; `delivery_due` where it is still to be sent.
    """
    _resumed(delivery.webhook)
    again = Delivery.objects.filter(pk=delivery.pk).exclude(state=State.DUE)
    if again.update(state=State.DUE, due_at=now(), attempts=0) != 1:
        raise ConflictError(_("This is still to be sent."), "delivery_due")
    audit.record(actor, "webhook.replayed", delivery.webhook_id, {"delivery": str(delivery.pk)})
    delivery.refresh_from_db()
    return delivery


@transactional
def disable(webhooks: Iterable[UUID], reason: Reason, *, actor: str) -> None:
    """Send nothing more to these that are not switched off yet; what is owed to them is stopped."""
    chosen = list(Webhook.objects.filter(pk__in=list(webhooks), disabled_at=None).values_list("pk", flat=True))
    Webhook.objects.filter(pk__in=chosen).update(disabled_at=now(), disabled_reason=reason)
    Delivery.objects.filter(webhook__in=chosen, state=State.DUE).update(state=State.STOPPED)
    for webhook in chosen:
        audit.record(actor, "webhook.disabled", webhook, {"reason": reason})


@transactional
def disable_account(account: UUID, *, actor: str) -> None:
    """Send nothing more to the webhooks of an account that may not sign in any more, nor to those of its events.

    Which these are is said by the room that knows (setting WEBHOOK_TOPICS). Who may sign in again switches them on.
    """
    topics_of: Callable[[UUID], Iterable[UUID]] = import_string(settings.WEBHOOK_TOPICS)
    theirs = Webhook.objects.filter(Q(account=account) | Q(topic__in=topics_of(account)))
    disable(theirs.values_list("pk", flat=True), Reason.ACCOUNT, actor=actor)


@transactional
def forget_told(subjects: Iterable[UUID]) -> None:
    """Forget what was said of these: what is sent again is rendered anew, as it is then."""
    deliveries = Delivery.objects.filter(subject__in=list(subjects))
    deliveries.update(body="")
    Attempt.objects.filter(delivery__in=deliveries).update(answer="")


@transactional
def forget_deliveries() -> int:
    """Delete up to 500 deliveries that are 30 days old and not owed any more, with their log, and say how many.

    Secrets whose day is over are forgotten, too. What was handed out to a webhook while it was being switched off is
    stopped: nothing else would.
    """
    off = Webhook.objects.filter(disabled_at__isnull=False)
    Delivery.objects.filter(state=State.DUE, webhook__in=off).update(state=State.STOPPED)
    Webhook.objects.filter(previous_until__lt=now()).update(previous_secret=None, previous_until=None)
    old = Delivery.objects.filter(created_at__lt=now() - KEPT).exclude(state=State.DUE).order_by("created_at")
    chosen = list(old.values_list("pk", flat=True)[:_BATCH])
    Delivery.objects.filter(pk__in=chosen).delete()
    return len(chosen)


def _enable(webhook: Webhook, actor: str) -> None:
    again = Webhook.objects.filter(pk=webhook.pk, disabled_at__isnull=False)
    if again.update(disabled_at=None, disabled_reason="", failing_since=None, failures=0) == 1:
        audit.record(actor, "webhook.enabled", webhook.pk)


def _resumed(webhook: Webhook) -> Webhook:
    """Return it, free of any pause: somebody wants to know now. ConflictError `webhook_disabled`."""
    if Webhook.objects.filter(pk=webhook.pk, disabled_at=None).update(resumes_at=now()) != 1:
        raise ConflictError(_("This webhook is switched off."), "webhook_disabled")
    return webhook


def _locked(webhook: Webhook) -> Webhook:
    found = Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
    if found is None:
        raise NotFoundError
    return found


def _free_slot(topic: UUID | None, account: UUID | None) -> int:
    taken = set(Webhook.objects.filter(topic=topic, account=account).values_list("slot", flat=True))
    free = next((slot for slot in range(1, MOST + 1) if slot not in taken), None)
    if free is None:
        raise ConflictError(
            _("There may be %(most)s webhooks at most.") % {"most": MOST}, "too_many_webhooks", most=MOST
        )
    return free


def _check_kinds(kinds: Iterable[str]) -> None:
    known = {*KINDS, *MORE_KINDS}
    faults = [
        Fault(f"/events/{index}", "unknown_kind", _("Nothing of that kind is told."))
        for index, kind in enumerate(kinds)
        if kind not in known
    ]
    if faults:
        raise InvalidError.at(*faults)


def _shown(webhook: Webhook) -> dict[str, object]:
    """Return what the audit trail may hold: of the address its host alone, since the rest may be a secret."""
    return {"host": urlsplit(webhook.url).hostname, "kinds": webhook.kinds, "label": webhook.label}
