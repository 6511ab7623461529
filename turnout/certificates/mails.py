"""What certificates' mails say, as it is true when they are sent: from what the certificate says, event or no event.

The document is not attached: it is made when somebody opens it, and a link always shows what holds by then.
"""

from collections.abc import Callable

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from turnout.certificates.models import Certificate, Standing, Version
from turnout.core.languages import first_of_ours
from turnout.events.models import Event
from turnout.events.when import when
from turnout.notifications.mail import Mail
from turnout.notifications.mail import render as render_template
from turnout.notifications.markdown import defused
from turnout.notifications.models import Message

# By kind: with which standing it is still true, and its subject line.
_KINDS: dict[str, tuple[Standing, Callable[[str], str]]] = {
    "certificate.issued": (Standing.VALID, lambda title: _("Your certificate: %s") % title),
    "certificate.corrected": (Standing.VALID, lambda title: _("Your certificate was corrected: %s") % title),
    "certificate.revoked": (Standing.REVOKED, lambda title: _("Your certificate was revoked: %s") % title),
}


def render(message: Message) -> Mail | None:
    """Return the mail, in the holder's language; None where the certificate has moved on since it was owed."""
    found = Version.objects.current().select_related("certificate").filter(certificate=message.subject).first()
    standing, subject = _KINDS[message.kind]
    if found is None or found.standing != standing or _is_outdated(message, found):
        return None
    certificate = found.certificate
    with translation.override(first_of_ours(certificate.language) or settings.LANGUAGE_CODE):
        text, html = render_template(f"certificates/mail/{message.kind.partition('.')[2]}", _facts(certificate, found))
        return Mail(subject(found.says.event), text, html)


def _is_outdated(message: Message, version: Version) -> bool:
    """Tell whether a later correction tells of itself."""
    return message.kind == "certificate.corrected" and message.version != version.number


def _facts(certificate: Certificate, version: Version) -> dict[str, object]:
    """Return what templates know, of what strangers typed nothing that a mail program makes a link of."""
    says = version.says
    held = Event(starts_at=says.starts_at, ends_at=says.ends_at, timezone=says.timezone)
    return {
        "site": settings.SITE_NAME,
        "name": defused(says.name),
        "title": defused(says.event),
        "paper": defused(says.title),
        "issuer": defused(says.issuer),
        "when": when(held),
        "reason": defused(certificate.revoked_reason or version.reason),
        "page_url": certificate.address(),
        "pdf_url": f"{settings.PUBLIC_BASE_URL}/api/certificates/{certificate.id}/pdf/",
    }
