"""What a mailing says to each of those it goes to, as it is true when it is sent."""

from collections.abc import Mapping

from django.utils import translation

from turnout.events.models import Event
from turnout.notifications.mail import Mail
from turnout.notifications.mail import render as render_template
from turnout.notifications.models import Message
from turnout.registrations.mailings.models import Mailing, Recipient
from turnout.registrations.mailings.segments import Segment, check_segment, read_segment
from turnout.registrations.mails import facts, values
from turnout.registrations.models import Registration
from turnout.registrations.texts.preview import Shown, shown_facts, somebody
from turnout.registrations.texts.writing import PLACEHOLDERS, Text, check, say

KNOWN = (*PLACEHOLDERS, "position")


def check_draft(event: Event, text: Text, segment: Segment) -> None:
    """InvalidError as `texts.writing.check` and `segments.check_segment`."""
    check(text, KNOWN)
    check_segment(event, segment)


def render(message: Message) -> Mail | None:
    """Return the mail; None where the mailing was stopped, or is not for this person any more."""
    recipient = Recipient.objects.select_related("registration__event", "mailing__author").get(pk=message.subject)
    mailing, registration = recipient.mailing, recipient.registration
    if mailing.stopped_at is not None or _wants_none(registration) or not _is_meant(mailing, registration):
        return None
    with translation.override(registration.language):
        context = facts(registration) | {"unsubscribe_url": registration.unsubscribe_url()}
        mail = _mail(Text(mailing.subject, mailing.body), context, registration)
        return Mail(mail.subject, mail.text, mail.html, headers=_headers(mailing, registration))


def preview(event: Event, text: Text, segment: Segment) -> Shown:
    """Return the mail as somebody of the segment would get it, or nobody real; no link in it holds a key.

    InvalidError as `check_draft`.
    """
    check_draft(event, text, segment)
    registration = somebody(event, *segment.status)
    with translation.override(registration.language):
        context = shown_facts(registration)
        return _mail(text, context | {"unsubscribe_url": context["page_url"]}, registration)


def _mail(text: Text, context: Mapping[str, object], registration: Registration) -> Shown:
    words = say(text, values(context), registration.language)
    shown, html = render_template("registrations/mail/mailing", {**context, "words": words})
    return Shown(words.subject, shown, html, words)


def _wants_none(registration: Registration) -> bool:
    same = Registration.objects.filter(event=registration.event_id, email=registration.email)
    return same.filter(mailings_off_at__isnull=False).exists()


def _is_meant(mailing: Mailing, registration: Registration) -> bool:
    """Tell whether somebody still stands as those did to whom it was written."""
    return registration.status in read_segment(mailing.segment).status


def _headers(mailing: Mailing, registration: Registration) -> dict[str, str]:
    """Return how one gets no more of these, in one click (RFC 2369, RFC 8058), and whom one answers."""
    headers = {
        "List-Unsubscribe": f"<{registration.unsubscribe_url()}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    if mailing.reply_to and mailing.author.is_active:
        headers["Reply-To"] = mailing.author.email
    return headers
