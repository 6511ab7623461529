"""The pages on which a guest registers and confirms. What they do is done by the same actions as in the API."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.core.contact import LONGEST_NAME, mail_address, person_name, phone_number
from turnout.core.idempotency import once
from turnout.core.languages import asked_for
from turnout.events.models import AttendanceType, Event
from turnout.events.queries import seats_left, seats_of
from turnout.guard.addresses import network
from turnout.registrations import actions
from turnout.registrations.attacks.queries import under_attack
from turnout.registrations.queries import barred, to_confirm
from turnout.web.events import find_event
from turnout.web.forms import REFUSED, ask_captcha, form_page, limit, private, secret_page, sent, show
from turnout.web.questions import QuestionForm

_PURPOSE = "registration"  # of a CAPTCHA


class PersonForm(QuestionForm):
    """What everybody who comes tells, under the names of the API."""

    full_name = forms.CharField(
        label=_("Your name"),
        help_text=_("As it should stand on your certificate."),
        max_length=LONGEST_NAME,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    phone = forms.CharField(
        label=_("Phone number (optional)"),
        help_text=_("With the country code, such as +213 555 12 34 56."),
        required=False,
        widget=forms.TextInput({"autocomplete": "tel", "inputmode": "tel", "type": "tel", "dir": "ltr"}),
    )
    attendance_type = forms.ChoiceField(label=_("How do you take part?"), widget=forms.RadioSelect)

    def __init__(self, event: Event, data: Any = None, files: Any = None, **initial: Any) -> None:
        offered = event.attendance_types
        super().__init__(event, data, files, initial={"attendance_type": offered[0], **initial})
        attendance = self.fields["attendance_type"]
        attendance.choices = [(each, _labelled(event, each)) for each in offered]  # type: ignore[attr-defined]
        if len(offered) == 1:
            attendance.widget = forms.HiddenInput()

    def clean_full_name(self) -> str:
        """Check the name."""
        return person_name(self.cleaned_data["full_name"])

    def clean_phone(self) -> str:
        """Check the number."""
        return phone_number(self.cleaned_data["phone"])


class RegistrationForm(PersonForm):
    """What a guest tells."""

    email = forms.CharField(
        label=_("Your mail address"),
        help_text=_("We send you a link there. With it you confirm that you come."),
        widget=forms.EmailInput({"autocomplete": "email", "dir": "ltr"}),
    )
    # The same form sent twice, by an impatient finger, is one registration.
    once = forms.UUIDField(widget=forms.HiddenInput, required=False)
    field_order = ("full_name", "email", "phone", "attendance_type")

    def __init__(self, event: Event, data: Any = None, files: Any = None) -> None:
        super().__init__(event, data, files, once=uuid4())

    def clean_email(self) -> str:
        """Check the address."""
        return mail_address(self.cleaned_data["email"])


@form_page
def register_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Ask who comes; then a mail is on its way."""
    event = find_event(request, event_id)
    form = RegistrationForm(event, sent(request), request.FILES or None)
    if form.is_valid() and _register(request, event, form):
        messages.info(request, form.cleaned_data["email"], extra_tags="registered")
        return redirect("registered", event.pk)
    context = {"event": event, "barred": barred(event), "full": seats_of(event).available == 0}
    asked = under_attack(event.id)
    return show(request, "web/registrations/register.html", form, purpose=_PURPOSE, always=asked, **context)


@never_cache
@require_safe
def registered_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Say that a mail is on its way, and what to do with it."""
    told = [str(message) for message in messages.get_messages(request) if message.extra_tags == "registered"]
    context = {"event": find_event(request, event_id), "address": told[-1] if told else ""}
    return render(request, "web/registrations/registered.html", context)


@secret_page
@form_page
def confirm_page(request: HttpRequest) -> HttpResponse:
    """Ask for one click, since programs open links too; the click confirms and leads to the registration."""
    if request.method != "POST":
        token = request.GET.get("token", "")
        context = {"token": token, "registration": to_confirm(token)}
        return private(render(request, "web/registrations/confirm.html", context))
    limit(request, "confirm")
    registration = actions.confirm(request.POST.get("token", ""))
    return private(HttpResponseRedirect(registration.page_path()))


def _register(request: HttpRequest, event: Event, form: RegistrationForm) -> bool:
    """Register whom the form names, or say in the form why not."""
    fields = {name: form.cleaned_data[name] for name in ("full_name", "email", "phone", "attendance_type")}
    key = form.cleaned_data["once"] or uuid4()
    guest = actions.Guest(**fields, language=asked_for(request.META, request.COOKIES))

    def deed() -> tuple[int, dict[str, Any]]:
        actions.register(event, replace(guest, answers=form.answers()), client=network(request.META))
        return 201, {}

    def first() -> None:
        ask_captcha(request, _PURPOSE, always=under_attack(event.id))
        if form.files_sent():
            limit(request, "upload")
            form.keep_files(network(request.META))

    try:
        limit(request, "registration")
        # What was typed is part of the key: who goes back and registers a friend does another deed.
        once(("guest", "page", str(event.pk), str(key), repr(guest), form.fingerprint()), b"", deed, first=first)
    except REFUSED as error:
        form.refuse(error)
        return False
    return True


def _labelled(event: Event, attendance_type: str) -> str:
    """Return how one takes part in that way, and whether there is a seat."""
    label = str(AttendanceType(attendance_type).label)
    if seats_left(event, attendance_type) != 0:
        return label
    return (gettext("%s (full, with a waiting list)") if event.waitlist_enabled else gettext("%s (full)")) % label
