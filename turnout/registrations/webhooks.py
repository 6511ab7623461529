"""What webhooks are told of registrations."""

from typing import Any

from turnout.events.webhooks import event_brief
from turnout.notifications.models import Delivery
from turnout.registrations.models import ERASED, Registration


def render(delivery: Delivery) -> dict[str, Any] | None:
    """Return the registration: its status as it was made by what happened, and whose it is now.

    Nobody's name and address, null, where they were erased.
    """
    registration = Registration.objects.select_related("event").filter(pk=delivery.subject).first()
    if registration is None:
        return None
    is_erased = registration.email.endswith(f"@{ERASED}")
    return {
        "event": event_brief(registration.event),
        "registration": {
            "id": registration.id,
            "status": delivery.data.get("status", registration.status),
            "attendance_type": registration.attendance_type,
            "full_name": None if is_erased else registration.full_name,
            "email": None if is_erased else registration.email,
        },
    }
