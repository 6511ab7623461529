"""What the environment says of mail: the server, or the provider, and how much it takes."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from turnout.guard.notation import Window, windows

SMTP = "turnout.notifications.smtp.EmailBackend"
KEPT = "turnout.notifications.kept.EmailBackend"
_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Who takes our mail."""

    backend: str
    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


def mail_server(env: environ.Env) -> MailServer:
    """Return what EMAIL_URL says, or Django's own settings one by one; ImproperlyConfigured for a malformed address."""
    if "EMAIL_URL" not in env.ENVIRON:
        return MailServer(
            backend=env.str("EMAIL_BACKEND", default=SMTP if "EMAIL_HOST" in env.ENVIRON else KEPT),
            host=env.str("EMAIL_HOST", default="localhost"),
            port=env.int("EMAIL_PORT", default=25),
            user=env.str("EMAIL_HOST_USER", default=""),
            password=env.str("EMAIL_HOST_PASSWORD", default=""),
            starttls=env.bool("EMAIL_USE_TLS", default=False),
            tls=env.bool("EMAIL_USE_SSL", default=False),
        )
    # django-environ takes smtps:// for STARTTLS; to everybody else it is implicit TLS.
    url = urlsplit(env.str("EMAIL_URL"))
    if url.scheme not in _PORTS or not url.hostname:
        raise ImproperlyConfigured("EMAIL_URL must be smtp://, smtp+tls:// or smtps:// and name a host.")
    return MailServer(
        backend=SMTP,
        host=url.hostname,
        port=url.port or _PORTS[url.scheme],
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        starttls=url.scheme == "smtp+tls",
        tls=url.scheme == "smtps",
    )


def anymail(env: environ.Env, backend: str, *, timeout: int) -> dict[str, Any]:
    """Return the settings of django-anymail, each from ANYMAIL_ and its name; none where mail goes another way."""
    if not backend.startswith("anymail."):
        return {}
    if find_spec("anymail") is None:
        message = f'EMAIL_BACKEND={backend} needs django-anymail: pip install "django-anymail[{esp_of(backend)}]".'
        raise ImproperlyConfigured(message)
    truths = {"true": True, "false": False}
    given = {
        name.removeprefix("ANYMAIL_"): truths.get(value.lower(), value)
        for name, value in env.ENVIRON.items()
        if name.startswith("ANYMAIL_")
    }
    # Not every provider takes all that we tell it beside the mail. The mail goes out all the same.
    return {"IGNORE_UNSUPPORTED_FEATURES": True, **given, "REQUESTS_TIMEOUT": timeout}


def esp_of(backend: str) -> str:
    """Return the provider: `mailgun` of `anymail.backends.mailgun.EmailBackend`."""
    return backend.removeprefix("anymail.backends.").partition(".")[0]


def rate(env: environ.Env, name: str) -> tuple[Window, ...]:
    """Return the windows in that setting; ImproperlyConfigured for what is no rate."""
    return _windows(env.str(name, default=""), f"{name} must read like 300/hour or 20/minute,300/hour.")


def rates_by_domain(env: environ.Env, name: str) -> dict[str, tuple[Window, ...]]:
    """Return the windows of each domain in that setting, and under `*` those of each other one."""
    message = f"{name} must read like gmail.com=600/hour *=1000/hour."
    entries = [entry.partition("=") for entry in env.str(name, default="").split()]
    if any(not (domain and text) for domain, _, text in entries):
        raise ImproperlyConfigured(message)
    return {domain.lower(): _windows(text, message) for domain, _, text in entries}


def _windows(text: str, message: str) -> tuple[Window, ...]:
    try:
        return windows(text)
    except ValueError as error:
        raise ImproperlyConfigured(message) from error
