"""Signing up: an attempt, its code, and the account that the right code makes of it."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from turnout.accounts.actions.codes import admit_guess, code_invalid, try_code
from turnout.accounts.models import ATTEMPT_LIVES, Role, SignUp, User
from turnout.accounts.passwords import hashed_for, refuse_weak
from turnout.accounts.queries import by_address
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.text import address_key, normal_address
from turnout.core.transactions import transactional
from turnout.guard.mailboxes import within_mail_budget
from turnout.notifications.actions import owe

RESEND_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who signs up, as they tell it."""

    email: str
    password: str
    role: str = Role.SEEKER
    name: str = ""
    language: str = "en"


def sign_up(newcomer: Newcomer, *, client: str) -> SignUp:
    """Write down an attempt to sign up, and owe its address a code.

    A known address gets the same answer for the same work, and a mail that says so. Nothing is bound by an attempt:
    whoever signs up with a stranger's address has gained nothing when the stranger signs up.
    `client` is the network it comes from. InvalidError at `/password` for a weak one.
    """
    refuse_weak(newcomer.password, email=newcomer.email, name=newcomer.name)
    # Before the transaction: it takes long.
    hashed = hashed_for(newcomer.email, newcomer.password, by_address(newcomer.email))
    return _write_down(newcomer, hashed, mail=within_mail_budget(newcomer.email, client, purpose="code"))


def verify(email: str, code: str, *, signup_id: uuid.UUID | None = None, client: str) -> User:
    """Make an account of the attempt whose code this is; the address's other attempts are gone then.

    Raises InvalidError `otp_invalid`, `otp_expired`; ThrottledError `otp_attempts_exceeded`; ConflictError
    `signup_id_required` where several attempts are alive and it is not said which is meant.
    """
    attempt = _meant(email, signup_id)
    if attempt is not None:  # or guesses at nothing would use up what the owner has
        admit_guess(email, client)
    try_code(attempt, code)
    if attempt is None or attempt.known:
        raise code_invalid()
    return _activate(attempt)


def resend(email: str, *, signup_id: uuid.UUID | None = None, client: str) -> None:
    """Owe the attempt a new code, which makes the old one void; at most one a minute, and nobody is told."""
    attempt = _alive(email, signup_id).order_by("-sent_at").first()
    if attempt is not None and attempt.sent_at <= now() - RESEND_AFTER:
        _renew(attempt, mail=within_mail_budget(attempt.email, client, purpose="code"))


@transactional
def _write_down(newcomer: Newcomer, hashed: str, *, mail: bool) -> SignUp:
    start = now()
    email = normal_address(newcomer.email)
    attempt = SignUp.objects.create(
        email=email,
        email_key=address_key(email),
        name=newcomer.name,
        role=newcomer.role,
        password=hashed,
        language=newcomer.language,
        known=User.objects.filter(email_key=address_key(email)).exists(),
        sent_at=start,
        expires_at=start + ATTEMPT_LIVES,
    )
    if mail:
        _owe_code(attempt)
    return attempt


def _owe_code(attempt: SignUp) -> None:
    kind = "account.known" if attempt.known else "account.code"
    owe(kind, attempt.id, attempt.email, version=attempt.version, urgent=True)


def _alive(email: str, signup_id: uuid.UUID | None) -> QuerySet[SignUp]:
    attempts = SignUp.objects.filter(email_key=address_key(email), expires_at__gt=now())
    return attempts if signup_id is None else attempts.filter(pk=signup_id)


def _meant(email: str, signup_id: uuid.UUID | None) -> SignUp | None:
    attempts = list(_alive(email, signup_id)[:2])
    if len(attempts) > 1:
        message = _("Somebody signed up with this address more than once. Say by signup_id which one is meant.")
        raise ConflictError(message, "signup_id_required")
    return attempts[0] if attempts else None


@transactional
def _renew(attempt: SignUp, *, mail: bool) -> None:
    start = now()
    mine = SignUp.objects.filter(pk=attempt.pk, version=attempt.version)
    renewed = mine.update(version=F("version") + 1, tries=0, sent_at=start, expires_at=start + ATTEMPT_LIVES)
    if renewed and mail:
        attempt.version += 1
        _owe_code(attempt)


@transactional
def _activate(attempt: SignUp) -> User:
    """Spend the attempt, and write the account. Whoever comes second finds nothing to spend."""
    if not SignUp.objects.filter(pk=attempt.pk, version=attempt.version).delete()[0]:
        raise code_invalid()
    user = User(
        email=attempt.email,
        email_key=attempt.email_key,
        name=attempt.name,
        role=attempt.role,
        language=attempt.language,
        password=attempt.password,
        address_verified=True,
    )
    try:
        user.save(force_insert=True)
    except IntegrityError as error:
        raise code_invalid() from error  # by another attempt, this moment
    SignUp.objects.filter(email_key=attempt.email_key).delete()
    audit.record(audit.actor_of(user), "user.signed_up", user.id, {"role": user.role})
    return user
