"""Data Integrity proofs of the cryptosuite eddsa-rdfc-2022: made, and checked."""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from turnout.certificates.credentials.linked import CREDENTIALS, OPEN_BADGES, Dataset, canonical, check_size, statements
from turnout.core import keys
from turnout.core.clock import now
from turnout.core.errors import InvalidError

PURPOSE: Final = "credential"  # of the keys
CONTEXTS: Final = [CREDENTIALS, OPEN_BADGES]

_KIND = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofPurpose": "assertionMethod"}
_FIELDS = {*_KIND, "created", "verificationMethod", "proofValue"}
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"  # base58btc
_LONGEST = 200  # characters of a proof's value; a signature has 88


def prove(document: dict[str, Any], key_id: str) -> dict[str, Any]:
    """Return the document with a proof of now by the named key of its issuer."""
    method, created = f"{document['issuer']['id']}#{key_id}", now().strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = keys.sign(PURPOSE, key_id, _options_digest(method, created) + _digest(statements(document)))
    return {**document, "proof": {**_options(method, created), "proofValue": multibase(signature)}}


def check(document: Mapping[str, Any], known: Mapping[str, bytes]) -> tuple[str, Dataset]:
    """Return by which of the known keys, by their whole ids, the document is signed, and what it says by that.

    InvalidError `not_a_credential`, `unknown_key`, `tampered`. What else stands in the document was signed by nobody.
    """
    check_size(document)
    if document.get("@context") != CONTEXTS:
        raise InvalidError("It is no credential of the kind that Turnout makes.", "not_a_credential")
    proof = _proof(document)
    method, created = str(proof["verificationMethod"]), str(proof["created"])
    if method not in known:
        raise InvalidError(f"It is signed by a key that is not known: {method[:200]}", "unknown_key")
    said = statements({name: value for name, value in document.items() if name != "proof"})
    try:
        signature = from_multibase(str(proof["proofValue"]))
        key = Ed25519PublicKey.from_public_bytes(known[method])
        key.verify(signature, _options_digest(method, created) + _digest(said))
    except (InvalidSignature, ValueError) as error:
        raise InvalidError("The signature does not fit: something in it was changed.", "tampered") from error
    return method, said


def multibase(content: bytes) -> str:
    """Return bytes in base58btc, as multibase writes them."""
    number, digits = int.from_bytes(content), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    zeros = len(content) - len(content.lstrip(b"\0"))
    return "z" + _ALPHABET[0] * zeros + digits


def from_multibase(text: str) -> bytes:
    """Return the bytes; ValueError where they are written otherwise."""
    if not text.startswith("z") or len(text) > _LONGEST:
        raise ValueError(text[:_LONGEST])
    digits = text[1:].lstrip(_ALPHABET[0])
    number = functools.reduce(lambda sum_, digit: sum_ * 58 + _ALPHABET.index(digit), digits, 0)
    zeros = len(text) - 1 - len(digits)
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def _proof(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the proof: all of it is of the one kind that we make, so nothing in it chooses how it is checked."""
    proof = document.get("proof")
    if not isinstance(proof, dict) or set(proof) != _FIELDS or not proof.items() >= _KIND.items():
        raise InvalidError("It has no proof of the kind that Turnout makes.", "not_a_credential")
    return proof


def _options(method: str, created: str) -> dict[str, str]:
    return {**_KIND, "created": created, "verificationMethod": method}


@functools.lru_cache(maxsize=64)
def _options_digest(method: str, created: str) -> bytes:
    """Return the hash of all that the proof says but its value: the same for all that a key signs in a second."""
    return _digest(statements({"@context": CONTEXTS, **_options(method, created)}))


def _digest(said: Dataset) -> bytes:
    return hashlib.sha256(canonical(said)).digest()
