"""Every mail that would have been sent, to be read in the browser: on one's own machine only."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from turnout.core.errors import NotFoundError
from turnout.notifications import kept


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List the mails, the newest first."""
    return render(request, "web/mail.html", {"mails": kept.latest()})


@require_safe
def read(request: HttpRequest, name: str) -> HttpResponse:
    """Show one."""
    return render(request, "web/mail_read.html", {"mail": kept.find(name)})


@require_safe
def read_html(_request: HttpRequest, name: str) -> HttpResponse:
    """Return the HTML as a mail program would show it: no script runs in it."""
    response = HttpResponse(kept.find(name).html)
    response["Content-Security-Policy"] = "sandbox allow-popups allow-top-navigation-by-user-activation"
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


@require_safe
def attachment(_request: HttpRequest, name: str, file: str) -> HttpResponse:
    """Return a file that goes with a mail."""
    files = kept.find(name).attachments
    if file not in files:
        raise NotFoundError
    media_type, content = files[file]
    return HttpResponse(content, media_type)
