"""Signing in, for programs: families of refresh tokens, one row each."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _

from turnout.accounts.actions import second_factor
from turnout.accounts.models import SignUp, TokenFamily, User
from turnout.accounts.passwords import fits_any
from turnout.accounts.queries import by_address, has_second_factor
from turnout.core.clock import now
from turnout.core.errors import ForbiddenError, UnauthenticatedError
from turnout.core.text import address_key, digest
from turnout.core.transactions import transactional
from turnout.guard.actions import Claim, admit, forgive
from turnout.guard.notation import windows

FAMILY_LIVES = timedelta(days=30)

# Wrong passwords for one account from one network. Elsewhere its owner signs in as ever.
_FAILURES = windows("10/15minutes,50/day")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A family, and the secret of its latest refresh token: it is stored hashed, and told here once."""

    family: TokenFamily
    secret: str


def sign_in(email: str, password: str, otp: str = "", *, client: str) -> SignedIn:
    """Begin a family of tokens for whoever shows the password and, where the account has one, the second factor.

    One hash is made, whether the address is known or not. `client` is the network it comes from.
    Raises UnauthenticatedError `invalid_credentials`, `second_factor_required`; ForbiddenError `email_unverified` after
    the password of an attempt to sign up; ThrottledError after too many failures from that network.
    """
    failures = Claim("login-failed", f"{address_key(email)} {client}", _FAILURES)
    admit(failures)  # before the hash, which is dear
    user = _whose_password(email, password)
    asked = has_second_factor(user)
    if asked and not (otp and second_factor.spend(user, otp)):
        message = _("Send the code from your authenticator app, or a recovery code, as well.")
        raise UnauthenticatedError(message, "second_factor_required")
    forgive(failures)
    return _begin(user, second_factor=asked)  # one begun meanwhile was not shown


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
    """End all of somebody's families, and say how many there were. Access tokens end with their family."""
    return TokenFamily.objects.filter(user=user, ended_at=None).update(ended_at=now())


def _whose_password(email: str, password: str) -> User:
    # Asked of known addresses too: the same work for all.
    attempts = SignUp.objects.filter(email_key=address_key(email), expires_at__gt=now())
    hashes = list(attempts.values_list("password", flat=True))
    user = by_address(email)
    right = fits_any(email, password, hashes) if user is None else user.check_password(password)
    if not right or (user is not None and not user.is_active):
        raise UnauthenticatedError(_("Address or password is wrong."), "invalid_credentials")
    if user is None or not user.address_verified:
        message = _("Confirm your address first, with the code we mailed you.")
        raise ForbiddenError(message, "email_unverified")
    return user


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
    usable = alive.filter(user__is_active=True, user__address_verified=True)
    if usable.filter(current=_hash(secret)).update(current=_hash(new), used_at=start):
        return SignedIn(TokenFamily.objects.select_related("user").get(pk=family_id), new)
    family = alive.first()
    if family is None or family.current == _hash(secret):
        return None
    alive.update(ended_at=start)
    return SignedIn(family, "")


def _new_secret() -> str:
    return secrets.token_urlsafe(24)


def _hash(secret: str) -> str:
    return digest("refresh", secret)
