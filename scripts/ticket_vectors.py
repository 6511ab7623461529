"""Write docs/ticket-vectors.json: tickets that a verifier must take, and texts that it must refuse.

    .venv/bin/python -m scripts.ticket_vectors

Made from docs/ticket-format.md alone, without Turnout's own code, by keys that are no secret. Each run writes the same.
"""

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TARGET = Path(__file__).parents[1] / "docs/ticket-vectors.json"
ABOUT = (
    "Test vectors of ticket-format.md. A private key is 'turnout test vectors, no secret' and a digit, in ASCII: trust "
    "these public keys nowhere else."
)
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group: L in RFC 8032
EVENT, OTHER_EVENT = (
    uuid.UUID("019ab000-0000-7000-8000-00000000e001"),
    uuid.UUID("019ab000-0000-7000-8000-00000000e002"),
)
TICKET, REVOKED = uuid.UUID("019ab000-0000-7000-8000-0000000071c1"), uuid.UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")
KEYS = {
    key_id: Ed25519PrivateKey.from_private_bytes(b"turnout test vectors, no secret%d" % number)
    for number, key_id in enumerate(("Kx3_-9", "9", "Zz-_0aB8"), start=1)
}
FIRST, SHORT, LONG = KEYS


def base64url(raw: bytes) -> str:
    """Return the bytes as unpadded base64url."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload: str, key_id: str = FIRST) -> str:
    """Return the text with this key's signature behind it."""
    return f"{payload}.{base64url(KEYS[key_id].sign(payload.encode()))}"


def payload(event: uuid.UUID = EVENT, ticket: uuid.UUID = TICKET, key_id: str = FIRST) -> str:
    """Return what is signed of a ticket."""
    return f"T1.{base64url(event.bytes)}.{base64url(ticket.bytes)}.{key_id}"


def vectors() -> dict[str, object]:
    """Return all that the file holds."""
    taken = [
        ("a ticket", signed(payload()), "valid"),
        ("by a key whose id is one character", signed(payload(key_id=SHORT), SHORT), "valid"),
        ("by a key whose id is eight characters", signed(payload(key_id=LONG), LONG), "valid"),
        ("a ticket whose id is sixteen zeros", signed(payload(ticket=uuid.UUID(int=0))), "valid"),
        ("of another event", signed(payload(OTHER_EVENT)), "wrong_event"),
        ("revoked", signed(payload(ticket=REVOKED)), "revoked"),
        ("of another event, whose ticket is revoked here", signed(payload(OTHER_EVENT, REVOKED)), "wrong_event"),
    ]
    refused = [(why, text, "invalid_ticket") for why, text in (*_altered(), *_malformed(), *_signed_but_wrong())]
    return {
        "about": ABOUT,
        "bundle": {
            "event": {"id": str(EVENT)},
            "public_keys": {key_id: base64url(key.public_key().public_bytes_raw()) for key_id, key in KEYS.items()},
            "revoked": [base64url(REVOKED.bytes)],
        },
        "tickets": [{"what": what, "text": text, "answer": answer} for what, text, answer in (*taken, *refused)],
    }


def _altered() -> Iterator[tuple[str, str]]:
    """Yield tickets of which somebody made others."""
    true = signed(payload())
    body, _, signature = true.rpartition(".")
    raw = base64.urlsafe_b64decode(f"{signature}==")
    yield "the event is another one", f"{payload(OTHER_EVENT)}.{signature}"
    yield "the ticket is another one", f"{payload(ticket=REVOKED)}.{signature}"
    yield "event and ticket changed places", f"{payload(TICKET, EVENT)}.{signature}"
    yield "the key is another one that is known", f"{payload(key_id=SHORT)}.{signature}"
    yield "signed by another key than it names", f"{body}.{base64url(KEYS[SHORT].sign(body.encode()))}"
    yield "the first bit of the signature", f"{body}.{base64url(bytes([raw[0] ^ 128]) + raw[1:])}"
    yield "the last bit of the signature", f"{body}.{base64url(raw[:-1] + bytes([raw[-1] ^ 1]))}"
    yield "no bit set in the signature", f"{body}.{base64url(bytes(64))}"
    above = int.from_bytes(raw[32:], "little") + ORDER
    yield "S + L for S in the signature", f"{body}.{base64url(raw[:32] + above.to_bytes(32, 'little'))}"
    yield "a signature of 63 bytes", f"{body}.{base64url(raw[:-1])}"
    yield "a signature of 65 bytes", f"{body}.{base64url(raw + bytes(1))}"


