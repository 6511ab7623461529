"""Handing out what happened to the webhooks that hear of it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q

from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.notifications.feed.models import Entry
from turnout.notifications.webhooks.models import KINDS, MORE_KINDS, TEST, Delivery, Webhook

_BATCH = 500
_TOLD = {*KINDS, *MORE_KINDS}


def hand_out(topic: UUID, entries: Iterable[Entry]) -> None:
    """Owe each webhook of the topic, and of the accounts that the entries name, what it wants to hear of.

    In the transaction in which the entries get their numbers, so that each is handed out once.
    """
    told = [entry for entry in entries if entry.kind in _TOLD]
    if not told:
        return
    whose = Q(topic=topic) | Q(account__in={entry.account for entry in told if entry.account})
    webhooks = list(Webhook.objects.filter(whose, disabled_at=None))
    Delivery.objects.bulk_create(
        (
            _owed(webhook, entry.pk, entry.kind, entry.subject, data=entry.data, at=entry.at)
            for webhook in webhooks
            for entry in told
            if webhook.account in {None, entry.account} and entry.kind in (webhook.kinds or KINDS)
        ),
        batch_size=_BATCH,
    )


def owe_test(webhook: Webhook) -> Delivery:
    """Owe a webhook a message that says no more than that it works; it is tried once."""
    delivery = _owed(webhook, new_id(), TEST, webhook.pk, data={}, at=now())
    delivery.save(force_insert=True)
    return delivery


def _owed(webhook: Webhook, entry: UUID, kind: str, subject: UUID, **told: Any) -> Delivery:
    start = now()
    return Delivery(webhook=webhook, entry=entry, kind=kind, subject=subject, due_at=start, created_at=start, **told)
