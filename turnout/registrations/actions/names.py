"""The name of who is registered, put right."""

from turnout.core import audit
from turnout.core.transactions import transactional
from turnout.registrations.actions.telling import report
from turnout.registrations.models import Registration
from turnout.registrations.queries import registration_closed

_ENDED = {Registration.Status.CANCELLED, Registration.Status.DECLINED, Registration.Status.EXPIRED}


@transactional
def rename(registration: Registration, name: str, *, actor: str) -> Registration:
    """Write the holder's name as it should be, also once the event is over; the upper rooms know until when.

    ConflictError `registration_closed` for what was cancelled, declined or has expired.
    """
    event = registration.event
    registration = Registration.objects.select_for_update().get(pk=registration.pk)
    registration.event = event
    if registration.status in _ENDED:
        raise registration_closed(event)
    if registration.full_name == name:
        return registration
    registration.full_name = name
    registration.save(update_fields=["full_name", "name_key"])
    report("registration.changed", event, [registration.id])
    audit.record(actor, "registration.changed", registration.id, {"fields": ["full_name"]})
    return registration
