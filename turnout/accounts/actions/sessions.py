"""Signing in, and, for programs, families of refresh tokens: one row each."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _

from turnout.accounts.actions import second_factor
from turnout.accounts.models import SignUp, TokenFamily, User
from turnout.accounts.passwords import fitting, hashed_for, opens
from turnout.accounts.queries import by_address, has_second_factor
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ForbiddenError, ThrottledError, UnauthenticatedError
from turnout.core.text import address_key, digest
from turnout.core.transactions import transactional
from turnout.guard import captcha
from turnout.guard.actions import Claim, admit, forgive
from turnout.guard.notation import windows

FAMILY_LIVES = timedelta(days=30)

# Wrong passwords for one account from one network. Elsewhere its owner signs in as ever.
_FAILURES = windows("10/15minutes,50/day")
# And of those, from who shows each time to be no program.
_FAILURES_OF_PEOPLE = windows("100/day")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A family, and the secret of its latest refresh token: it is stored hashed, and told here once."""

    family: TokenFamily
    secret: str


def sign_in(email: str, password: str, otp: str = "", *, client: str, answer: str | None = None) -> SignedIn:
    """Begin a family of tokens for whoever shows the password and, where the account has one, the second factor.

    Raises what `check_password` and `check_second_factor` raise. `client` is the network it comes from, `answer` that
    to a CAPTCHA.
    """
    user = check_password(email, password, client=client, answer=answer)
    return _begin(user, second_factor=check_second_factor(user, otp, client=client))


def check_password(email: str, password: str, *, client: str, answer: str | None = None) -> User:
    """Return whose address and password these are: the first half of signing in, `check_second_factor` is the other.

    One hash is made, whether the address is known or not. Raises UnauthenticatedError `invalid_credentials`;
    ForbiddenError `email_unverified`, with the `signup_id`, after the password of an attempt to sign up. After too many
    failures from that network it asks for a CAPTCHA, where one is switched on (InvalidError), else for time to pass
    (ThrottledError).
    """
    _admit_try(email, client, answer)  # before the hash, which is dear
    return _whose_password(email, password)


def check_second_factor(user: User, otp: str, *, client: str) -> bool:
    """Tell whether somebody who has shown their password has a second factor, which must be shown then.

    Raises UnauthenticatedError `second_factor_required`.
    """
    required = has_second_factor(user)
    if required and not (otp and second_factor.spend(user, otp)):
        message = _("Send the code from your authenticator app, or a recovery code, as well.")
        raise UnauthenticatedError(message, "second_factor_required")
    forgive(_failures(user.email, client))
    return required


def rotate(family_id: uuid.UUID, secret: str) -> SignedIn:
    """Replace a family's refresh token by a new one; whoever shows one that was replaced before ends the family.

    Raises UnauthenticatedError `token_reused`, or `token_invalid` where the family has ended.
    """
    renewed = _replace(family_id, secret)
    if renewed is None:
        raise UnauthenticatedError(_("This token is no longer worth anything. Sign in again."), "token_invalid")
    if not renewed.secret:
        raise UnauthenticatedError(_("This token was used before. Sign in again."), "token_reused")
    return renewed


@transactional
def sign_out(family_id: uuid.UUID) -> None:
    """End a family; one that has ended stays so."""
    TokenFamily.objects.filter(pk=family_id, ended_at=None).update(ended_at=now())


@transactional
def end_sessions(user: User) -> int:
    """End all of somebody's sessions: those of browsers, and families, whose number it says.

    Access tokens end with their family. A browser's session ends because the stamp in it is no longer the account's.
    """
    User.objects.filter(pk=user.pk).update(session_stamp=F("session_stamp") + 1)
    user.refresh_from_db(fields=["session_stamp"])
    return TokenFamily.objects.filter(user=user, ended_at=None).update(ended_at=now())


@transactional
def sign_out_everywhere(user: User) -> None:
    """End all of one's own sessions, wherever one is signed in."""
    end_sessions(user)
    audit.record(audit.actor_of(user), "user.signed_out_everywhere", user.id)


def _admit_try(email: str, client: str, answer: str | None) -> None:
    failures = _failures(email, client)
    try:
        admit(failures)
    except ThrottledError:
        if captcha.widget() is None:
            raise
        captcha.check(answer, client, purpose="login")
        admit(Claim("login-failed-by-people", failures.subject, _FAILURES_OF_PEOPLE))


def _failures(email: str, client: str) -> Claim:
    return Claim("login-failed", f"{address_key(email)} {client}", _FAILURES)


def _whose_password(email: str, password: str) -> User:
    # Asked of known addresses too: the same work for all.
    attempts = SignUp.objects.filter(email_key=address_key(email), expires_at__gt=now()).order_by("-sent_at")
    hashes = dict(attempts.values_list("id", "password"))
    user = by_address(email)
    hashed = hashed_for(email, password, user)
    mine = fitting(hashed, hashes)
    right = user is not None and user.is_active and opens(user, password, hashed)
    if user is not None and right and user.address_verified:
        return user
    if right or mine:
        # Said of known addresses as well: who made an attempt knows its password, and would learn of the account else.
        message = _("Confirm your address first, with the code we mailed you.")
        # Which attempt is theirs: a stranger may have made others for the same address.
        which: dict[str, Any] = {"signup_id": str(mine[0])} if mine else {}
        raise ForbiddenError(message, "email_unverified", **which)
    raise UnauthenticatedError(_("Address or password is wrong."), "invalid_credentials")


@transactional
def _begin(user: User, *, second_factor: bool) -> SignedIn:
    start, secret = now(), _new_secret()
    family = TokenFamily.objects.create(
        user=user,
        current=_hash(secret),
        second_factor=second_factor,
        created_at=start,
        used_at=start,
        expires_at=start + FAMILY_LIVES,
    )
    User.objects.filter(pk=user.pk).update(last_login=start)
    return SignedIn(family, secret)


@transactional
def _replace(family_id: uuid.UUID, secret: str) -> SignedIn | None:
    """Return the family with its new secret, with none where it was just ended, or nothing where there is none."""
    start, new = now(), _new_secret()
    alive = TokenFamily.objects.filter(pk=family_id, ended_at=None, expires_at__gt=start)
    # Not by a join: Django would update by a subquery, which PostgreSQL does not ask again when it has waited for
    # somebody else's update, and the token would be taken twice.
    usable = alive.filter(Exists(User.objects.filter(pk=OuterRef("user_id"), is_active=True, address_verified=True)))
    if usable.filter(current=_hash(secret)).update(current=_hash(new), used_at=start):
        return SignedIn(TokenFamily.objects.select_related("user").get(pk=family_id), new)
    family = alive.first()
    if family is None or family.current == _hash(secret):
        return None
    alive.update(ended_at=start)
    audit.record(audit.SYSTEM, "user.session_reused", family.user_id)
    return SignedIn(family, "")


def _new_secret() -> str:
    return secrets.token_urlsafe(24)


def _hash(secret: str) -> str:
    return digest("refresh", secret)
