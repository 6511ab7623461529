"""Mailed codes: sending them, and counting who tries them."""

from django.db.models import F
from django.utils.translation import gettext as _

from turnout.accounts.models import CODE_LIVES, MOST_TRIES, MailedCode
from turnout.core.clock import now
from turnout.core.errors import InvalidError, ThrottledError
from turnout.core.text import address_key
from turnout.core.tokens import fits_code
from turnout.core.transactions import transactional
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows

# How many codes are compared for an address, however many were sent; one network alone can't use them all up.
_GUESSES, _GUESSES_OF_ONE_NETWORK = windows("50/day"), windows("40/day")


def admit_guess(email: str, client: str) -> None:
    """Count that somebody tries a code for this address; ThrottledError where that was often enough for a day."""
    key = address_key(email)
    admit(Claim("code", key, _GUESSES), Claim("code-from", f"{key} {client}", _GUESSES_OF_ONE_NETWORK))


def try_code(row: MailedCode | None, code: str) -> None:
    """Count a try, then compare. It must be outermost: a try that is rolled back would not have been counted.

    Raises InvalidError `otp_invalid` where there is nothing to unlock or the code is wrong, `otp_expired` after five
    minutes; ThrottledError `otp_attempts_exceeded` after five wrong tries.
    """
    if row is None:
        raise code_invalid()
    _count_try(row)
    if not fits_code(row.purpose, row.id, row.version, code):
        raise code_invalid()


def code_invalid() -> InvalidError:
    """Return the error for a code that is wrong, spent, or for nothing that is there."""
    return InvalidError(_("This code is not right. Look at the newest mail."), "otp_invalid")


@transactional
def _count_try(row: MailedCode) -> None:
    known = type(row).objects.filter(pk=row.pk, version=row.version)
    fresh = known.filter(sent_at__gt=now() - CODE_LIVES, tries__lt=MOST_TRIES)
    if fresh.update(tries=F("tries") + 1) == 1:
        return
    if row.code_expires_at <= now():
        raise InvalidError(_("This code is older than five minutes. Ask for a new one."), "otp_expired")
    if known.exists():
        message = _("Five codes were wrong. Ask for a new one.")
        raise ThrottledError(message, "otp_attempts_exceeded", retry_after=60)
    raise code_invalid()  # spent this moment
