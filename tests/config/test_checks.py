"""Each rule about what is unsafe in production, on its own."""

from typing import Any

import pytest
from pytest_django import Settings

from turnout.config.checks import production

LONG = "a-long-secret-0123456789-of-more-than-fifty-characters"


@pytest.fixture(autouse=True)
def _right(settings: Settings) -> None:
    settings.LOCAL = False
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS, settings.KEYS_SECRET = LONG, [], [LONG]
    settings.ALLOWED_HOSTS = ["events.example.org"]
    settings.PUBLIC_BASE_URL = "https://events.example.org"
    settings.CORS_ALLOWED_ORIGINS = ["https://a.example:8443", "http://localhost:3000", "http://[::1]:3000"]


def found() -> list[str | None]:
    return [message.id for message in production()]


def test_nothing_is_said_of_what_is_right() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LOCAL", True, "turnout.E001"),
        ("SECRET_KEY", LONG[:31], "turnout.E002"),
        ("SECRET_KEY", f"django-insecure-{LONG}", "turnout.E002"),
        ("SECRET_KEY", f"Change-Me-{LONG}", "turnout.E002"),
        ("SECRET_KEY", f"your-secret-key-{LONG}", "turnout.E002"),
        ("SECRET_KEY", "ab" * 30, "turnout.E002"),
        ("SECRET_KEY_FALLBACKS", ["short"], "turnout.E002"),
        ("KEYS_SECRET", [LONG, "short"], "turnout.E002"),
        ("KEYS_SECRET", [], "turnout.E002"),
        ("ALLOWED_HOSTS", ["events.example.org", "*"], "turnout.E003"),
        ("PUBLIC_BASE_URL", "https://events.example.org/turnout", "turnout.E004"),
        ("PUBLIC_BASE_URL", "events.example.org", "turnout.E004"),
        ("PUBLIC_BASE_URL", "https://me:secret@events.example.org", "turnout.E004"),
        ("PUBLIC_BASE_URL", "http://events.example.org", "turnout.W001"),
        ("PUBLIC_BASE_URL", "https://other.example.org", "turnout.W002"),
        ("CORS_ALLOWED_ORIGINS", ["https://a.example", "*"], "turnout.E005"),
        ("CORS_ALLOWED_ORIGINS", ["null"], "turnout.E005"),
        ("CORS_ALLOWED_ORIGINS", ["https://a.example/"], "turnout.E005"),
        ("CORS_ALLOWED_ORIGINS", ["a.example"], "turnout.E005"),
        ("TRUSTED_PROXY_COUNT", -1, "turnout.E006"),
        ("WEBHOOK_PRIVATE_NETWORKS", ["10.1.0.1/16"], "turnout.E007"),
    ],
)
def test_what_is_weak_is_named(settings: Settings, name: str, value: Any, expected: str) -> None:
    setattr(settings, name, value)
    assert found() == [expected]


def test_what_is_said_of_a_weak_secret_does_not_tell_it(settings: Settings) -> None:
    settings.SECRET_KEY = "short-and-secret"
    assert "short-and-secret" not in str([(message.msg, message.hint) for message in production()])
