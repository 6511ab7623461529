"""Whether people still come: asked before the event, and the seats of those who do not answer are released."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional
from turnout.events.models import Event, SeatPool
from turnout.registrations.actions.seats import leave, locked
from turnout.registrations.actions.telling import tell, tell_one
from turnout.registrations.models import Registration
from turnout.registrations.queries import check_takes_place

Status = Registration.Status

LEAST_TO_ANSWER = timedelta(hours=12)
_BATCH = 500


@transactional
def still_coming(registration: Registration, *, actor: str = audit.GUEST) -> Registration:
    """Keep one's seat: "yes, I still come". Saying it twice is saying it once.

    ConflictError `not_asked` where it was never asked, `not_confirmed` for who has no seat, `registration_closed`.
    """
    registration, _pools = locked(registration)
    check_takes_place(registration.event)
    if registration.status != Status.CONFIRMED:
        raise ConflictError(_("You have no seat to keep."), "not_confirmed")
    if registration.asked_at is None:
        raise ConflictError(_("Nobody has asked yet."), "not_asked")
    if registration.coming_at is None:
        registration.coming_at = now()
        registration.save(update_fields=["coming_at"])
        audit.record(actor, "registration.still_coming", registration.id)
    return registration


def ask_who_comes() -> int:
    """Ask up to 500 people of one event whether they still come, and say how many."""
    start = now()
    waits = _unasked().filter(event=OuterRef("pk"))
    due = Event.objects.filter(Exists(waits), status=Event.Status.PUBLISHED, asks_at__lte=start, starts_at__gt=start)
    event = due.order_by("starts_at").first()
    return _ask(event) if event is not None else 0


@transactional
def _ask(event: Event) -> int:
    start = now()
    list(SeatPool.objects.select_for_update().filter(event=event).order_by("pk"))  # nobody comes or goes meanwhile
    # Read anew: it may have been moved or cancelled before we had the lock.
    event = Event.objects.get(pk=event.pk)
    if event.status != Event.Status.PUBLISHED or event.asks_at is None or not event.asks_at <= start < event.starts_at:
        return 0
    batch = dict(_unasked().filter(event=event).order_by("pk").values_list("pk", "email")[:_BATCH])
    Registration.objects.filter(pk__in=batch).update(asked_at=start, answer_by=_answer_by(event, start))
    tell("registration.still_coming", event, list(batch.items()), version=event.moves.count() + 1)
    audit.record_many(audit.SYSTEM, "registration.asked", batch)
    return len(batch)


def release_unanswered() -> int:
    """Release up to 500 seats whose holders were asked in time and did not answer, and say how many.

    Each goes to the first in line, in a transaction of its own; who held it is told.
    """
    start = now()
    silent = Registration.objects.filter(status=Status.CONFIRMED, coming_at=None, answer_by__lte=start)
    living = silent.filter(event__status=Event.Status.PUBLISHED, event__starts_at__gt=start)
    return sum(_release(pk) for pk in list(living.order_by("answer_by").values_list("pk", flat=True)[:_BATCH]))


@transactional
def _release(registration_id: UUID) -> bool:
    """Release one seat; False where it was answered for, moved or given up meanwhile."""
    found = Registration.objects.select_related("event").filter(pk=registration_id).first()
    if found is None:
        return False
    registration, pools = locked(found)
    answer_by = registration.answer_by
    is_silent = registration.status == Status.CONFIRMED and registration.coming_at is None
    if not is_silent or answer_by is None or answer_by > now():
        return False
    leave(registration, Status.CANCELLED, pools, cancelled_at=now())
    tell_one("registration.released", registration)
    audit.record(audit.SYSTEM, "registration.released", registration.id)
    return True


def retime_answers(event: Event) -> None:
    """Let the event's hours hold for those who were asked already, too. Part of the caller's transaction."""
    asked = Registration.objects.filter(event=event, asked_at__isnull=False)
    if event.release_hours is None:
        asked.update(answer_by=None)
        return
    until = event.starts_at - timedelta(hours=event.release_hours)
    asked.filter(asked_at__lte=until - LEAST_TO_ANSWER).update(answer_by=until)
    asked.filter(asked_at__gt=until - LEAST_TO_ANSWER).update(answer_by=F("asked_at") + LEAST_TO_ANSWER)
    asked.filter(answer_by__gte=event.starts_at).update(answer_by=None)


def forget_answers(event: Event) -> None:
    """Let everybody be asked anew: the event is at another time. Part of the caller's transaction."""
    asked = Registration.objects.filter(event=event, asked_at__isnull=False)
    asked.update(asked_at=None, answer_by=None, coming_at=None)


def _unasked() -> QuerySet[Registration]:
    return Registration.objects.filter(status=Status.CONFIRMED, asked_at=None)


def _answer_by(event: Event, asked_at: datetime) -> datetime | None:
    """Return until when an answer keeps the seat; None where none is released, or too little time is left."""
    if event.release_hours is None:
        return None
    until = max(event.starts_at - timedelta(hours=event.release_hours), asked_at + LEAST_TO_ANSWER)
    return until if until < event.starts_at else None
