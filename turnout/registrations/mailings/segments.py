"""To whom a mailing goes: which of those who registered, one mail an address."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from turnout.core.errors import Fault, InvalidError
from turnout.core.text import fold
from turnout.events.models import AttendanceType, Event, Question
from turnout.guard.mailboxes import mailbox
from turnout.registrations.answers import values_of
from turnout.registrations.models import Registration, RegistrationQuerySet

MOST_RECIPIENTS = 10_000
Status = Registration.Status
# Whom nobody writes to: an address that was never confirmed is perhaps somebody else's.
UNPROVEN = (Status.PENDING, Status.EXPIRED)
STATUSES = tuple(status.value for status in Status if status not in UNPROVEN)
_MOST_OF_A_MAILBOX = 5  # a family has one, and so has whom somebody imports a hundred times
_AT_ONCE = 1000  # rows read by one statement


@dataclass(frozen=True, slots=True)
class Segment:
    """Which of those who registered; what is empty or None is not asked for."""

    status: tuple[str, ...] = (Status.CONFIRMED.value,)
    attendance_type: str = ""
    checked_in: bool | None = None
    session: UUID | None = None
    answer: Mapping[str, object] = field(default_factory=dict)  # by the questions' keys; all of them were given

    def as_json(self) -> str:
        """Return it as it is kept."""
        return json.dumps(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return it in the API's words."""
        return {
            "status": list(self.status),
            "attendance_type": self.attendance_type,
            "checked_in": self.checked_in,
            "session": self.session and str(self.session),
            "answer": dict(self.answer),
        }


def read_segment(kept: str) -> Segment:
    """Return what `as_json` wrote; everybody, where no secret opens it any more."""
    if not kept:
        return Segment(status=STATUSES)
    fields = json.loads(kept)
    session = fields["session"] and UUID(fields["session"])
    return Segment(**{**fields, "status": tuple(fields["status"]), "session": session})


def check_segment(event: Event, segment: Segment) -> None:
    """InvalidError where it asks for who never confirmed, or for a session or a question that the event has not."""
    faults = []
    if not segment.status or not {*segment.status} <= {*STATUSES}:
        message = _("Write to who confirmed their address: choose among %s.") % ", ".join(STATUSES)
        faults.append(Fault("/segment/status", "never_confirmed", message))
    if segment.attendance_type and segment.attendance_type not in AttendanceType.values:
        faults.append(Fault("/segment/attendance_type", "invalid_choice", _("Nobody attends like this.")))
    if segment.session is not None and not event.sessions.filter(pk=segment.session).exists():
        faults.append(Fault("/segment/session", "unknown_session", _("The event has no such session.")))
    known = {str(key) for key in Question.objects.filter(event=event).values_list("key", flat=True)}
    for key in segment.answer:
        if key not in known:
            pointer = "/segment/answer/" + key.replace("~", "~0").replace("/", "~1")
            faults.append(Fault(pointer, "unknown_question", _("This event does not ask that.")))
    if faults:
        raise InvalidError.at(*faults)


def chosen(event: Event, segment: Segment, among: RegistrationQuerySet) -> list[tuple[UUID, str]]:
    """Return to which of these registrations of the event a mailing goes, with their addresses.

    Each address gets one: of its registrations it is the one that stands, else the latest; and a mailbox, tags and dots
    folded, five. Left out is who never confirmed the address, who was erased, and who wants no mailings, under
    whichever registration they said so. Who is or was there is known further up: for `checked_in`, and then for
    `session`, the caller chooses `among`. InvalidError `too_many_recipients` beyond 10,000.
    """
    registered = Registration.objects.filter(event=event)
    unwilling = set(registered.filter(mailings_off_at__isnull=False).values_list("email", flat=True))
    found: dict[str, UUID] = {}
    mailboxes: Counter[str] = Counter()
    for row in _pieces(_matching(segment, among)):
        if row.email in unwilling or not _has_answered(row, segment.answer):
            continue
        if row.email not in found:
            mailboxes[mailbox(row.email)] += 1
        if mailboxes[mailbox(row.email)] > _MOST_OF_A_MAILBOX:
            continue
        if row.email not in found or row.status in Registration.ACTIVE:
            found[row.email] = row.pk
        if len(found) > MOST_RECIPIENTS:
            message = _("A mail goes to at most %d people. Choose fewer.") % MOST_RECIPIENTS
            raise InvalidError.at(Fault("/segment", "too_many_recipients", message))
    return [(pk, address) for address, pk in found.items()]


def _matching(segment: Segment, among: RegistrationQuerySet) -> RegistrationQuerySet:
    matching = among.proven().filter(status__in=segment.status)
    if segment.attendance_type:
        matching = matching.filter(attendance_type=segment.attendance_type)
    return matching.only("email", "status", *(["answers"] if segment.answer else []))


def _pieces(registrations: RegistrationQuerySet) -> Iterator[Registration]:
    """Yield them, the latest first, a thousand in memory at a time."""
    ordered = registrations.order_by("-id")
    some = list(ordered[:_AT_ONCE])
    while some:
        yield from some
        some = list(ordered.filter(pk__lt=some[-1].pk)[:_AT_ONCE]) if len(some) == _AT_ONCE else []


def _has_answered(registration: Registration, wanted: Mapping[str, object]) -> bool:
    """Tell whether they gave all of these answers; of several choices one is enough."""
    if not wanted:
        return True
    given = values_of(registration)
    return all(_is_the_same(given.get(key), value) for key, value in wanted.items())


def _is_the_same(given: object, wanted: object) -> bool:
    if isinstance(given, list):
        return any(_is_the_same(each, wanted) for each in given)
    if isinstance(given, str) and isinstance(wanted, str):
        return fold(given.strip()) == fold(wanted.strip())
    return given == wanted and isinstance(given, bool) == isinstance(wanted, bool) and given is not None
