"""Reminding those who hold a seat, so many hours before the event as it says."""

from uuid import UUID

from django.db.models import Exists, OuterRef

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.transactions import transactional
from turnout.events.models import Event, SeatPool
from turnout.events.reminders import hours_due, next_reminder, version_of
from turnout.notifications.models import Message
from turnout.registrations.actions.telling import tell
from turnout.registrations.models import REMINDER, Registration

_MOST_EVENTS = 100


def remind() -> int:
    """Remind the people of up to 100 events whose moment has come, and say how many people.

    Each reminder goes once to each; who missed one while no worker ran gets the next alone.
    """
    start = now()
    due = Event.objects.filter(status=Event.Status.PUBLISHED, reminds_at__lte=start, starts_at__gt=start)
    return sum(_remind(pk) for pk in list(due.order_by("reminds_at").values_list("pk", flat=True)[:_MOST_EVENTS]))


@transactional
def _remind(event_id: UUID) -> int:
    start = now()
    list(SeatPool.objects.select_for_update().filter(event=event_id).order_by("pk"))  # nobody comes or goes meanwhile
    event = Event.objects.filter(pk=event_id, status=Event.Status.PUBLISHED, starts_at__gt=start).first()
    if event is None or event.reminds_at is None or event.reminds_at > start:
        return 0
    hours = hours_due(event.starts_at, event.reminder_hours, start)
    Event.objects.filter(pk=event_id).update(reminds_at=next_reminder(event.starts_at, event.reminder_hours, start))
    if hours is None:
        return 0
    version = version_of(event.moves.count(), hours)
    reminded = Message.objects.filter(kind=REMINDER, subject=OuterRef("pk"), version=version)
    people = Registration.objects.filter(~Exists(reminded), event=event, status=Registration.Status.CONFIRMED)
    holders = list(people.order_by("pk").values_list("pk", "email"))
    tell(REMINDER, event, holders, version=version)
    audit.record(audit.SYSTEM, "event.reminded", event.id, {"hours": hours, "count": len(holders)})
    return len(holders)
