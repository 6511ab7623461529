"""Stub."""

from django_otp import match_token

from turnout.accounts.models import User


def spend(user: User, otp: str) -> bool:
    """Stub."""
    return match_token(user, otp) is not None
