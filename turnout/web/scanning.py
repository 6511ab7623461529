"""The scanner's page, which opens without network once it was open with it."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import get_template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.core.text import digest
from turnout.events.models import Event
from turnout.web.templatetags.turnout import STATUS_NAMES

_STATIC = Path(__file__).parent / "static"
_WORKER = "web/scan/worker.js"
_NOBLE = "web/vendor/noble-ed25519-3.2.0/ed25519.js"
_PONYFILL = "web/vendor/barcode-detector-3.2.2/ponyfill.js"
_WASM = "web/vendor/zxing-wasm-3.1.3/zxing_reader.wasm"
_MOST_EVENTS = 50


@require_safe
def scan_page(request: HttpRequest) -> HttpResponse:
    """Show the scanner: the same to everybody, since the browser keeps it."""
    paths = {
        "page": reverse("scan"),
        "worker": reverse("scan-worker"),
        "who": reverse("scan-who"),
        "login": reverse("login"),
        "noble": static(_NOBLE),
        "ponyfill": static(_PONYFILL),
        "wasm": static(_WASM),
    }
    context = {"visitor": None, "data": {"paths": paths, "words": _words()}}
    response = render(request, "web/scan/scan.html", context)
    response["X-Scanner-Version"] = _version()
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def scan_worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  # Django's call
    """Answer the service worker with what it keeps: the page's files, under a version that changes with any of them."""
    known = {"VERSION": _version(), "PAGE": reverse("scan"), "FILES": [static(name) for name in _files()]}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in known.items())
    content = head + (_STATIC / _WORKER).read_text()
    return HttpResponse(content, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


@never_cache
@require_safe
def scan_who(request: HttpRequest) -> HttpResponse:
    """Answer who is signed in, where they may let people in, and the token that their requests show."""
    user = request.user
    events = Event.objects.with_doors_of(user).not_over().order_by("starts_at", "id")[:_MOST_EVENTS]
    return JsonResponse(
        {
            "csrf": get_token(request),
            "person": user.name or user.email if user.is_authenticated else None,
            "events": [{"id": str(event.pk), "title": event.title} for event in events],
        }
    )


def _files() -> list[str]:
    """Return the names of all files that the page needs without network."""
    own = sorted(path.name for path in (_STATIC / "web/scan").iterdir() if path.name != Path(_WORKER).name)
    detector = [f"{_PONYFILL.rpartition('/')[0]}/{name}" for name in ("ponyfill.js", "zxing-exported.js")]
    return ["web/style.css", "web/mark.svg", *(f"web/scan/{name}" for name in own), *detector, _NOBLE, _WASM]


@lru_cache
def _version() -> str:
    """Return what changes with any of the files that must fit together."""
    template = get_template("web/scan/scan.html").template.source  # type: ignore[attr-defined]  # Django's own engine
    hashes = (hashlib.sha256((_STATIC / name).read_bytes()).hexdigest() for name in [*_files(), _WORKER])
    return digest("scanner", template, *hashes)[:16]


def _words() -> dict[str, object]:
    """Return what the page says by its scripts."""
    return {
        "whole": _("The whole event"),
        "checking": _("Checking…"),
        "unsent": _("Not sent yet: {n}"),
        "differing": _("For the team to look at: {n}"),
        "since": _("In since {time}"),
        "since_at": _("In since {time}, {place}"),
        "no_ticket": _("This code is no ticket."),
        "unknown_key": _("This device cannot check it yet. Connect it to the network."),
        "queued": _("Nobody answered. It will be sent when there is network again."),
        "refused": _("Not accepted"),
        "failed": _("Something went wrong on this device. Scan it again."),
        "away": _("No answer. This needs the network."),
        "nobody": _("Nobody was found."),
        "undone": _("Undone."),
        "kept": _("Scans on this device that were not sent yet: {n}. Pair it with their event again to send them."),
        "revoked": _("This device may no longer scan here. What it has not sent stays: pair it again, or save it."),
        "signed_out": _("You are not signed in, or not on this event's team any more. What was not sent stays here."),
        "camera_denied": _("The camera is not allowed. Allow it in the browser's settings, or type the codes."),
        "camera_missing": _("No camera was found. Type the codes, or use a hand-held scanner."),
        "no_store": _("This browser keeps nothing, so nothing can be scanned in it. Leave its private mode."),
        "browser": _("Browser"),
        "yes": _("Yes"),
        "no": _("No"),
        "deeds": {"in": _("Check in"), "out": _("Check out")},
        "statuses": {status: str(name) for status, name in STATUS_NAMES.items()},
        "reasons": {
            "wrong_event": _("This ticket is another event's."),
            "invalid_ticket": _("This is no ticket of ours, or somebody changed it."),
            "revoked": _("A newer ticket has replaced it, or the seat was given back."),
        },
        "results": {
            "checked_in": _("Come in"),
            "already_checked_in": _("Already in"),
            "checked_out": _("Goodbye"),
            "not_confirmed": _("No seat"),
            "cancelled": _("Cancelled"),
            "wrong_event": _("Another event"),
            "invalid_ticket": _("Not valid"),
            "revoked": _("Not valid any more"),
            "queued": _("Not checked"),
        },
    }
