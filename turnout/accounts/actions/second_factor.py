"""The second factor: one authenticator app a person (TOTP, RFC 6238), and ten recovery codes.

What compares a code of six digits counts the try first, and the try stays counted whatever follows: so these functions
are called outside a transaction, and make their own.
"""

import base64
import re
import secrets
from typing import NamedTuple

from django.conf import settings
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django_otp.oath import hotp
from django_otp.plugins.otp_totp.models import TOTPDevice

from turnout.accounts.models import RecoveryCode, TokenFamily, User
from turnout.accounts.queries import has_second_factor, lock, second_factor_of, unconfirmed_second_factor_of
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, ForbiddenError, InvalidError
from turnout.core.text import digest
from turnout.core.transactions import transactional
from turnout.guard.actions import Claim, admit

_CODES = 10
_CODE_BYTES = 10  # 80 bits: sixteen characters that nobody guesses, not even from their hash
_DRIFT = (0, -1, 1)  # steps by which an app's clock may differ from ours
_DIGITS = re.compile(r"[0-9]{6}")
_RECOVERY_CODE = re.compile(r"[a-z2-7]{16}")


class Enrolment(NamedTuple):
    """What an authenticator app must know: for the person's own eyes."""

    secret: str  # base32
    otpauth_url: str


def begin(user: User, otp: str = "") -> Enrolment:
    """Begin to set up an authenticator app; it counts for nothing before `confirm`.

    Beginning again makes a new secret. Where a second factor is on, `otp` must be a code of it, and it stays on until
    the new one is confirmed: ConflictError `second_factor_on` without one, InvalidError `otp_invalid` for a wrong one.
    Staff without one are ForbiddenError `second_factor_by_link`: a password alone must not lead to their rights.
    """
    if user.is_staff and not has_second_factor(user):
        message = _("Whoever runs the platform sets up the second factor by a link that another on staff gives them.")
        raise ForbiddenError(message, "second_factor_by_link")
    replacing = bool(otp) and has_second_factor(user)
    if replacing:
        _require(user, otp)
    return _begin(user, replacing=replacing)


def begin_anew(user: User) -> Enrolment:
    """Begin without a code of the old second factor: for who shows their password and a link that staff gave them."""
    return _begin(user, replacing=True)


def confirm(user: User, otp: str) -> list[str]:
    """Turn the begun second factor on by a code of it; return ten recovery codes, which can't be shown again.

    Every other device and all older recovery codes are void. Sessions that showed the old second factor have shown
    nothing from now on; those signed in without one stay as they are.
    ConflictError `second_factor_not_begun`; InvalidError `otp_invalid`; ThrottledError.
    """
    _count_try(user)
    return _confirm(user, _normal(otp))


def spend(user: User, otp: str) -> bool:
    """Take a code of the app or a recovery code, each once; tell whether it was right.

    The tries of six digits are limited for each person (THROTTLE_SECOND_FACTOR): ThrottledError. Recovery codes can't
    be guessed, so they are let through: who knows the password and tries codes does not keep the owner out.
    Call it after the right password, or a stranger could use these tries up.
    """
    code = _normal(otp)
    if _RECOVERY_CODE.fullmatch(code):
        return _spend_recovery_code(user, code)
    if not _DIGITS.fullmatch(code):
        return False
    _count_try(user)
    return _spend_digits(user, code)


def renew_recovery_codes(user: User, otp: str) -> list[str]:
    """Make ten new recovery codes and void the old ones. InvalidError `otp_invalid`; ThrottledError."""
    _require(user, otp)
    return _renew(user)


def disable(user: User, otp: str) -> None:
    """Turn the second factor off by a code of it.

    Sessions that showed it have shown nothing from now on. ForbiddenError `second_factor_needed` for staff;
    ConflictError `second_factor_off`; InvalidError `otp_invalid`; ThrottledError.
    """
    if user.is_staff:
        raise ForbiddenError(_("Whoever runs the platform needs a second factor."), "second_factor_needed")
    if not has_second_factor(user):
        raise ConflictError(_("There is no second factor to switch off."), "second_factor_off")
    _require(user, otp)
    _disable(user)


