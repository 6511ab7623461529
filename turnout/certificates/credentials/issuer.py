"""Who issues: this installation, by the DID of its one origin (did:web), and the keys that it ever signed with."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from turnout.certificates.credentials.proofs import PURPOSE, from_multibase, multibase
from turnout.core import keys
from turnout.core.errors import InvalidError

_ED25519 = bytes.fromhex("ed01")  # what comes before such a key (multicodec)
_LENGTH = 32


def did() -> str:
    """Return the DID under which we sign: our host, and our port if it is no usual one."""
    return f"did:web:{urlsplit(settings.PUBLIC_BASE_URL).netloc.lower().replace(':', '%3A')}"


def did_document() -> dict[str, Any]:
    """Return what the DID stands for: all keys that ever signed, so that old credentials stay verifiable."""
    subject = did()
    methods = [
        {
            "id": f"{subject}#{key_id}",
            "type": "Multikey",
            "controller": subject,
            "publicKeyMultibase": multibase(_ED25519 + public),
        }
        for key_id, public in keys.public_keys(PURPOSE).items()
    ]
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": subject,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def keys_of(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Return by their whole ids the keys that a DID document names to sign with; InvalidError `not_a_did_document`.

    It speaks for its own DID alone: keys that it names as another's are none.
    """
    try:
        own, allowed = document["id"] + "#", set(document["assertionMethod"])
        return {
            method["id"]: _public(method["publicKeyMultibase"])
            for method in document["verificationMethod"]
            if method["id"] in allowed and method["id"].startswith(own)
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidError("The keys are no DID document as did.json is one.", "not_a_did_document") from error


def _public(text: str) -> bytes:
    key = from_multibase(text)
    if not key.startswith(_ED25519) or len(key) != len(_ED25519) + _LENGTH:
        raise ValueError(text)
    return key.removeprefix(_ED25519)
