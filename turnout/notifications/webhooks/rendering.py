"""What a webhook is told: said by the room that knows."""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.module_loading import import_string

from turnout.notifications.webhooks.models import TEST, Delivery

# Given what happened, its `data`; None where the thing is gone.
Renderer = Callable[[Delivery], dict[str, Any] | None]


def render(delivery: Delivery) -> str | None:
    """Return the body, its data rendered by the room of its kind (setting WEBHOOK_RENDERERS); None without any."""
    data = {"webhook": {"id": delivery.subject}} if delivery.kind == TEST else _renderer(delivery.kind)(delivery)
    if data is None:
        return None
    told = {"type": delivery.kind, "timestamp": delivery.at, "data": data}
    return json.dumps(told, cls=DjangoJSONEncoder, ensure_ascii=False, separators=(",", ":"))


def _renderer(kind: str) -> Renderer:
    renderer: Renderer = import_string(settings.WEBHOOK_RENDERERS[kind.partition(".")[0]])
    return renderer
