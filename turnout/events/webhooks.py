"""What webhooks are told of events."""

from typing import Any

from turnout.events.models import Event
from turnout.notifications.models import Delivery


def render(delivery: Delivery) -> dict[str, Any] | None:
    """Return the event as it is now; None where it is gone."""
    event = Event.objects.filter(pk=delivery.subject).first()
    if event is None:
        return None
    return {"event": {**event_brief(event), "status": event.status, "location": event.location}}


def event_brief(event: Event) -> dict[str, Any]:
    """Return what names an event."""
    return {
        "id": event.id,
        "title": event.title,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "timezone": event.timezone,
    }
