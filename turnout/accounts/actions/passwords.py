"""A new password: by a mailed link, or because somebody who is signed in wants one."""

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext as _

from turnout.accounts.actions.sessions import end_sessions
from turnout.accounts.models import RESET, RESET_LIVES, PasswordReset, User
from turnout.accounts.passwords import refuse_weak
from turnout.accounts.queries import by_address
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import GoneError
from turnout.core.text import normal_address
from turnout.core.tokens import read_token
from turnout.core.transactions import transactional
from turnout.guard.mailboxes import within_mail_budget
from turnout.notifications.actions import owe


def ask_reset(email: str, *, language: str, client: str) -> None:
    """Owe the address a link to set a new password, or, where it has no account, a mail that says so."""
    _write_down(email, language, mail=within_mail_budget(email, client, purpose="reset"))


def reset_password(token: str, password: str) -> User:
    """Set a new password for whoever shows the token from the mail; all their sessions end.

    Raises InvalidError `token_invalid`, or at `/password` for a weak one; GoneError `token_expired` for a token older
    than an hour or used before.
    """
    reset = PasswordReset.objects.select_related("user").filter(pk=read_token(RESET, token)).first()
    if reset is None or reset.user is None or reset.used_at is not None or reset.expires_at <= now():
        raise _expired()
    refuse_weak(password, email=reset.user.email, name=reset.user.name)
    return _spend(reset, make_password(password))  # hashed before the transaction: it takes long


@transactional
def set_password(user: User, password: str, *, actor: str = audit.SYSTEM) -> None:
    """Give the account a new password; all its sessions end."""
    _write(user, make_password(password), actor)


@transactional
def _write_down(email: str, language: str, *, mail: bool) -> None:
    user = by_address(email)
    reset = PasswordReset.objects.create(
        user=user, language=user.language if user else language, expires_at=now() + RESET_LIVES
    )
    if mail:
        owe("account.reset" if user else "account.unknown", reset.id, normal_address(email), urgent=True)


@transactional
def _spend(reset: PasswordReset, hashed: str) -> User:
    if reset.user is None or not PasswordReset.objects.filter(pk=reset.pk, used_at=None).update(used_at=now()):
        raise _expired()
    # Other links to the same account are void: whoever asked for them might not be its owner.
    PasswordReset.objects.filter(user=reset.user, used_at=None).update(used_at=now())
    _write(reset.user, hashed, f"user:{reset.user.pk}")
    return reset.user


def _write(user: User, hashed: str, actor: str) -> None:
    user.password = hashed
    user.save(update_fields=["password"])
    end_sessions(user)
    entry = audit.record(actor, "user.password_set", user.id)
    owe("account.password_changed", entry.id, user.email, urgent=True)


def _expired() -> GoneError:
    return GoneError(_("This link was used, or is older than an hour. Ask for a new one."), "token_expired")
