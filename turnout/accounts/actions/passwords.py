"""A new password: by a mailed link, or because somebody who is signed in wants one."""

from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext as _

from turnout.accounts.actions.sessions import end_sessions
from turnout.accounts.models import RESET_LIVES, PasswordReset, User
from turnout.accounts.passwords import fits, refuse_weak
from turnout.accounts.queries import by_address, reset_of, reset_over
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import Fault, InvalidError
from turnout.core.text import normal_address
from turnout.core.transactions import transactional
from turnout.guard.actions import Claim, admit, forgive
from turnout.guard.mailboxes import within_mail_budget
from turnout.guard.notation import windows
from turnout.notifications.actions import owe

# Wrong passwords from within an account: a browser left open is no place to guess.
_FAILURES = windows("10/15minutes,50/day")


def ask_reset(email: str, *, language: str, client: str) -> None:
    """Owe the address a link to set a new password, or, where it has no account, a mail that says so."""
    _write_down(email, language, mail=within_mail_budget(email, client, purpose="reset"))


def reset_password(token: str, password: str) -> User:
    """Set a new password for whoever shows the token from the mail; all their sessions end.

    Raises InvalidError `token_invalid`, or at `/password` for a weak one; GoneError `token_expired` for a token older
    than an hour or used before.
    """
    reset, user = reset_of(token)
    refuse_weak(password, email=user.email, name=user.name)
    return _spend(reset, user, make_password(password))  # hashed before the transaction: it takes long


def change_password(user: User, current: str, new: str) -> None:
    """Give one's own account a new password, by the one it has; all its sessions end.

    Raises InvalidError at `/current` for a wrong one, at `/password` for a weak one; ThrottledError after too many
    wrong ones.
    """
    failures = Claim("password-failed", str(user.pk), _FAILURES)
    admit(failures)  # before the hash, which is dear
    if not fits(current, user.password):
        raise InvalidError.at(Fault("/current", "invalid", _("This is not your password.")))
    forgive(failures)
    refuse_weak(new, email=user.email, name=user.name)
    set_password(user, new, actor=audit.actor_of(user))


def set_password(user: User, password: str, *, actor: str = audit.SYSTEM) -> None:
    """Give the account a new password; all its sessions end."""
    _write(user, make_password(password), actor)  # hashed before the transaction: it takes long


@transactional
def _write_down(email: str, language: str, *, mail: bool) -> None:
    user = by_address(email)
    reset = PasswordReset.objects.create(
        user=user, language=user.language if user else language, expires_at=now() + RESET_LIVES
    )
    if mail:
        owe("account.reset" if user else "account.unknown", reset.id, normal_address(email), urgent=True)


@transactional
def _spend(reset: PasswordReset, user: User, hashed: str) -> User:
    if not PasswordReset.objects.filter(pk=reset.pk, used_at=None).update(used_at=now()):
        raise reset_over()
    # Other links to the same account are void: whoever asked for them might not be its owner.
    PasswordReset.objects.filter(user=user, used_at=None).update(used_at=now())
    _write(user, hashed, audit.actor_of(user))
    return user


@transactional
def _write(user: User, hashed: str, actor: str) -> None:
    user.password = hashed
    user.save(update_fields=["password"])
    end_sessions(user)
    entry = audit.record(actor, "user.password_set", user.id)
    owe("account.password_changed", entry.id, user.email, urgent=True)
