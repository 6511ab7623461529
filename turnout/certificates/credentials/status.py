"""The lists of what was revoked: a bit for each version, in a credential of its own (Bitstring Status List)."""

import base64
import gzip
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.core.cache import cache
from django.db.models import F, Q
from redis.exceptions import RedisError

from turnout.certificates.actions.issuing import LIST_LENGTH
from turnout.certificates.credentials.badges import status_list_address
from turnout.certificates.credentials.issuer import did
from turnout.certificates.credentials.proofs import CONTEXTS, PURPOSE, prove
from turnout.certificates.models import Version
from turnout.core import audit, keys
from turnout.core.clock import now
from turnout.core.errors import NotFoundError

_LAST = 2**31 - 1  # of the numbers that a row can hold
_KEPT = 10  # seconds: to read 60,000 bits takes a tenth of one, and anybody may ask
_DEEDS = ("certificate.revoked", "certificate.corrected", "certificate.erased")  # by which a bit is set


def status_list(number: int) -> dict[str, Any]:
    """Return a list, signed, with the bits of all versions that hold no more; NotFoundError where none is in it.

    What was revoked is in it at once: the list is kept as long as no such deed is done, and ten seconds at most.
    """
    if number > _LAST:
        raise NotFoundError
    place = f"status-list:{did()}:{number}:{audit.latest(*_DEEDS)}"
    kept: dict[str, Any] | None = None
    with suppress(RedisError, OSError):  # without a cache it is made each time
        kept = cache.get(place)
    if kept is None:
        kept = prove(_list(number), keys.active_key_id(PURPOSE))
        with suppress(RedisError, OSError):
            cache.set(place, kept, _KEPT)
    return kept


def _list(number: int) -> dict[str, Any]:
    versions = Version.objects.filter(status_list=number)
    if not versions.exists():
        raise NotFoundError
    gone = Q(certificate__revoked_at__isnull=False) | Q(certificate__erased_at__isnull=False)
    over = versions.filter(gone | ~Q(number=F("certificate__current"))).order_by()
    address = status_list_address(number)
    return {
        "@context": CONTEXTS,
        "id": address,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": {"id": did()},
        "validFrom": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "credentialSubject": {
            "id": f"{address}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": _encoded(over.values_list("status_index", flat=True)),
        },
    }


def _encoded(indices: Iterable[int]) -> str:
    """Return the bits as such lists hold them: the first is the highest of the first byte."""
    bits = bytearray(LIST_LENGTH // 8)
    for index in indices:
        bits[index // 8] |= 0x80 >> index % 8
    return "u" + base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).rstrip(b"=").decode("ascii")
