"""The CAPTCHA on pages: its widget, and what the page's policy lets that load."""

from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from turnout.guard import captcha

_SOURCES = {
    "altcha": {"worker-src": [SELF]},
    "recaptcha": {
        "script-src": ["https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"],
        "frame-src": ["https://www.google.com/recaptcha/", "https://recaptcha.google.com/recaptcha/"],
        "connect-src": ["https://www.google.com/recaptcha/"],
    },
    "turnstile": {
        "script-src": ["https://challenges.cloudflare.com"],
        "frame-src": ["https://challenges.cloudflare.com"],
    },
}


def render_asking(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200, always: bool = False
) -> HttpResponse:
    """Render a page whose form includes `web/captcha.html`, with the widget's sources in its policy and no others."""
    shown = captcha.widget(always=always)
    response = render(request, template, {**context, "captcha": shown}, status=status)
    if shown:
        csp_update(_SOURCES[shown.provider])(lambda _: response)(request)  # marks it for the middleware
    return response
