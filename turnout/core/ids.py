"""Identifiers that stand in public paths."""

import base64
import uuid

from uuid_utils import compat

_BYTES = 16


def new_id() -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562): in order of time, so that indexes grow at their end."""
    return compat.uuid7()


def encode_id(value: uuid.UUID) -> str:
    """Return the 16 bytes as 22 characters of unpadded base64url."""
    return base64.urlsafe_b64encode(value.bytes).rstrip(b"=").decode("ascii")


def decode_id(text: str) -> uuid.UUID:
    """Read what `encode_id` wrote; ValueError for anything else."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != _BYTES or encode_id(uuid.UUID(bytes=raw)) != text:
        msg = "not an encoded id"
        raise ValueError(msg)
    return uuid.UUID(bytes=raw)
