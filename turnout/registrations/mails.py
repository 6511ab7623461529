"""What registrations' mails say, as it is true when they are sent."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Min
from django.utils import translation
from django.utils.translation import gettext as _

from turnout.core.clock import now
from turnout.events.models import AttendanceType, Event
from turnout.events.reminders import moves_before
from turnout.events.when import moment, when
from turnout.notifications.mail import Attachment, Mail
from turnout.notifications.mail import render as render_template
from turnout.notifications.markdown import defused
from turnout.notifications.models import Message
from turnout.registrations.invitations import invitation
from turnout.registrations.models import REMINDER, EventMove, MailText, Registration
from turnout.registrations.queries import position
from turnout.registrations.texts.writing import Text, say, text_for
from turnout.registrations.tickets import ticket_pdf, where

Status = Registration.Status

# By kind: in which status it is still true, and its subject line.
_KINDS: dict[str, tuple[tuple[Status, ...], Callable[[str], str]]] = {
    "registration.confirm": ((Status.PENDING,), lambda title: _("Confirm your registration: %s") % title),
    "registration.confirmed": ((Status.CONFIRMED,), lambda title: _("Your ticket: %s") % title),
    "registration.promoted": ((Status.CONFIRMED,), lambda title: _("A seat for you: %s") % title),
    "registration.reissued": ((Status.CONFIRMED,), lambda title: _("Your new ticket: %s") % title),
    "registration.waitlisted": ((Status.WAITLISTED,), lambda title: _("You are on the waiting list: %s") % title),
    "registration.in_review": ((Status.IN_REVIEW,), lambda title: _("Being looked at: %s") % title),
    "registration.declined": ((Status.DECLINED,), lambda title: _("No place this time: %s") % title),
    "registration.offered": ((Status.OFFERED,), lambda title: _("A seat is kept for you: %s") % title),
    "registration.offer_lapsed": (
        (Status.WAITLISTED, Status.CANCELLED),
        lambda title: _("Your offer is over: %s") % title,
    ),
    "registration.still_coming": ((Status.CONFIRMED,), lambda title: _("Do you still come? %s") % title),
    "registration.released": ((Status.CANCELLED,), lambda title: _("Your seat was released: %s") % title),
    "registration.cancelled": ((Status.CANCELLED,), lambda title: _("Cancelled: %s") % title),
    REMINDER: ((Status.CONFIRMED,), lambda title: _("Soon: %s") % title),
    "registration.event_changed": (Registration.ACTIVE, lambda title: _("Another date or place: %s") % title),
    "registration.event_cancelled": (Registration.ACTIVE, lambda title: _("It does not take place: %s") % title),
}
# What is said of an event that is cancelled; all else would send people to it.
_OF_A_CANCELLED_EVENT = {"registration.cancelled", "registration.event_cancelled"}
# What changes a calendar, where somebody has or had a seat.
_INVITING = {
    "registration.confirmed",
    "registration.promoted",
    "registration.event_changed",
    "registration.cancelled",
    "registration.released",
    "registration.event_cancelled",
}


def render(message: Message) -> Mail | None:
    """Return the mail, in the person's language; None where the registration has moved on since it was owed."""
    kind = message.kind.partition(".")[2]
    registration = Registration.objects.with_text(kind).select_related("event").get(pk=message.subject)
    event = registration.event
    statuses, subject = _KINDS[message.kind]
    if registration.status not in statuses or _is_outdated(message, registration):
        return None
    with translation.override(registration.language):
        context = facts(registration)
        if message.kind == "registration.event_changed":
            changes = _changes(message, registration)
            if not changes:
                return None
            context |= changes
        own = text_for(event, kind, registration.language) if registration.has_text else None
        words = own and say(Text(own.subject, own.body), values(context, kind), own.language)
        text, html = render_template(f"registrations/mail/{kind}", {**context, "words": words})
        line = words.subject if words else subject(event.title)
        invited = invitation(registration) if message.kind in _INVITING else None
        return Mail(line, text, html, _attachments(registration), invited)


