"""The pages of a guest's whole story. What they do is done by the same actions as in the API."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from turnout.core.contact import LONGEST_NAME, mail_address, person_name, phone_number
from turnout.core.errors import ConflictError, DomainError, InvalidError, ThrottledError
from turnout.core.idempotency import once
from turnout.events.models import AttendanceType, Event
from turnout.events.queries import seats_left, seats_of
from turnout.guard import captcha
from turnout.guard.actions import Claim, admit
from turnout.guard.addresses import network
from turnout.registrations import actions
from turnout.registrations.models import Registration
from turnout.registrations.queries import barred, can_be_changed, closed, find, position, to_confirm
from turnout.registrations.tickets import ticket_svg, where
from turnout.web.captcha import render_asking
from turnout.web.events import find_event

# These forms carry the guest's secret in their body, and no cookie gives them any right: there is nothing to forge. And
# with the referrer policy that keeps the secret in the address from other sites, browsers send `Origin: null`, which
# Django's check refuses.
_guest_page = csrf_exempt

_PURPOSE = "registration"  # of a CAPTCHA

# What is said in the form, where nothing typed is lost, and the status that goes with it.
_REFUSED: dict[type[DomainError], int] = {InvalidError: 400, ConflictError: 409, ThrottledError: 429}


class RegistrationForm(forms.Form):
    """What a guest tells, under the names of the API."""

    full_name = forms.CharField(
        label=_("Your name"),
        help_text=_("As it should stand on your certificate."),
        max_length=LONGEST_NAME,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    email = forms.CharField(
        label=_("Your mail address"),
        help_text=_("We send you a link there. With it you confirm that you come."),
        widget=forms.EmailInput({"autocomplete": "email", "dir": "ltr"}),
    )
    phone = forms.CharField(
        label=_("Phone number (optional)"),
        help_text=_("With the country code, such as +213 555 12 34 56."),
        required=False,
        widget=forms.TextInput({"autocomplete": "tel", "inputmode": "tel", "type": "tel", "dir": "ltr"}),
    )
    attendance_type = forms.ChoiceField(label=_("How do you take part?"), widget=forms.RadioSelect)
    # The same form sent twice, by an impatient finger, is one registration.
    once = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, event: Event, data: Any = None) -> None:
        offered = event.attendance_types
        super().__init__(data, initial={"attendance_type": offered[0], "once": uuid4()})
        attendance = self.fields["attendance_type"]
        attendance.choices = [(each, _labelled(event, each)) for each in offered]  # type: ignore[attr-defined]
        if len(offered) == 1:
            attendance.widget = forms.HiddenInput()

    def clean_full_name(self) -> str:
        """Check the name."""
        return person_name(self.cleaned_data["full_name"])

    def clean_email(self) -> str:
        """Check the address."""
        return mail_address(self.cleaned_data["email"])

    def clean_phone(self) -> str:
        """Check the number."""
        return phone_number(self.cleaned_data["phone"])

    def refuse(self, error: DomainError) -> None:
        """Say in the form what a rule said."""
        for fault in error.faults:
            name = fault.pointer.strip("/")
            self.add_error(name if name in self.fields else None, fault.detail)
        if not error.faults:
            self.add_error(None, error.detail)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def register_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Ask who comes; then a mail is on its way."""
    event = find_event(request, event_id)
    form = RegistrationForm(event, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and (status := _register(event, form, network(request.META))) == 201:  # noqa: PLR2004  # created
        messages.info(request, form.cleaned_data["email"], extra_tags="registered")
        return redirect("registered", event.pk)
    _begin_at_the_first_fault(form)
    context = {"event": event, "form": form, "barred": barred(event), "full": seats_of(event).available == 0}
    context["purpose"] = _PURPOSE
    return render_asking(request, "web/registrations/register.html", context, status=status)


@never_cache
@require_safe
def registered_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Say that a mail is on its way, and what to do with it."""
    sent = [str(message) for message in messages.get_messages(request) if message.extra_tags == "registered"]
    context = {"event": find_event(request, event_id), "address": sent[-1] if sent else ""}
    return render(request, "web/registrations/registered.html", context)


@_guest_page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_page(request: HttpRequest) -> HttpResponse:
    """Ask for one click, since programs open links too; the click confirms and leads to the registration."""
    if request.method != "POST":
        token = request.GET.get("token", "")
        context = {"token": token, "registration": to_confirm(token)}
        return _private(render(request, "web/registrations/confirm.html", context))
    admit(Claim("confirm", network(request.META), settings.THROTTLES["confirm"]))
    registration = actions.confirm(request.POST.get("token", ""))
    return _private(HttpResponseRedirect(registration.page_path()))


@_guest_page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def registration_page(request: HttpRequest, registration_id: UUID) -> HttpResponse:
    """Show where a registration stands, with its ticket; POST cancels it."""
    key = (request.POST if request.method == "POST" else request.GET).get("token", "")
    registration = find(registration_id, AnonymousUser(), key)  # by its key alone: see above
    if request.method == "POST":
        actions.cancel(registration)
        return _private(HttpResponseRedirect(registration.page_path()))
    context = {
        "registration": registration,
        "event": registration.event,
        "position": position(registration),
        "code": _drawn_ticket(registration),
        "where": where(registration),
        "token": key,
        "can_cancel": registration.status in Registration.ACTIVE and can_be_changed(registration),
        "can_return": registration.status not in Registration.ACTIVE and closed(registration.event) is None,
    }
    return _private(render(request, "web/registrations/registration.html", context))


def _register(event: Event, form: RegistrationForm, client: str) -> int:
    """Register whom the form names, and return the answer's status; the form then says what is wrong."""
    if not form.is_valid():
        return 400
    fields = dict(form.cleaned_data)
    key = fields.pop("once") or uuid4()
    guest = actions.Guest(**fields, language=get_language() or "en")

    def deed() -> tuple[int, dict[str, Any]]:
        actions.register(event, guest)
        return 201, {}

    def first() -> None:
        captcha.check(form.data.get("captcha"), client, purpose=_PURPOSE)

    try:
        admit(Claim("registration", client, settings.THROTTLES["registration"]))
        # What was typed is part of the key: who goes back and registers a friend does another deed.
        once(("guest", "page", str(event.pk), str(key), repr(guest)), b"", deed, first=first)
    except tuple(_REFUSED) as error:
        form.refuse(error)
        return _REFUSED[type(error)]
    return 201


def _labelled(event: Event, attendance_type: str) -> str:
    """Return how one takes part in that way, and whether there is a seat."""
    label = str(AttendanceType(attendance_type).label)
    if seats_left(event, attendance_type) != 0:
        return label
    return (gettext("%s (full, with a waiting list)") if event.waitlist_enabled else gettext("%s (full)")) % label


def _begin_at_the_first_fault(form: RegistrationForm) -> None:
    """Put the cursor where something is to be mended."""
    for name in form.fields:
        if name in form.errors:
            form.fields[name].widget.attrs["autofocus"] = True
            return


def _drawn_ticket(registration: Registration) -> str:
    """Return the code as SVG; empty for who holds no seat, or where nothing takes place."""
    takes_place = registration.event.status == Event.Status.PUBLISHED
    if registration.status != Registration.Status.CONFIRMED or not takes_place:
        return ""
    return ticket_svg(registration).decode().partition("?>")[2]


def _private(response: HttpResponse) -> HttpResponse:
    """Keep the secret in the address from other sites and from search engines."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
