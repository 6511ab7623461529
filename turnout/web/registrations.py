"""The pages a guest's mails lead to. What they do is done by the same actions as in the API."""

from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from turnout.registrations import actions
from turnout.registrations.models import Registration
from turnout.registrations.queries import find, position
from turnout.registrations.tickets import ticket_svg, when, where

# Both forms carry the guest's secret in their body, and no cookie gives them any right: there is nothing to forge. And
# with the referrer policy that keeps the secret in the address from other sites, browsers send `Origin: null`, which
# Django's check refuses.
_guest_page = csrf_exempt


@_guest_page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_page(request: HttpRequest) -> HttpResponse:
    """Ask for one click, since programs open links too; the click confirms and leads to the registration."""
    if request.method != "POST":
        return _private(render(request, "web/confirm.html", {"token": request.GET.get("token", "")}))
    registration = actions.confirm(request.POST.get("token", ""))
    return _private(HttpResponseRedirect(registration.page_url()))


@_guest_page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def registration_page(request: HttpRequest, registration_id: UUID) -> HttpResponse:
    """Show where a registration stands, with its ticket; POST cancels it."""
    key = (request.POST if request.method == "POST" else request.GET).get("token", "")
    registration = find(registration_id, AnonymousUser(), key)  # by its key alone: see above
    if request.method == "POST":
        actions.cancel(registration)
        return _private(HttpResponseRedirect(registration.page_url()))
    context = {
        "registration": registration,
        "event": registration.event,
        "position": position(registration),
        "code": _drawn_ticket(registration),
        "when": when(registration.event),
        "where": where(registration),
        "token": key,
        "can_cancel": registration.status in Registration.ACTIVE,
    }
    return _private(render(request, "web/registration.html", context))


def _drawn_ticket(registration: Registration) -> str:
    confirmed = registration.status == Registration.Status.CONFIRMED
    return ticket_svg(registration).decode().partition("?>")[2] if confirmed else ""


def _private(response: HttpResponse) -> HttpResponse:
    """Keep the secret in the address from other sites and from search engines."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
