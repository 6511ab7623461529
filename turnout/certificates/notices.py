"""What people are told in the app of their certificates: a sentence for each kind."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.notices import Notice

SENTENCES: dict[str, Callable[[str], str]] = {
    "certificate.issued": lambda title: _("You have a certificate for “%s”.") % title,
    "certificate.corrected": lambda title: _("Your certificate for “%s” was corrected.") % title,
    "certificate.revoked": lambda title: _("Your certificate for “%s” was revoked.") % title,
}


def write(entry: Entry) -> Notice:
    """Return what an entry of somebody's topic says to them, and where their certificate is."""
    title = str(entry.data.get("title", ""))
    sentence = SENTENCES.get(entry.kind, str)
    return Notice(sentence(title), f"/certificates/{entry.subject}/")
