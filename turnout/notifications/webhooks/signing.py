"""Signatures as the Standard Webhooks specification, version 1, has them (standardwebhooks.com, "Webhook signatures").

What is signed is `<webhook-id>.<webhook-timestamp>.<body>`, by HMAC-SHA256 under the bytes that the secret's base64
stands for. While a secret is being changed there are two signatures, separated by a space: either one verifies.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

_PREFIX = "whsec_"
_BYTES = 32  # the specification: from 24 to 64


def new_secret() -> str:
    """Return a secret that nobody else has."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode("ascii")


def signed_headers(message: UUID, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """Return the three headers by which a receiver knows that this body is ours, and new."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message}.{timestamp}.".encode() + body
    return {
        "webhook-id": str(message),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_sign(key, signed)}" for key in keys),
    }


def _sign(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
