"""What registrations' mails say, as it is true when they are sent."""

from collections.abc import Callable

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from turnout.events.when import when
from turnout.notifications.mail import Attachment, Mail
from turnout.notifications.mail import render as render_template
from turnout.notifications.models import Message
from turnout.registrations.models import Registration
from turnout.registrations.queries import position
from turnout.registrations.tickets import ticket_pdf, where

Status = Registration.Status

# By kind: in which status it is still true, and its subject line.
_KINDS: dict[str, tuple[Status, Callable[[str], str]]] = {
    "registration.confirm": (Status.PENDING, lambda title: _("Confirm your registration: %s") % title),
    "registration.confirmed": (Status.CONFIRMED, lambda title: _("Your ticket: %s") % title),
    "registration.promoted": (Status.CONFIRMED, lambda title: _("A seat for you: %s") % title),
    "registration.waitlisted": (Status.WAITLISTED, lambda title: _("You are on the waiting list: %s") % title),
    "registration.cancelled": (Status.CANCELLED, lambda title: _("Cancelled: %s") % title),
}


def render(message: Message) -> Mail | None:
    """Return the mail, in the person's language; None where the registration has moved on since it was owed."""
    registration = Registration.objects.select_related("event").get(pk=message.subject)
    status, subject = _KINDS[message.kind]
    if registration.status != status:
        return None
    with translation.override(registration.language):
        text, html = render_template(f"registrations/mail/{message.kind.partition('.')[2]}", _context(registration))
        return Mail(subject(registration.event.title), text, html, _attachments(registration))


def _context(registration: Registration) -> dict[str, object]:
    event = registration.event
    return {
        "site": settings.SITE_NAME,
        "registration": registration,
        "event": event,
        "when": when(event),
        "where": where(registration),
        "position": position(registration),
        "confirm_url": f"{settings.PUBLIC_BASE_URL}/confirm/?token={registration.confirmation_token}",
        "page_url": registration.page_url(),
    }


def _attachments(registration: Registration) -> tuple[Attachment, ...]:
    if registration.status != Status.CONFIRMED:
        return ()
    return (Attachment("ticket.pdf", ticket_pdf(registration)),)
