"""Encryption at rest: Fernet (AES-128-CBC, HMAC-SHA256) under keys derived from KEYS_SECRET.

The first secret seals, all of them open: that is how the setting is rotated. Each use has a key of its own, derived by
HKDF (RFC 5869) under a name of its own.
"""

import base64
import functools
from enum import Enum

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Use(Enum):
    """What is sealed. The name goes into the key: another name is another key, and opens nothing sealed before."""

    SIGNING_KEYS = b"turnout keys"
    PERSONAL_DATA = b"turnout personal data"


class SealedError(Exception):
    """No secret in KEYS_SECRET opens this."""


def seal(use: Use, plain: bytes) -> bytes:
    """Return the plain bytes encrypted under the first secret; never the same twice."""
    return _ciphers(use)[0].encrypt(plain)


def unseal(use: Use, sealed: bytes) -> bytes:
    """Return the plain bytes; SealedError where no secret of ours opens them."""
    for cipher in _ciphers(use):
        try:
            return cipher.decrypt(sealed)
        except InvalidToken:
            continue
    raise SealedError


def reseal(use: Use, sealed: bytes) -> bytes:
    """Return the same under the first secret, or as it is where that opens it; SealedError where none does."""
    try:
        _ciphers(use)[0].decrypt(sealed)
    except InvalidToken:
        return seal(use, unseal(use, sealed))
    return sealed


def _ciphers(use: Use) -> list[Fernet]:
    return [_cipher(use, secret) for secret in settings.KEYS_SECRET]


@functools.lru_cache
def _cipher(use: Use, secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=use.value).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
