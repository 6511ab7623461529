"""DKIM (RFC 6376): whether the key that signs our mail can be found in DNS."""

import base64
from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.conf import settings

from turnout.reports.doctor import names
from turnout.reports.doctor.findings import Remark, check, error, ok, unknown, warning
from turnout.reports.doctor.sender import asked_domain

# What mail servers and providers call their keys unless told otherwise. A selector can't be listed, only guessed.
COMMON = (
    *("default", "mail", "dkim", "google", "selector1", "selector2", "s1", "s2", "k1", "k2", "k3", "sig1", "smtp"),
    *("fm1", "mandrill", "mailjet", "brevo1", "mxvault", "pm", "zoho", "protonmail", "resend", "key1", "x"),
)
_LEAST_BITS, _ENOUGH_BITS = 1024, 2048  # RFC 8301, section 3.2
_ED25519_BYTES = 32
_MAKE_ANOTHER = "Make a new key of 2048 bits at your mail provider, and publish what it shows as a TXT record."


@check("DKIM")
def dkim() -> Iterator[Remark]:
    """Look at the keys under the selectors we are told, else under the common ones."""
    domain = asked_domain()
    if not domain:
        return  # `sender` says so
    told: list[str] = settings.DKIM_SELECTOR
    found = {selector: records for selector in told or COMMON if (records := _records(selector, domain))}
    if not told and not any(_tags(record)["p"] for records in found.values() for record in records):
        yield unknown(
            f"None of the common selectors has a DKIM key at {domain}. Yours may have another name.",
            "Let your mail provider sign, publish the record that it shows, and set DKIM_SELECTOR to its selector: "
            "the s= in the DKIM-Signature of a mail that arrived.",
        )
        return
    for selector in told or found:
        yield from _judge(f"{selector}._domainkey.{domain}", found.get(selector, []), told=bool(told))


def _records(selector: str, domain: str) -> list[str]:
    return [text for text in names.texts(f"{selector}._domainkey.{domain}") if "p" in _tags(text)]


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip(): "".join(value.split()) for name, mark, value in pairs if mark}


def _judge(name: str, records: list[str], *, told: bool) -> Iterator[Remark]:
    if not records:
        yield error(f"There is no DKIM key at {name}.", "Publish the key there, or correct DKIM_SELECTOR.")
        return
    if len(records) > 1:
        yield error(f"There are {len(records)} DKIM keys at {name}: which one counts is left to chance.", "Keep one.")
        return
    tags = _tags(records[0])
    if tags["p"]:
        yield from _judge_key(name, tags)
    elif told:
        yield error(f"The DKIM key at {name} is revoked (p= is empty): no signature by it holds.", _MAKE_ANOTHER)


def _judge_key(name: str, tags: dict[str, str]) -> Iterator[Remark]:
    kind = tags.get("k", "rsa")
    bits = _bits(kind, tags["p"])
    if not bits:
        yield error(f"The DKIM key at {name} can't be read as a {kind} key.", _MAKE_ANOTHER)
    elif kind == "rsa" and bits < _LEAST_BITS:
        yield error(f"The DKIM key at {name} has {bits} bits: no signature by it counts.", _MAKE_ANOTHER)
    elif "y" in tags.get("t", "").split(":"):
        yield warning(
            f"The DKIM key at {name} says that it is being tried (t=y): nothing follows from it.", "Drop t=y."
        )
    elif kind == "rsa" and bits < _ENOUGH_BITS:
        yield warning(f"The DKIM key at {name} has {bits} bits.", _MAKE_ANOTHER)
    else:
        yield ok(f"There is a DKIM key at {name}: {kind}, {bits} bits.")


def _bits(kind: str, encoded: str) -> int:
    """Return the length of a public key; 0 where it is none."""
    try:
        raw = base64.b64decode(encoded, validate=True)
        if kind == "ed25519":
            return len(raw) * 8 if len(raw) == _ED25519_BYTES else 0
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return 0
    return key.key_size if isinstance(key, RSAPublicKey) else 0
