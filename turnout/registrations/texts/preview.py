"""Mails before they are sent: as they will look with real data, and what they say where nobody chose other words."""

import functools
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from turnout.core.clock import now
from turnout.events.models import Event
from turnout.events.when import moment
from turnout.notifications.mail import render as render_template
from turnout.registrations.mails import facts, statuses_of, usual_subject, values
from turnout.registrations.models import Registration
from turnout.registrations.texts.writing import Text, Words, check, check_place, placeholders, say

_AN_OFFER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail as somebody would get it, and the organiser's part of it alone."""

    subject: str
    text: str
    html: str
    words: Words


def preview(event: Event, kind: str, language: str, text: Text) -> Shown:
    """Return a mail of the event as this text would make it, for somebody who could get it, or for nobody real.

    Its links lead to the event: what they hold is for who gets the mail. NotFoundError and InvalidError as
    `texts.actions.set_text`.
    """
    check_place(event, kind, language)
    check(text, placeholders(kind))
    with translation.override(language):
        context = shown_facts(somebody(event, *statuses_of(kind)))
        context["position"] = context["position"] or 1  # perhaps nobody waits
        words = say(text, values(context, kind), language)
        shown, html = render_template(f"registrations/mail/{kind}", {**context, "words": words})
        return Shown(words.subject, shown, html, words)


@functools.cache  # a handful, and the same for all events
def usual_text(kind: str, language: str) -> Text:
    """Return what a kind of mail says where the organiser chose nothing else, as a text of theirs would say it."""
    with translation.override(language):
        context = {"name": "{name}", "position": "{position}", "offer_until": "{until}", "words_alone": True}
        body = render_to_string(f"registrations/mail/{kind}.txt", context).strip()
        return Text(usual_subject(kind, "{event}"), body)


def somebody(event: Event, *statuses: str) -> Registration:
    """Return a registration of the event, in one of these statuses if there is any; else one that nobody made."""
    known = Registration.objects.filter(event=event).proven()
    found = known.filter(status__in=statuses).order_by("-id").first() or known.order_by("-id").first()
    if found is None:
        kind = event.attendance_types[0]
        found = Registration(event=event, full_name=_("Amina Example"), email="", attendance_type=kind)
    found.event = event
    return found


def shown_facts(registration: Registration) -> dict[str, object]:
    """Return what is true of somebody, for eyes that are not theirs: no link in it holds a key."""
    event = registration.event
    page = f"{settings.PUBLIC_BASE_URL}/events/{event.pk}/"
    context = facts(registration) | {"page_url": page, "confirm_url": page}
    context["offer_until"] = context["offer_until"] or moment(event, now() + _AN_OFFER)
    return context