@transactional
def enrol_second_factor(user: User, *, secret: bytes | None = None) -> str:
    """Give the account a second factor that counts at once, and return its `otpauth://` link; older ones are void.

    For who has the server in their hands: commands and the demo. The link holds the secret.
    """
    lock(user)
    _void(user)
    device = TOTPDevice(user=user, name="authenticator", confirmed=True)
    if secret is not None:
        device.key = secret.hex()
    device.save()
    audit.record(audit.SYSTEM, "user.second_factor_enrolled", user.id)
    return enrolment_of(device).otpauth_url


@transactional
def forget_second_factor(user: User) -> None:
    """Take away all that is kept of it, since the person is erased: that deed says so in the audit trail."""
    _void(user)


def enrolment_of(device: TOTPDevice) -> Enrolment:
    """Return what an app must know of the device."""
    return Enrolment(base64.b32encode(device.bin_key).decode("ascii"), device.config_url)


@transactional
def _begin(user: User, *, replacing: bool) -> Enrolment:
    lock(user)
    if not replacing and has_second_factor(user):
        message = _("A second factor is on already. To replace it, send a code of it as well.")
        raise ConflictError(message, "second_factor_on")
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    device = TOTPDevice(user=user, name="authenticator", confirmed=False)
    device.save()
    return enrolment_of(device)


@transactional
def _confirm(user: User, code: str) -> list[str]:
    lock(user)
    device = unconfirmed_second_factor_of(user)
    if device is None:
        raise ConflictError(_("Begin to set up the second factor first."), "second_factor_not_begun")
    step = _step_of(device, code)
    if step is None:
        raise _wrong_code()
    _void(user, sparing=device)
    device.confirmed, device.last_t, device.last_used_at = True, step, now()
    device.save(update_fields=["confirmed", "last_t", "last_used_at"])
    codes = _write_codes(user)
    audit.record(audit.actor_of(user), "user.second_factor_enrolled", user.id)
    return codes


@transactional
def _spend_digits(user: User, code: str) -> bool:
    device = second_factor_of(user)
    step = _step_of(device, code) if device else None
    if device is None or step is None:
        return False
    # Of all who come with this code at once, one finds that its step was not used.
    spent: int = TOTPDevice.objects.filter(pk=device.pk, last_t__lt=step).update(last_t=step, last_used_at=now())
    return spent == 1


@transactional
def _spend_recovery_code(user: User, code: str) -> bool:
    spent = RecoveryCode.objects.filter(user=user, digest=_digest(user, code)).delete()[0] == 1
    if spent:
        audit.record(audit.actor_of(user), "user.recovery_code_used", user.id)
    return spent


@transactional
def _renew(user: User) -> list[str]:
    lock(user)
    codes = _write_codes(user)
    audit.record(audit.actor_of(user), "user.recovery_codes_renewed", user.id)
    return codes


@transactional
def _disable(user: User) -> None:
    lock(user)
    _void(user)
    audit.record(audit.actor_of(user), "user.second_factor_disabled", user.id)


def _void(user: User, *, sparing: TOTPDevice | None = None) -> None:
    """Make devices and recovery codes void, and with them what was shown by them."""
    TOTPDevice.objects.filter(user=user).exclude(pk=sparing and sparing.pk).delete()
    RecoveryCode.objects.filter(user=user).delete()
    # A browser's session knows its device by itself, and finds it gone.
    TokenFamily.objects.filter(user=user, second_factor=True).update(second_factor=False)


def _write_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = [base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode("ascii").lower() for _ in range(_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    return ["-".join(re.findall("....", code)) for code in codes]


def _digest(user: User, code: str) -> str:
    return digest("recovery code", user.pk.hex, code)


def _step_of(device: TOTPDevice, code: str) -> int | None:
    """Return the time step whose code this is, if it is one of now."""
    present: int = (int(now().timestamp()) - device.t0) // device.step
    for step in (present + drift for drift in _DRIFT):
        expected = f"{hotp(device.bin_key, step, device.digits):0{device.digits}}"
        if constant_time_compare(expected, code):
            return step
    return None


def _require(user: User, otp: str) -> None:
    if not spend(user, otp):
        raise _wrong_code()


def _wrong_code() -> InvalidError:
    return InvalidError(_("This code is wrong, or it was used already. Try the next one."), "otp_invalid")


def _count_try(user: User) -> None:
    admit(Claim("second_factor", user.pk.hex, settings.THROTTLE_SECOND_FACTOR))


def _normal(otp: str) -> str:
    return re.sub(r"[\s-]", "", otp).lower()
