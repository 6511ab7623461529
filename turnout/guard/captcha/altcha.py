"""ALTCHA: a device works for about a second. Nobody else is asked, and nothing is kept until an answer is spent."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import altcha
from django.conf import settings
from django.utils.crypto import salted_hmac

from turnout.core.clock import now
from turnout.core.text import digest

LIVES = timedelta(minutes=10)
# A guess costs 2,000 rounds of SHA-256, and the right one is the 1,000th to 3,000th: about a second on a phone's four
# threads, never much more. To make a challenge costs us one guess, to check an answer an HMAC.
_ALGORITHM, _COST, _GUESSES = "PBKDF2/SHA-256", 2_000, range(1_000, 3_000)


@dataclass(frozen=True, slots=True)
class Solved:
    """A challenge of ours that somebody solved: the key under which it is spent, and until when it counts."""

    key: str
    expires_at: datetime


def challenge() -> dict[str, Any]:
    """Return a new challenge, as ALTCHA's widget takes it."""
    signing, hiding = next(_keys())
    made: dict[str, Any] = altcha.create_challenge(
        _ALGORITHM,
        _COST,
        counter=secrets.choice(_GUESSES),
        expires_at=now() + LIVES,
        hmac_secret=signing,
        hmac_key_secret=hiding,
    ).to_dict()
    return made


def solved(answer: str) -> Solved | None:
    """Return the challenge that the answer solves; None where it solves none of ours, or too late."""
    try:
        payload = altcha.Payload.from_base64(answer)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    right = (altcha.verify_solution(payload, signing, hmac_key_secret=hiding).verified for signing, hiding in _keys())
    if not any(right):
        return None
    told = payload.challenge.parameters  # what we signed
    return Solved(digest("captcha", told.nonce), datetime.fromtimestamp(told.expires_at or 0, UTC))


def _keys() -> Iterator[tuple[str, str]]:
    """Yield the keys that sign a challenge and its answer: today's, and those of before."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield (
            salted_hmac("turnout.captcha.challenge", "", secret=secret, algorithm="sha256").hexdigest(),
            salted_hmac("turnout.captcha.answer", "", secret=secret, algorithm="sha256").hexdigest(),
        )
