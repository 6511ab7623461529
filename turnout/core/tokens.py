"""Signed tokens: derived from what they stand for, so that none needs to be stored."""

import uuid
from datetime import timedelta

from django.core.signing import BadSignature, Signer, TimestampSigner
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from turnout.core.errors import InvalidError
from turnout.core.ids import decode_id, encode_id

CODE_DIGITS = 6
_ALGORITHM = "sha256"


def _signer(purpose: str) -> Signer:
    # The salt binds a token to its purpose: one of another kind does not verify. Old keys: SECRET_KEY_FALLBACKS.
    return Signer(salt=f"turnout.{purpose}", sep=".", algorithm=_ALGORITHM)


def make_token(purpose: str, subject: uuid.UUID) -> str:
    """Return `<id>.<HMAC-SHA256>`, safe in a link; the same for the same purpose and subject."""
    return _signer(purpose).sign(encode_id(subject))


def read_token(purpose: str, token: str) -> uuid.UUID:
    """Return the subject of a token made for this purpose; InvalidError `token_invalid` for any other text."""
    try:
        return decode_id(_signer(purpose).unsign(token))
    except (BadSignature, ValueError) as error:
        message = _("This link is not one of ours, or a part of it is missing. Open it again from the mail.")
        raise InvalidError(message, "token_invalid") from error


def make_key(purpose: str, subject: uuid.UUID, version: int) -> str:
    """Return the key to one thing: an HMAC of its id and version. Raising the version makes all older keys void."""
    return _signer(purpose).signature(f"{encode_id(subject)}.{version}")


def fits_key(purpose: str, subject: uuid.UUID, version: int, key: str) -> bool:
    """Tell, in constant time, whether the key opens this thing."""
    try:
        _signer(purpose).unsign(f"{encode_id(subject)}.{version}.{key}")
    except BadSignature:
        return False
    return True


def make_pass(purpose: str, text: str) -> str:
    """Return the text, signed for this purpose and with this moment: good for a while, and stored nowhere."""
    return TimestampSigner(salt=f"turnout.{purpose}", sep=".").sign(text)


def read_pass(purpose: str, signed: str, lives: timedelta | None) -> str | None:
    """Return the text of a pass made for this purpose; None for any other, or one older than this."""
    try:
        return TimestampSigner(salt=f"turnout.{purpose}", sep=".").unsign(signed, max_age=lives)
    except BadSignature:
        return None


def make_code(purpose: str, subject: uuid.UUID, version: int) -> str:
    """Return six digits, to be typed by a person: an HMAC-SHA256 of id and version, cut down as in RFC 4226.

    It is stored nowhere, hashed or plain. One in a million is guessed: whoever compares counts the tries.
    """
    mac = salted_hmac(f"turnout.{purpose}", f"{encode_id(subject)}.{version}", algorithm=_ALGORITHM).digest()
    return f"{int.from_bytes(mac[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def fits_code(purpose: str, subject: uuid.UUID, version: int, code: str) -> bool:
    """Tell, in constant time, whether these are the digits."""
    return constant_time_compare(make_code(purpose, subject, version), code)
