"""What people are told in the app of their registrations: a sentence for each kind."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.notices import Notice
from turnout.registrations.models import REMINDER

SENTENCES: dict[str, Callable[[str], str]] = {
    "registration.confirmed": lambda title: _("You have a seat at “%s”.") % title,
    "registration.promoted": lambda title: _("A seat came free, and it is yours: “%s”.") % title,
    "registration.reissued": lambda title: _("You have a new ticket for “%s”. The old one is void.") % title,
    "registration.waitlisted": lambda title: _("You are on the waiting list of “%s”.") % title,
    "registration.in_review": lambda title: _("The team of “%s” looks at your registration.") % title,
    "registration.declined": lambda title: _("The team of “%s” has no place for you this time.") % title,
    "registration.offered": lambda title: _("A seat at “%s” is kept for you. Accept it in time.") % title,
    "registration.offer_lapsed": lambda title: _("Your offer of a seat at “%s” is over.") % title,
    "registration.still_coming": lambda title: _("Do you still come to “%s”? Please say so.") % title,
    "registration.released": lambda title: _("Your seat at “%s” was released.") % title,
    "registration.cancelled": lambda title: _("Your registration for “%s” is cancelled.") % title,
    REMINDER: lambda title: _("“%s” starts soon.") % title,
    "registration.event_changed": lambda title: _("“%s” has another date or place.") % title,
    "registration.event_cancelled": lambda title: _("“%s” does not take place.") % title,
}


def write(entry: Entry) -> Notice:
    """Return what an entry of somebody's topic says to them, and where their registration is."""
    title = str(entry.data.get("title", ""))
    sentence = SENTENCES.get(entry.kind, str)
    return Notice(sentence(title), f"/registrations/{entry.subject}/")
