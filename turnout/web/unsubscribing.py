"""The page on which somebody says that they want no more mailings of an event's team."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from turnout.core.errors import NotFoundError
from turnout.registrations.mailings.actions import unsubscribe
from turnout.registrations.models import Registration
from turnout.web.forms import form_page, private, secret_page


@secret_page
@form_page
def unsubscribe_page(request: HttpRequest, registration_id: UUID) -> HttpResponse:
    """Ask for one click, since programs open links too; a mail program's own click (RFC 8058) does the same.

    That one sends the address as it stands in the mail, with no cookie, and follows nowhere.
    """
    registration = Registration.objects.select_related("event").filter(pk=registration_id).first()
    if registration is None or not registration.unsubscribes_with(request.GET.get("token", "")):
        raise NotFoundError
    if request.method == "POST":
        unsubscribe(registration)
        registration.refresh_from_db(fields=["mailings_off_at"])
    context = {"registration": registration, "event": registration.event}
    return private(render(request, "web/registrations/unsubscribe.html", context))
