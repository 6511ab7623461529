"""What the mails about accounts say."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from turnout.accounts.models import AddressChange, MailedCode, PasswordReset, SignUp, User
from turnout.core.clock import now
from turnout.core.models import AuditEntry
from turnout.notifications.mail import Mail
from turnout.notifications.mail import render as render_template
from turnout.notifications.markdown import defused
from turnout.notifications.models import Message

_SUBJECTS: dict[str, Callable[[], str]] = {
    "code": lambda: _("Your code"),
    "known": lambda: _("You have an account already"),
    "reset": lambda: _("A new password"),
    "unknown": lambda: _("There is no account with this address"),
    "address": lambda: _("Your code"),
    "address_known": lambda: _("This address has an account already"),
    "address_changed": lambda: _("Your account has a new address"),
    "password_changed": lambda: _("Your password was changed"),
}


def render(message: Message) -> Mail | None:
    """Return the mail, in the person's language; None where it is no longer worth anything."""
    kind = message.kind.partition(".")[2]
    found = _FACTS[kind](message)
    if found is None:
        return None
    language, facts = found
    with translation.override(language):
        context = {
            "site": settings.SITE_NAME,
            "reset_page": f"{settings.PUBLIC_BASE_URL}/password/reset/",
            **facts,
        }
        text, html = render_template(f"accounts/mail/{kind}", context)
        return Mail(_SUBJECTS[kind](), text, html)


# The language to write in, and what the template needs beside what all have.
_Facts = tuple[str, dict[str, Any]] | None


def _of_sign_up(message: Message) -> _Facts:
    attempt = SignUp.objects.filter(pk=message.subject).first()
    if attempt is None or not _is_newest(attempt, message):
        return None
    # A known address is not greeted by a name that a stranger typed.
    return attempt.language, {} if attempt.known else {"code": attempt.code}


def _of_address(message: Message) -> _Facts:
    change = AddressChange.objects.filter(pk=message.subject).first()
    if change is None or not _is_newest(change, message):
        return None
    return change.language, {} if change.known else {"code": change.code}


def _of_reset(message: Message) -> _Facts:
    reset = PasswordReset.objects.select_related("user").filter(pk=message.subject, used_at=None).first()
    if reset is None or reset.expires_at <= now():
        return None
    link = f"{settings.PUBLIC_BASE_URL}/password/reset/?token={reset.token}"
    return reset.language, {"link": link, "name": defused(reset.user.name) if reset.user else ""}


def _of_deed(message: Message) -> _Facts:
    user = User.objects.get(pk=AuditEntry.objects.get(pk=message.subject).subject)
    return user.language, {"name": defused(user.name)}


def _is_newest(row: MailedCode, message: Message) -> bool:
    return row.version == message.version and row.code_expires_at > now()


_FACTS: dict[str, Callable[[Message], _Facts]] = {
    "code": _of_sign_up,
    "known": _of_sign_up,
    "reset": _of_reset,
    "unknown": _of_reset,
    "address": _of_address,
    "address_known": _of_address,
    "address_changed": _of_deed,
    "password_changed": _of_deed,
}
