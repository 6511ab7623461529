"""Delivery status notifications (RFC 3464): which of our messages came back, and why. Strangers write them."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message as Parsed

from turnout.notifications.mail import message_named

# Between mails in an mbox, as mail servers hand them to a pipe: "From <> Sat Nov 21 16:51:34 2026".
_NEXT = re.compile(rb"(?:\A|\n\r?\n)From [^\r\n]*[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d[^\r\n]*\r?\n")
_RETURNED = {
    "message/rfc822",
    "message/rfc822-headers",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
}
_STATUS = re.compile(r"[45]\.\d{1,3}\.\d{1,3}")
_DEEPEST = 20  # parts within parts


@dataclass(frozen=True, slots=True)
class Bounce:
    """A message of ours that came back, and what was said of it."""

    message_id: uuid.UUID
    said: str


def bounces_in(content: bytes) -> Iterator[Bounce]:
    """Yield what the notifications in this text tell, one or an mbox of them; nothing of what is none."""
    for text in _NEXT.split(content):
        try:
            found = _read(message_from_bytes(text))
        except Exception:  # noqa: BLE001, S112  # strangers write this, and the library's parsers raise whatever they like
            continue
        if found is not None:
            yield found


def _read(notification: Parsed) -> Bounce | None:
    """Return the message that a notification says was given up; those that only say it is late are nothing."""
    parts = list(_parts(notification))
    status = next((part for part in parts if part.get_content_type().endswith("/delivery-status")), None)
    said = _given_up(status) if status else ""
    # Where it went: our return path, if that names the message. Else the headers that came back.
    names = [str(notification.get(header, "")) for header in ("X-Original-To", "Delivered-To", "To")]
    names += [_message_id(part) for part in parts if part.get_content_type() in _RETURNED]
    message_id = next((found for name in names if (found := message_named(name))), None)
    return Bounce(message_id, said) if said and message_id else None


def _parts(part: Parsed, depth: int = 0) -> Iterator[Parsed]:
    """Yield the part and those in it, but nothing of what was returned: that is no notification."""
    yield part
    if part.get_content_maintype() == "multipart" and depth < _DEEPEST:
        for one in _inner(part):
            yield from _parts(one, depth + 1)


def _inner(part: Parsed) -> list[Parsed]:
    inner = part.get_payload()
    return [one for one in inner if isinstance(one, Parsed)] if isinstance(inner, list) else []


def _given_up(status: Parsed) -> str:
    """Return status and diagnostic of the recipient who did not get it; nothing where there is none."""
    for block in _inner(status):
        code = _STATUS.match(str(block.get("Status", "")).strip())
        if code and str(block.get("Action", "")).strip().lower() == "failed":
            diagnostic = str(block.get("Diagnostic-Code", "")).partition(";")[2]
            return " ".join(f"{code[0]} {diagnostic}".split())
    return ""


def _message_id(returned: Parsed) -> str:
    """Return the Message-ID among headers that came back, whether as a mail or as text."""
    raw = returned.get_payload(decode=True)
    inner = _inner(returned) or [message_from_bytes(raw if isinstance(raw, bytes) else b"")]
    return str(inner[0].get("Message-ID", ""))
