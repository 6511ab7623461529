"""The page on which somebody with an account enrolls."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from turnout.accounts.models import User
from turnout.accounts.policies import is_facilitator, is_seeker
from turnout.core import audit
from turnout.core.errors import ForbiddenError
from turnout.events.models import Event
from turnout.events.queries import seats_of
from turnout.guard.actions import Claim, admit
from turnout.guard.addresses import network
from turnout.registrations.actions import Guest, enroll
from turnout.registrations.queries import barred
from turnout.web.events import find_event
from turnout.web.forms import REFUSED, limit, own_page, self_of, sent, show
from turnout.web.registrations import PersonForm
from turnout.web.standing import own_ticket


class EnrollForm(PersonForm):
    """What a seeker tells: as their account has it, unless they say otherwise."""

    def __init__(self, event: Event, user: User, data: Any = None, files: Any = None) -> None:
        known = Guest.of(user, event, {})
        super().__init__(event, data, files, full_name=user.name, attendance_type=known.attendance_type)


@own_page
def enroll_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Ask a seeker how they come; then they have a seat or a place in line, or the team decides.

    Who is in already is led to where that stands, so that an impatient finger enrolls once.
    """
    event, user = find_event(request, event_id), _seeker(request)
    form = EnrollForm(event, user, sent(request), request.FILES or None)
    ticket = own_ticket(user, event)
    if ticket is None and form.is_valid():
        _enroll(request, event, form)
        ticket = own_ticket(user, event)
    if ticket is not None:
        return redirect("registration", ticket.registration.pk)
    full = seats_of(event).available == 0
    return show(request, "web/registrations/enroll.html", form, event=event, barred=barred(event), full=full)


def _enroll(request: HttpRequest, event: Event, form: EnrollForm) -> None:
    """Enroll who is signed in, or say in the form why not."""
    user = self_of(request)
    try:
        admit(Claim("enroll", str(user.pk), settings.THROTTLES["registration"]))
        if form.files_sent():
            limit(request, "upload")
            form.keep_files(network(request.META))
        person = Guest.of(user, event, {**form.cleaned_data, "answers": form.answers()})
        enroll(event, person, actor=audit.actor_of(user))
    except REFUSED as error:
        form.refuse(error)


def _seeker(request: HttpRequest) -> User:
    """Return who enrolls; ForbiddenError for all others who have an account."""
    user = self_of(request)
    if is_seeker(user) and user.address_verified:
        return user
    if is_facilitator(user):
        raise ForbiddenError(
            _("With this account you organise events. To come to one, register with your mail address.")
        )
    raise ForbiddenError(_("You may not do this."))
