"""How events are written on pages."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language_info, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from turnout.attendance.models import Device
from turnout.events.models import AttendanceType, Event, Speaker
from turnout.events.queries import seats_of
from turnout.events.when import moment, when
from turnout.registrations.models import Registration
from turnout.registrations.queries import closed
from turnout.reports.arrivals import Span

register = template.Library()
register.filter("when", when)
register.filter("moment", moment)

STATUS_NAMES = {
    Registration.Status.PENDING: gettext_lazy("Not confirmed"),
    Registration.Status.IN_REVIEW: gettext_lazy("In review"),
    Registration.Status.CONFIRMED: gettext_lazy("Has a seat"),
    Registration.Status.WAITLISTED: gettext_lazy("Waits in line"),
    Registration.Status.OFFERED: gettext_lazy("Has an offer"),
    Registration.Status.DECLINED: gettext_lazy("Declined"),
    Registration.Status.CANCELLED: gettext_lazy("Cancelled"),
    Registration.Status.EXPIRED: gettext_lazy("Expired"),
}
MAIL_NAMES = {
    "confirm": gettext_lazy("Please confirm"),
    "confirmed": gettext_lazy("The ticket"),
    "reissued": gettext_lazy("A new ticket"),
    "waitlisted": gettext_lazy("On the waiting list"),
    "promoted": gettext_lazy("A seat came free"),
    "offered": gettext_lazy("A seat is offered"),
    "offer_lapsed": gettext_lazy("The offer is over"),
    "still_coming": gettext_lazy("Still coming?"),
    "reminder": gettext_lazy("Reminder"),
    "cancelled": gettext_lazy("Cancelled"),
    "event_changed": gettext_lazy("Another date or place"),
    "event_cancelled": gettext_lazy("The event is cancelled"),
    "in_review": gettext_lazy("Being looked at"),
    "declined": gettext_lazy("Declined"),
    "released": gettext_lazy("The seat was released"),
    "mailing": gettext_lazy("What your team wrote"),
}
_FEW = 10  # seats left that are worth a word
_OWN_NAMES = {"zh": "中文"}  # which Django has in two scripts only


@register.filter
def language_name(code: str) -> str:
    """Return a language's name in the reader's own; the code for one we have no name for."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return _OWN_NAMES.get(code, code)


@register.filter
def status_name(registration: Registration) -> str:
    """Return where a registration stands, in a word or two for the team."""
    return str(STATUS_NAMES[Registration.Status(registration.status)])


@register.filter
def mail_name(kind: str) -> str:
    """Return what a mail is about, in a word or two for the team."""
    return str(MAIL_NAMES.get(kind, kind))


@register.filter
def attendance_name(kind: str) -> str:
    """Return how somebody takes part."""
    return str(AttendanceType(kind).label)


@register.simple_tag(takes_context=True)
def address_with(context: Mapping[str, Any], name: str, value: str) -> str:
    """Return the address of this page with one parameter changed."""
    asked = context["request"].GET.copy()
    asked[name] = value
    return f"?{asked.urlencode()}"


@register.filter
def called(actor: str, names: Mapping[str, str]) -> str:
    """Return how somebody in the audit trail is called; for who has no account any more, that."""
    return names.get(actor) or _("somebody who has no account any more")


@register.filter
def clock_error(device: Device) -> int:
    """Return by how many seconds a device's clock is off."""
    return round(abs(device.clock_error_ms or 0) / 1000)


@register.filter
def arrived(span: Span, session: UUID) -> int:
    """Return how many came to a session in a span of time."""
    return span.sessions[session]


@register.filter
def languages(event: Event) -> SafeString:
    """Return the names of the languages an event is held in."""
    return _listed(language_name(language.code) for language in event.languages.all())


@register.filter
def names(speakers: Iterable[Speaker]) -> SafeString:
    """Return who speaks."""
    return _listed(speaker.name for speaker in speakers)


@register.filter
def place(event: Event) -> str:
    """Return where an event takes place; empty where nobody has said it yet."""
    if not event.location:
        return _("Online") if event.offers_online else ""
    there = format_html("<bdi>{}</bdi>", event.location)
    return format_html(conditional_escape(_("{place}, or online")), place=there) if event.offers_online else there


@register.filter
def seats_left(event: Event) -> str:
    """Return what is worth saying about the seats of an event that is still open: that few are left, or none."""
    left = seats_of(event).available
    if left is None or left > _FEW or closed(event):
        return ""
    if left:
        return ngettext("%(count)d seat left", "%(count)d seats left", left) % {"count": left}
    return _("Full, with a waiting list") if event.waitlist_enabled else _("Full")


def _listed(texts: Iterable[str]) -> SafeString:
    """Join texts, each in its own direction, by the comma of the reader's language."""
    return format_html_join(_(", "), "<bdi>{}</bdi>", ((text,) for text in texts))
