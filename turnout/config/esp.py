"""What mail providers tell us of our mail, through django-anymail where that is used."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.urls import URLPattern, path
from django.utils.module_loading import import_string

from turnout.config.mail import esp_of
from turnout.notifications.actions import note_bounce
from turnout.notifications.mail import METADATA, message_named

_CAME_BACK = {"bounced", "rejected", "failed"}


def tracking() -> list[URLPattern]:
    """Return the address that our provider calls, under /anymail/, and listen there: none without a secret to show.

    Neither other providers' nor those for incoming mail: unconfigured, they would answer with errors. The signal is the
    one in the house: it is how django-anymail tells, and it has no other way.
    """
    if not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return []
    import_string("anymail.signals.tracking").connect(note)
    names = {f"{esp_of(settings.EMAIL_BACKEND)}{ending}" for ending in ("_tracking_webhook", "_webhook")}
    patterns = import_module("anymail.urls").urlpatterns
    return [
        path(f"anymail/{pattern.pattern}", pattern.callback, name=pattern.name)
        for pattern in patterns
        if pattern.name in names
    ]


def note(event: Any, **_: Any) -> None:
    """Note what came back: by the id that we gave with the mail, else by the Message-ID where they keep ours."""
    named = str((event.metadata or {}).get(METADATA) or event.message_id or "")
    message_id = message_named(named)
    if message_id is not None and event.event_type in _CAME_BACK:
        parts = (event.event_type, event.reject_reason, event.mta_response or event.description)
        note_bounce(message_id, ": ".join(str(part) for part in parts if part))
