"""What webhooks are told of the doors."""

from typing import Any

from turnout.attendance.models import Scan
from turnout.notifications.models import Delivery
from turnout.registrations.webhooks import render as render_registration


def render(delivery: Delivery) -> dict[str, Any] | None:
    """Return who went in, and the scan by which they did, as it stands now."""
    told = render_registration(delivery)
    if told is None:
        return None
    scan = Scan.objects.filter(registration=delivery.subject, scan_id=delivery.data["scan"]).first()
    return (
        None
        if scan is None
        else told
        | {
            "check_in": {
                "scan_id": scan.scan_id,
                "session": scan.session_id,
                "result": scan.result,
                "at": scan.at,
                "device": scan.device,
                "door": scan.door,
                "undone_at": scan.undone_at,
            },
        }
    )
