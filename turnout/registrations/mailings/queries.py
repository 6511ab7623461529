"""What became of mailings."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery

from turnout.core.errors import NotFoundError
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.registrations.mailings.models import MESSAGE, Mailing, Recipient
from turnout.registrations.mailings.segments import Segment, read_segment
from turnout.registrations.owed import in_plain_words

_State = Message.State


@dataclass(frozen=True, slots=True)
class Progress:
    """A mailing, and how many of its mails are still owed, sent, given up, or not sent since nobody was to get them."""

    mailing: Mailing
    segment: Segment
    owed: int
    sent: int
    failed: int
    stopped: int

    @property
    def state(self) -> str:
        """Where it is on its way: `sending`, `sent`, or `stopped` by hand."""
        if self.mailing.stopped_at is not None:
            return "stopped"
        return "sending" if self.owed else "sent"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the mail to one of them."""

    recipient: Recipient
    state: str
    attempts: int
    sent_at: datetime | None
    error: str  # in plain words


def mailings_of(event: Event) -> QuerySet[Mailing]:
    """Return an event's mailings, the latest first."""
    return Mailing.objects.filter(event=event).select_related("author").order_by("-id")


def find_mailing(event: Event, mailing_id: UUID) -> Mailing:
    """Return one of the event's mailings; NotFoundError for any other."""
    found = mailings_of(event).filter(pk=mailing_id).first()
    if found is None:
        raise NotFoundError
    return found


def progress(mailings: Sequence[Mailing]) -> list[Progress]:
    """Return how mailings stand, by one query for all of them."""
    owed = Message.objects.filter(kind=MESSAGE, subject=OuterRef("pk")).values("state")[:1]
    rows = Recipient.objects.filter(mailing__in=[mailing.pk for mailing in mailings]).order_by()
    counts: dict[UUID, Counter[str]] = defaultdict(Counter)
    by_state = rows.annotate(state=Subquery(owed)).values_list("mailing", "state").annotate(count=Count("pk"))
    for mailing, state, count in by_state:
        counts[mailing][state] = count
    return [_progress(mailing, counts[mailing.pk]) for mailing in mailings]


def recipients_of(mailing: Mailing) -> QuerySet[Recipient]:
    """Return to whom it goes."""
    return Recipient.objects.filter(mailing=mailing).select_related("registration").order_by("id")


def deliveries(recipients: Sequence[Recipient]) -> list[Delivery]:
    """Return what became of the mail to each of them, by one query for all."""
    owed = Message.objects.filter(kind=MESSAGE, subject__in=[recipient.pk for recipient in recipients])
    messages = {message.subject: message for message in owed}
    return [_delivery(recipient, messages[recipient.pk]) for recipient in recipients]


def _progress(mailing: Mailing, counts: Counter[str]) -> Progress:
    return Progress(
        mailing=mailing,
        segment=read_segment(mailing.segment),
        owed=counts[_State.DUE],
        sent=counts[_State.SENT],
        failed=counts[_State.DEAD],
        stopped=counts[_State.VOID],
    )


def _delivery(recipient: Recipient, message: Message) -> Delivery:
    error = in_plain_words(message)
    return Delivery(recipient, message.state, message.attempts, message.sent_at, error)
