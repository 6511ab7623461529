"""What is asked of webhooks."""

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from turnout.core.errors import NotFoundError
from turnout.notifications.webhooks.models import Attempt, Delivery, Webhook

_SHOWN = 10


def find(webhooks: QuerySet[Webhook], pk: UUID) -> Webhook:
    """Return one of these; NotFoundError where there is none."""
    webhook = webhooks.filter(pk=pk).first()
    if webhook is None:
        raise NotFoundError
    return webhook


def find_delivery(webhook: Webhook, pk: UUID) -> Delivery:
    """Return something that the webhook was owed; NotFoundError where there is none."""
    delivery = webhook.deliveries.filter(pk=pk).first()
    if delivery is None:
        raise NotFoundError
    return delivery


def with_log(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Load the last ten attempts of each as `log`."""
    return deliveries.prefetch_related(Prefetch("tries", Attempt.objects.order_by("-id")[:_SHOWN], to_attr="log"))
