"""What webhooks are told of certificates."""

from typing import Any

from turnout.certificates.models import Version
from turnout.events.webhooks import event_brief
from turnout.notifications.models import Delivery


def render(delivery: Delivery) -> dict[str, Any] | None:
    """Return the certificate as it stands now; nobody's name and address, null, where its holder has erased it."""
    found = Version.objects.current().select_related("certificate__event").filter(certificate=delivery.subject).first()
    if found is None:
        return None
    certificate = found.certificate
    return {
        "event": certificate.event and event_brief(certificate.event),
        "certificate": {
            "id": certificate.id,
            "version": found.number,
            "status": found.standing,
            "role": certificate.role,
            "full_name": certificate.full_name or None,
            "email": certificate.email or None,
            "registration": certificate.registration_id,
            "issued_at": found.issued_at,
            "verify_url": certificate.address(),
        },
    }
