"""What people are told in the app of their webhooks."""

from django.utils.translation import gettext as _

from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.notices import Notice
from turnout.notifications.webhooks.models import Webhook


def write(entry: Entry) -> Notice:
    """Return why a webhook of somebody's account was switched off; such a webhook has no page of its own."""
    label = {"label": entry.data.get("title", "")}
    if entry.data.get("reason") == Webhook.Reason.GONE:
        title = _("The webhook %(label)s was switched off: it answered that it is gone.") % label
    else:
        title = _("The webhook %(label)s was switched off: it could not be reached for three days.") % label
    return Notice(title, "/notifications/")
