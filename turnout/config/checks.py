"""Which configurations are unsafe in production: one place for `check --deploy` and for every server that starts."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's name for it
from django.http.request import validate_host

SHORTEST_SECRET = 32
_FEWEST_CHARACTERS = 5
_EXAMPLE = re.compile(r"^django-insecure-|change.?me|your.?secret.?key", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")


def production(**_: Any) -> list[CheckMessage]:
    """Return what is wrong with this configuration for production; errors keep the server from starting."""
    return [*_mode(), *_secrets(), *_hosts(), *_public_base_url(), *_others()]


def _mode() -> Iterator[CheckMessage]:
    if settings.LOCAL:
        yield Error(
            "This is the configuration of a developer's own machine.",
            hint="Set SECRET_KEY, DEBUG=False and ALLOWED_HOSTS in the environment or in .env. To try it: make run.",
            id="turnout.E001",
        )


def _secrets() -> Iterator[CheckMessage]:
    named = [("SECRET_KEY", settings.SECRET_KEY)]
    named += [("SECRET_KEY_FALLBACKS", secret) for secret in settings.SECRET_KEY_FALLBACKS]
    known = {secret for _, secret in named}
    named += [("KEYS_SECRET", secret) for secret in settings.KEYS_SECRET if secret not in known]
    for name, secret in named:
        if why := _weakness(secret):
            yield Error(
                f"{name} {why}: whoever guesses it opens or signs all that hangs on it.",
                hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
                id="turnout.E002",
            )
    if not settings.KEYS_SECRET:
        yield Error("KEYS_SECRET is empty.", hint="Leave it out, or name a secret.", id="turnout.E002")


def _weakness(secret: str) -> str:
    """Return what is wrong with a secret, or nothing."""
    if len(secret) < SHORTEST_SECRET:
        return f"must be at least {SHORTEST_SECRET} characters long"
    if _EXAMPLE.search(secret):
        return "is an example that stands in some documentation"
    if len(set(secret)) < _FEWEST_CHARACTERS:
        return "repeats itself"
    return ""


def _hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Error("ALLOWED_HOSTS takes any name (*).", hint="Name the hosts you serve.", id="turnout.E003")


def _public_base_url() -> Iterator[CheckMessage]:
    url = urlsplit(settings.PUBLIC_BASE_URL)
    if not _ORIGIN.fullmatch(settings.PUBLIC_BASE_URL.lower()):
        yield Error(
            "PUBLIC_BASE_URL must be an origin: https://host or https://host:port, and nothing more.",
            id="turnout.E004",
        )
        return
    if url.scheme != "https":
        yield Warning(
            "PUBLIC_BASE_URL is not https: passwords, cookies and links with keys travel in the open.",
            id="turnout.W001",
        )
    if not validate_host(url.hostname or "", settings.ALLOWED_HOSTS):
        yield Warning(
            f"ALLOWED_HOSTS does not take {url.hostname}, the host of PUBLIC_BASE_URL: links in mails will not open, "
            "unless a proxy calls us by another name.",
            id="turnout.W002",
        )


def _others() -> Iterator[CheckMessage]:
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if not _ORIGIN.fullmatch(origin.lower()):
            yield Error(
                f"CORS_ALLOWED_ORIGINS: {origin!r} is no origin.",
                hint="Name each one whole: https://host or https://host:port. Neither * nor null.",
                id="turnout.E005",
            )
    if settings.TRUSTED_PROXY_COUNT < 0:
        yield Error("TRUSTED_PROXY_COUNT must not be negative.", id="turnout.E006")
    for network in settings.WEBHOOK_PRIVATE_NETWORKS:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield Error(
                f"WEBHOOK_PRIVATE_NETWORKS: {network!r} is no network.",
                hint="Write each one like 10.1.0.0/16.",
                id="turnout.E007",
            )
