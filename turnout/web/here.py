"""A guest's own phone in the room: "I'm here", by the code on the screen.

Who has no account is known by a cookie that their registration's page sets: it holds no key, only which registration it
is, signed, and stops with the event, or where the key to the registration is renewed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from turnout.attendance.actions.self_check_in import Arrival, check_in_by_code
from turnout.attendance.models import DoorRules
from turnout.attendance.queries import inside_since, session_of
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.ids import decode_id, encode_id
from turnout.core.tokens import CODE_DIGITS, make_pass, read_pass
from turnout.events.models import Event, Session
from turnout.guard.addresses import network
from turnout.registrations.models import Registration
from turnout.web.events import find_event
from turnout.web.forms import REFUSED, Form, form_page, sent, show

_COOKIE, _PASS = "here", "here"  # a purpose
_BEFORE = timedelta(hours=1)


class CodeForm(Form):
    """The code on the screen."""

    code = forms.CharField(
        label=_("Code in the room"),
        help_text=_("Six digits, on the screen."),
        max_length=20,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )


@dataclass(frozen=True, slots=True)
class Room:
    """What the page of a registration shows of checking in oneself."""

    since: datetime | None  # where they are in already


@form_page
def here_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Let a guest say that they are in the room whose screen they opened this from; to open it changes nothing.

    Who is unknown here is told the same, whether they are registered or not.
    """
    event = find_event(request, event_id)
    session = session_of(event, request.GET.get("session", ""))
    registration = _known(request, event)
    form = CodeForm(sent(request), initial={"code": request.GET.get("code", "")})
    if registration is not None and request.POST.get("who", str(registration.pk)) != str(registration.pk):
        form.add_error(None, _("This phone shows another person's ticket now. Look at the name, and press again."))
    if registration is not None and form.is_valid():
        try:
            actor = audit.actor_of(request.user) if request.user.is_authenticated else audit.GUEST
            arrival = arrive(request, registration, form.cleaned_data["code"], session, actor=actor)
        except REFUSED as error:
            form.refuse(error, "code")
        else:
            there = f"?session={arrival.session}" if arrival.session else ""
            return redirect(f"{request.path}{there}")
    return show(request, "web/registrations/here.html", form, **_shown(request, event, session, registration))


def arrive(
    request: HttpRequest, registration: Registration, code: str, session: Session | None = None, *, actor: str
) -> Arrival:
    """Check in the holder of a registration, as `check_in_by_code`."""
    place = session.pk if session else None
    return check_in_by_code(registration, code, session=place, actor=actor, client=network(request.META))


def remember(response: HttpResponse, registration: Registration) -> None:
    """Let the browser to which this goes be known in the rooms of the event, until it ends."""
    left = registration.event.ends_at - now()
    if left > timedelta(0):
        response.set_cookie(
            _COOKIE,
            make_pass(_PASS, f"{encode_id(registration.pk)}.{registration.key_version}"),
            max_age=left,
            path=reverse("here", args=[registration.event_id]),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def room_of(registration: Registration) -> Room | None:
    """Return what the page of a registration shows while people check in themselves at its event; else None."""
    event = registration.event
    is_on = event.status == Event.Status.PUBLISHED and event.starts_at - _BEFORE <= now() < event.ends_at
    if not is_on or registration.status != Registration.Status.CONFIRMED or not _is_allowed(event):
        return None
    return Room(max(inside_since(registration).values(), default=None))


def _known(request: HttpRequest, event: Event) -> Registration | None:
    """Return the registration of whoever looks: of who is signed in, else of whose page was opened in this browser."""
    there = Registration.objects.active().filter(event=event).select_related("event")
    own = there.held_by(request.user).first()
    if own is not None:
        return own
    text = read_pass(_PASS, request.COOKIES.get(_COOKIE, ""), None)
    if text is None:
        return None
    registration, _dot, version = text.rpartition(".")
    return there.filter(pk=decode_id(registration), key_version=int(version)).first()


def _shown(
    request: HttpRequest, event: Event, session: Session | None, registration: Registration | None
) -> dict[str, Any]:
    inside = inside_since(registration) if registration is not None else {}
    return {
        "event": event,
        "session": session,
        "registration": registration,
        "is_allowed": _is_allowed(event),
        "code": code if (code := request.GET.get("code", "")).isdecimal() and len(code) == CODE_DIGITS else "",
        "since": inside.get(session.pk if session else None),
    }


def _is_allowed(event: Event) -> bool:
    return DoorRules.objects.filter(pk=event.pk, self_check_in=True).exists()
