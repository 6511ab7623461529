"""What events' own mails say, as it is true when they are sent."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from turnout.accounts.models import User
from turnout.events.models import TeamMember
from turnout.events.when import when
from turnout.notifications.mail import Mail
from turnout.notifications.mail import render as render_template
from turnout.notifications.markdown import defused
from turnout.notifications.models import Message


def render(message: Message) -> Mail | None:
    """Return the mail to a new member of a team, in their language; None where they are on it no more."""
    member = TeamMember.objects.select_related("event__owner").filter(pk=message.subject).first()
    if member is None:
        return None
    with translation.override(_language(member)):
        context = {
            "site": settings.SITE_NAME,
            "member": member,
            "title": defused(member.event.title),
            "place": defused(member.event.location),
            "when": when(member.event),
            "page_url": f"{settings.PUBLIC_BASE_URL}/events/{member.event_id}/",
        }
        text, html = render_template("events/mail/added", context)
        return Mail(_("You are on the team: %s") % member.event.title, text, html)


def _language(member: TeamMember) -> str:
    """Return the language of their account, else that of whose event it is."""
    known = User.objects.filter(email_key=member.email_key).first() or member.event.owner
    return known.language if known else settings.LANGUAGE_CODE