def usual_subject(kind: str, title: str) -> str:
    """Return what stands above a mail of this kind where an organiser chose nothing else."""
    return _KINDS[f"registration.{kind}"][1](title)


def statuses_of(kind: str) -> tuple[Status, ...]:
    """Return in which statuses somebody is sent a mail of this kind."""
    return _KINDS[f"registration.{kind}"][0]


def _is_outdated(message: Message, registration: Registration) -> bool:
    """Tell whether what the message says was overtaken, although the status is one of those it speaks of."""
    if registration.event.status == Event.Status.CANCELLED and message.kind not in _OF_A_CANCELLED_EVENT:
        return True
    if message.kind in {"registration.offered", "registration.offer_lapsed"}:
        return message.version != registration.offers
    if message.kind == "registration.reissued":
        return message.version != registration.revoked_tickets.count()
    if message.kind == REMINDER:
        return not _is_still_to_come(message, registration.event)
    if message.kind == "registration.still_coming":
        return registration.asked_at is None or registration.coming_at is not None
    return False


def _is_still_to_come(message: Message, event: Event) -> bool:
    """Tell whether the event starts when it was to start as the reminder came due: another place is no other time."""
    moved = event.moves.filter(number=moves_before(message.version) + 1).first()
    return event.starts_at > now() and (moved is None or moved.starts_at == event.starts_at)


def facts(registration: Registration) -> dict[str, object]:
    """Return what is true of somebody and their event, as templates know it."""
    event = registration.event
    return {
        "site": settings.SITE_NAME,
        "registration": registration,
        # Whatever strangers typed.
        "name": defused(registration.full_name),
        "title": defused(event.title),
        "event": event,
        "when": when(event),
        "where": defused(where(registration)),
        "position": position(registration),
        "confirm_url": f"{settings.PUBLIC_BASE_URL}/confirm/?token={registration.confirmation_token}",
        "page_url": registration.page_url(),
        "offer_until": _moment(event, registration.offer_expires_at),
        "answer_by": _moment(event, registration.answer_by),
    }


def values(context: Mapping[str, object], kind: str = "") -> dict[str, str]:
    """Return what stands for the placeholders in an organiser's text, each on one line."""
    stands = {
        "name": context["name"],
        "event": context["title"],
        "when": context["when"],
        "where": context["where"],
        "link": context["confirm_url" if kind == MailText.Kind.CONFIRM else "page_url"],
        "site": context["site"],
        "position": context["position"] or "",
        "until": context["offer_until"],
    }
    return {name: " ".join(str(value).split()) for name, value in stands.items()}


def _moment(event: Event, at: datetime | None) -> str:
    return "" if at is None else moment(event, at)


def _changes(message: Message, registration: Registration) -> dict[str, object]:
    """Return what differs from what this person was told last; nothing where a later message will tell it."""
    told = Message.objects.filter(kind=message.kind, subject=message.subject)
    if told.filter(version__gt=message.version).exists():
        return {}
    last = told.filter(state=Message.State.SENT).aggregate(last=Max("version"))["last"] or 0
    first = told.filter(version__gt=last).aggregate(first=Min("version"))["first"] or message.version
    event, move = registration.event, EventMove.objects.get(event=registration.event_id, number=first)
    changes: dict[str, object] = {}
    if (move.starts_at, move.ends_at) != (event.starts_at, event.ends_at):
        before = Event(starts_at=move.starts_at, ends_at=move.ends_at, timezone=move.timezone)
        changes["was_when"] = when(before)
    if move.location != event.location:
        changes["was_where"] = defused(move.location)
    if registration.attendance_type == AttendanceType.ONLINE and move.online_url != event.online_url:
        changes["online_changed"] = True
    return changes


def _attachments(registration: Registration) -> tuple[Attachment, ...]:
    if registration.status != Status.CONFIRMED or registration.event.status == Event.Status.CANCELLED:
        return ()
    return (Attachment("ticket.pdf", ticket_pdf(registration)),)
