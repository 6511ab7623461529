"""Taking out of what is logged or kept what nobody should find there: secrets, keys to things, addresses of people."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

_WORDS = "password|passwd|secret|token|otp|captcha|authorization|cookie|csrf|sessionid|credential|signature|api_?key"
# A name that has one of these in it, and some that mean one on their own.
_SECRET_NAME = re.compile(rf"{_WORDS}|recovery_?codes?|^(refresh|access|code|key|ticket)$", re.IGNORECASE)
_NAMED = rf"(?<![\w-])[\w-]*(?:{_WORDS}|recovery_codes?|refresh|access|ticket)[\w-]{{0,40}}"

# Each takes time in proportion to the text, whatever it is: strangers write parts of what is logged.
_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    # Any query string: a key to somebody's registration may stand there.
    (re.compile(r"(?<=/)\?[^\s\"'<>]+|\?[\w.~%-]+=[^\s\"'<>]*"), "?..."),
    (re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie):\s[^\r\n\"']+", re.IGNORECASE), rf"\1: {REDACTED}"),
    (re.compile(r"\b(Bearer|Basic|Digest) [^\s\"',;]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    # The password in an address: of a database, a mail server.
    (re.compile(r"://[^/\s@\"']+@"), f"://{REDACTED}@"),
    # "password": "...", 'token': ['...'], token="..."; and as forms have it, token=...
    (
        re.compile(rf"""({_NAMED}["']?\s?[:=]\s?\[?)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", re.IGNORECASE),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"({_NAMED}(?:=|:\s))(?!\[)[^\s&\"',;)]+", re.IGNORECASE), rf"\1{REDACTED}"),
    # What is a secret whatever it is called: a JWT (RFC 7519), an HMAC of ours alone or with its id, a device's.
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), REDACTED),
    (
        re.compile(r"(?<![\w-])(?:[\w-]{22}\.|td_)?(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{43}(?![\w-])"),
        REDACTED,
    ),
    # The address of somebody's calendar, which needs nothing but itself.
    (re.compile(r"(?<=/calendars/)([\w-]+)/[^\s\"'<>]+"), rf"\1/{REDACTED}"),
    (re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "[address]"),
)


def redact(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a line says without secrets: whole values by their names, and what texts give away."""
    return {
        name: REDACTED if _SECRET_NAME.search(name) and value else _redacted(value) for name, value in event.items()
    }


# Too short for a key of ours, and without anything that stands before or in what is taken out: most values of a line.
_HARMLESS = re.compile(r"(?!.*(?:eyJ|/calendars/))[A-Za-z0-9_/.:+-]{0,42}", re.ASCII)


def redact_text(text: str) -> str:
    """Return the text without secrets, as far as they can be told by how they look."""
    if _HARMLESS.fullmatch(text):
        return text
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return text


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redact_text(value)
        case None | bool() | int() | float():
            return value
        case Mapping():
            return redact({str(name): item for name, item in value.items()})
        case list() | tuple() | set() | frozenset():
            return [_redacted(item) for item in value]
        case _:
            return redact_text(str(value))
