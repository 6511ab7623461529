"""What an event's people are owed by mail: what was given up, and why, for its team."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from turnout.core.errors import NotFoundError
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.registrations.mailings.models import MESSAGE, Recipient
from turnout.registrations.models import Registration

_REPLY = re.compile(r"\((\d{3}), b?['\"]")  # how a mail server's refusal is written down
_PERMANENT = 500
_AWAY = ("timeout", "connect", "oserror", "gaierror", "refused:", "socket", "ssl", "network")


@dataclass(frozen=True, slots=True)
class Owed:
    """A message, with whom it is for."""

    message: Message
    registration: Registration
    error: str  # in plain words

    @property
    def kind(self) -> str:
        """What it is about: `confirmed`, `reminder`, `mailing` and so on."""
        return "mailing" if self.message.kind == MESSAGE else self.message.kind.partition(".")[2]


def messages_of(event: Event) -> QuerySet[Message]:
    """Return what the event's people are or were owed, the latest first.

    Lists name a state, too: where no index helps, MariaDB looks at every message there is.
    """
    people = Registration.objects.filter(event=event).order_by().values("pk")
    recipients = Recipient.objects.filter(mailing__event=event).order_by().values("pk")
    return Message.objects.filter(subject__in=people.union(recipients, all=True)).order_by("-id")


def failed(event: Event) -> QuerySet[Message]:
    """Return what was given up, or came back."""
    return messages_of(event).filter(Q(state=Message.State.DEAD) | Q(bounced_at__isnull=False))


def find_message(event: Event, message_id: UUID) -> Message:
    """Return one of them; NotFoundError for any other."""
    found = messages_of(event).filter(pk=message_id).first()
    if found is None:
        raise NotFoundError
    return found


def owed(messages: Sequence[Message]) -> list[Owed]:
    """Return these messages with whom they are for, in two queries however many there are."""
    subjects = [message.subject for message in messages]
    people = Registration.objects.in_bulk(subjects)
    recipients = Recipient.objects.filter(pk__in=subjects).select_related("registration")
    people |= {recipient.pk: recipient.registration for recipient in recipients}
    return [Owed(message, people[message.subject], in_plain_words(message)) for message in messages]


def in_plain_words(message: Message) -> str:
    """Return why a mail did not arrive, without what a mail server said: it may hold more than is for the team."""
    error = message.last_error
    if message.bounced_at is not None:
        return _("It was sent and came back. Is the address right?")
    if not error:
        return ""
    reply = _REPLY.search(error)
    if reply and int(reply[1]) >= _PERMANENT:
        return _("The mail server there refuses it for good (%s). Is the address right?") % reply[1]
    if reply:
        return _("The mail server there did not take it yet (%s).") % reply[1]
    if any(sign in error.partition(":")[0].lower() for sign in _AWAY):
        return _("The mail server could not be reached.")
    return _("It could not be sent. Staff can see why.")
