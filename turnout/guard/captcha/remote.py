"""reCAPTCHA and Turnstile: others who say whether an answer was given by a person, on our page, for this."""

import functools
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings

ENDPOINTS = {
    "recaptcha": "https://www.google.com/recaptcha/api/siteverify",
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
}
_TIMEOUT = 2.0  # seconds to connect, and to answer
_RESTS = 10.0  # seconds in which one that did not answer is not asked again: everybody would wait for it
# Faults of ours or theirs: no answer would be the right one.
_NOT_THE_VISITORS = {"missing-input-secret", "invalid-input-secret", "internal-error"}


class AwayError(Exception):
    """The provider can't be asked, or does not make sense; the text says how."""


@dataclass(slots=True)
class _Provider:
    """Until when it is left alone, on this process's monotonic clock."""

    rests_until: float = field(default=float("-inf"))


_provider = _Provider()


def vouches(provider: str, answer: str, purpose: str) -> bool:
    """Tell whether the provider takes the answer for a person's, given on our site for this purpose; AwayError."""
    said = _ask(provider, answer)
    if not said["success"] or said.get("hostname") != urlsplit(settings.PUBLIC_BASE_URL).hostname:
        return False
    if provider == "recaptcha" and settings.RECAPTCHA_VERSION == 2:  # noqa: PLR2004  # which knows no purpose
        return True
    if said.get("action") != purpose:
        return False
    score = said.get("score")
    return provider != "recaptcha" or (isinstance(score, int | float) and score >= settings.RECAPTCHA_SCORE)


def _ask(provider: str, answer: str) -> dict[str, Any]:
    if time.monotonic() < _provider.rests_until:
        raise AwayError("rests")
    try:
        fields = {"secret": settings.CAPTCHA_SECRET_KEY, "response": answer}
        response = _client().post(ENDPOINTS[provider], data=fields)
    except httpx.TransportError as error:
        _provider.rests_until = time.monotonic() + _RESTS
        raise AwayError(type(error).__name__) from error
    try:
        said = response.json()
    except ValueError:
        said = None
    if response.is_server_error or not isinstance(said, dict) or not isinstance(said.get("success"), bool):
        raise AwayError(f"answers {response.status_code}")
    faults = said.get("error-codes")
    if isinstance(faults, list) and (known := _NOT_THE_VISITORS.intersection(map(str, faults))):
        raise AwayError(f"says {', '.join(sorted(known))}")
    return said


@functools.cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT)
