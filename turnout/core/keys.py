"""Signing keys: Ed25519, in the database so that every host has them, the private half encrypted under KEYS_SECRET."""

import base64
import functools
import secrets

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from turnout.core.clock import now
from turnout.core.errors import UnavailableError
from turnout.core.models import SigningKey
from turnout.core.sealing import SealedError, Use, seal, unseal
from turnout.core.transactions import transactional

log = structlog.get_logger()

_KEY_ID_BYTES = 4  # six characters of base64url


def sign(purpose: str, key_id: str, message: bytes) -> bytes:
    """Return the Ed25519 signature (64 bytes, RFC 8032) of the message by the named key.

    UnavailableError `key_unreadable` where no secret in KEYS_SECRET opens the key; it still verifies.
    """
    try:
        return _private_key(purpose, key_id).sign(message)
    except SealedError as error:
        log.warning("unreadable", column="core_signingkey.private", row=key_id)
        raise UnavailableError(_("This can't be signed now. Try again later."), "key_unreadable") from error


def verify(purpose: str, key_id: str, message: bytes, signature: bytes) -> bool:
    """Tell whether the signature is the named key's over the message; an unknown key verifies nothing."""
    try:
        _public_key(purpose, key_id).verify(signature, message)
    except (SigningKey.DoesNotExist, InvalidSignature):
        return False
    return True


def public_keys(purpose: str) -> dict[str, bytes]:
    """Return by their ids the keys that ever signed for this purpose, 32 bytes each, the first first."""
    known = SigningKey.objects.filter(purpose=purpose).order_by("created_at", "id")
    return {key_id: bytes(public) for key_id, public in known.values_list("id", "public")}


def active_key_id(purpose: str) -> str:
    """Return the id of the key that signs for this purpose now; the first call makes it."""
    row = SigningKey.objects.filter(active_for=purpose).first() or _create(purpose)
    return row.id


@transactional
def renew(purpose: str) -> str:
    """Let a new key sign for this purpose from now on, and return its id; the one before it only verifies.

    Two who do it at the same moment do it once.
    """
    SigningKey.objects.filter(active_for=purpose).update(active_for=None)
    return _create(purpose).id


def _create(purpose: str) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    try:
        with transaction.atomic():
            return SigningKey.objects.create(
                id=base64.urlsafe_b64encode(secrets.token_bytes(_KEY_ID_BYTES)).rstrip(b"=").decode("ascii"),
                purpose=purpose,
                public=private.public_key().public_bytes_raw(),
                private=seal(Use.SIGNING_KEYS, private.private_bytes_raw()),
                created_at=now(),
                active_for=purpose,
            )
    except IntegrityError:
        return SigningKey.objects.get(active_for=purpose)  # another process was first


# Under one id there is ever one key. One that is unknown raises, so it is asked for again.


@functools.lru_cache(maxsize=64)
def _public_key(purpose: str, key_id: str) -> Ed25519PublicKey:
    row = SigningKey.objects.only("public").get(purpose=purpose, id=key_id)
    return Ed25519PublicKey.from_public_bytes(bytes(row.public))


@functools.lru_cache(maxsize=64)
def _private_key(purpose: str, key_id: str) -> Ed25519PrivateKey:
    row = SigningKey.objects.get(purpose=purpose, id=key_id)
    return Ed25519PrivateKey.from_private_bytes(unseal(Use.SIGNING_KEYS, bytes(row.private)))