def _malformed() -> Iterator[tuple[str, str]]:
    """Yield other texts of a true ticket, and texts of none."""
    true = signed(payload())
    body, _, signature = true.rpartition(".")
    unused = chr(ord(signature[-1]) + 1)  # the same bytes to whoever does not look at the last four bits
    yield "padding", f"{true}=="
    yield "the unused bits of the signature are not zero", f"{true[:-1]}{unused}"
    with_dash = next(text for text in map(_numbered, range(99)) if "-" in text.rpartition(".")[2])
    yield "base64 with + for -", _swapped(with_dash, "-", "+")
    with_line = next(text for text in map(_numbered, range(99)) if "_" in text.rpartition(".")[2])
    yield "base64 with / for _", _swapped(with_line, "_", "/")
    yield "a space behind", f"{true} "
    yield "a space before", f" {true}"
    yield "a new line behind", f"{true}\n"
    yield "a carriage return and a new line behind", f"{true}\r\n"
    yield "a line break within the signature", f"{body}.{signature[:43]}\n{signature[43:]}"
    yield "a zero character behind", f"{true}\0"
    yield "a byte order mark before", f"\ufeff{true}"
    yield "a small t", f"t{true[1:]}"
    yield "all in capitals", true.upper()
    yield "a digit of another script", f"T\u0661{true[2:]}"
    yield "an empty part behind", f"{true}."
    yield "twice in a row", f"{true}{true}"
    yield "a new line between two", f"{true}\n{true}"
    yield "no signature", body
    yield "an empty signature", f"{body}."
    yield "an empty text", ""
    yield "dots alone", "...."
    yield "151 characters", true.ljust(151, "A")
    yield "another code", "https://turnout.example.org/events/019ab000-0000-7000-8000-00000000e001/"


def _signed_but_wrong() -> Iterator[tuple[str, str]]:
    """Yield what a known key did sign, and which is no ticket all the same."""
    event, ticket = base64url(EVENT.bytes), base64url(TICKET.bytes)
    yield "another version", signed(f"T2.{event}.{ticket}.{FIRST}")
    yield "one part more", signed(f"T1.{event}.{ticket}.{FIRST}.{FIRST}")
    yield "one part less", signed(f"T1.{event}.{FIRST}")
    yield "no key id", signed(f"T1.{event}.{ticket}.")
    yield "the unused bits of an id are not zero", signed(f"T1.{event[:-1]}{chr(ord(event[-1]) + 1)}.{ticket}.{FIRST}")
    yield "an id with padding", signed(f"T1.{event}==.{ticket}.{FIRST}")
    yield "an id of 15 bytes", signed(f"T1.{event}.{base64url(TICKET.bytes[:-1])}.{FIRST}")
    yield "an id as hexadecimal digits", signed(f"T1.{EVENT}.{TICKET}.{FIRST}")
    yield "by a key that nobody knows", signed(f"T1.{event}.{ticket}.aaaaaa")
    yield "by a key whose name every object has in JavaScript", signed(f"T1.{event}.{ticket}.toString")


def _numbered(number: int) -> str:
    return signed(payload(ticket=uuid.UUID(int=number)))


def _swapped(text: str, old: str, new: str) -> str:
    body, _, signature = text.rpartition(".")
    return f"{body}.{signature.replace(old, new)}"


if __name__ == "__main__":
    TARGET.write_text(json.dumps(vectors(), indent=2) + "\n")
