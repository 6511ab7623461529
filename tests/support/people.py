"""What a person does that a program does not."""

from typing import Any

from altcha import Challenge, Payload, solve_challenge


def solve(challenge: dict[str, Any]) -> str:
    """Return what ALTCHA's widget would send."""
    found = Challenge.from_dict(challenge)
    solution = solve_challenge(found)
    assert solution
    return Payload(found, solution).to_base64()
