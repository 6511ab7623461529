"""Signing keys: Ed25519, in the database so that every host has them, the private half encrypted under KEYS_SECRET."""

import base64
import functools
import secrets

from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import IntegrityError, transaction

from turnout.core.clock import now
from turnout.core.models import SigningKey

_KEY_ID_BYTES = 4  # six characters of base64url


def sign(purpose: str, key_id: str, message: bytes) -> bytes:
    """Return the Ed25519 signature (64 bytes, RFC 8032) of the message by the named key."""
    return _private_key(purpose, key_id).sign(message)


def verify(purpose: str, key_id: str, message: bytes, signature: bytes) -> bool:
    """Tell whether the signature is the named key's over the message; an unknown key verifies nothing."""
    row = SigningKey.objects.filter(purpose=purpose, id=key_id).first()
    if row is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes(row.public)).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def active_key_id(purpose: str) -> str:
    """Return the id of the key that signs for this purpose now; the first call makes it."""
    row = SigningKey.objects.filter(active_for=purpose).first() or _create(purpose)
    return row.id


def _create(purpose: str) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    try:
        with transaction.atomic():
            return SigningKey.objects.create(
                id=base64.urlsafe_b64encode(secrets.token_bytes(_KEY_ID_BYTES)).rstrip(b"=").decode("ascii"),
                purpose=purpose,
                public=private.public_key().public_bytes_raw(),
                private=_cipher().encrypt(private.private_bytes_raw()),
                created_at=now(),
                active_for=purpose,
            )
    except IntegrityError:
        return SigningKey.objects.get(active_for=purpose)  # another process was first


@functools.lru_cache(maxsize=64)  # under one id there is ever one key
def _private_key(purpose: str, key_id: str) -> Ed25519PrivateKey:
    row = SigningKey.objects.get(purpose=purpose, id=key_id)
    return Ed25519PrivateKey.from_private_bytes(_cipher().decrypt(bytes(row.private)))


def _cipher() -> MultiFernet:
    # The first secret encrypts, the others still decrypt: that is how the setting is rotated.
    return MultiFernet([_fernet(secret) for secret in settings.KEYS_SECRET])


@functools.lru_cache
def _fernet(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"turnout keys").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
