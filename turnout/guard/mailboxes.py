"""Stub."""


def within_mail_budget(address: str, client: str, *, purpose: str) -> bool:
    """Stub."""
    return bool(address and client and purpose)
