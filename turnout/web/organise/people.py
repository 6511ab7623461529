"""Who is registered for an event, and what its team decides about them."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.accounts.queries import names_of
from turnout.attendance.actions.notes import LONGEST_NOTE, set_note
from turnout.attendance.models import DoorNote
from turnout.core import audit
from turnout.core.errors import InvalidError, NotFoundError
from turnout.core.paging import Page
from turnout.events.models import AttendanceType, Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.actions.reviews import approve, decline, move_in_line
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.models import LineChange, Registration
from turnout.registrations.queries import find_to_decide, position
from turnout.reports.people import people
from turnout.web.forms import REFUSED, Form, own_page, show
from turnout.web.organise.events import told
from turnout.web.pages import page_of
from turnout.web.questions import shown_answers
from turnout.web.standing import Ticket
from turnout.web.templatetags.turnout import STATUS_NAMES

_LONGEST_REASON = 500  # what a registration keeps
_LAST_PLACE = 2**31 - 1
_Status = Registration.Status


class PeopleForm(forms.Form):
    """Who is looked for, under the names of the API."""

    q = forms.CharField(label=_("Name or address"), max_length=200, required=False)
    status = forms.ChoiceField(label=_("Status"), choices=[("", _("Any")), *STATUS_NAMES.items()], required=False)
    attendance_type = forms.ChoiceField(
        label=_("Attendance"), choices=[("", _("Any")), *AttendanceType.choices], required=False
    )


class DecisionForm(Form):
    """Why somebody is let in, or is not."""

    reason = forms.CharField(
        label=_("Reason (optional)"),
        help_text=_("Who is declined reads it in the mail."),
        max_length=_LONGEST_REASON,
        required=False,
        widget=forms.TextInput({"dir": "auto"}),
    )


class MoveForm(Form):
    """Where in line somebody is to stand, and why."""

    position = forms.IntegerField(label=_("New position"), min_value=1, max_value=_LAST_PLACE)
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The whole team sees it, with your name."),
        max_length=_LONGEST_REASON,
        widget=forms.TextInput({"dir": "auto"}),
    )


class NoteForm(Form):
    """What whoever scans somebody's ticket sees."""

    text = forms.CharField(
        label=_("Note for the door"),
        help_text=_("Whoever scans the ticket sees it; empty is none."),
        max_length=LONGEST_NOTE,
        required=False,
        widget=forms.TextInput({"dir": "auto"}),
    )


_FORMS: dict[str, type[Form]] = {"approve": DecisionForm, "decline": DecisionForm, "move": MoveForm, "reissue": Form}
_OPEN_FORMS: dict[str, type[Form]] = {_Status.IN_REVIEW: DecisionForm, _Status.WAITLISTED: MoveForm}


@never_cache
@require_safe
@login_required
def people_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List who is registered, in whatever status, the latest first. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = PeopleForm(request.GET)
    found = _find(request, event, form)
    context = {"event": event, "form": form, "people": people(event, found.rows) if found else [], "page": found}
    return render(request, "web/organise/people.html", context)


@own_page
def person_page(request: HttpRequest, event_id: UUID, registration_id: UUID) -> HttpResponse:
    """Show one of them, with what can be decided; POST decides it, and leads back to the event's desk."""
    event = find_for(Right.EDIT, request.user, event_id)
    registration = find_to_decide(registration_id, request.user)
    if registration.event_id != event.pk:
        raise NotFoundError
    deed = request.POST.get("deed", "")
    if deed == "note":
        return _note(request, event, registration)
    if request.method == "POST":
        form = _form(deed, request.POST)
        if form.is_valid() and (done := _decide(deed, registration, form, audit.actor_of(request.user))):
            return told(request, event.pk, done)
        registration.refresh_from_db()  # things may not be as the page said
    else:
        form = _OPEN_FORMS.get(registration.status, Form)()
    return _show_person(request, event, registration, form)


def _note(request: HttpRequest, event: Event, registration: Registration) -> HttpResponse:
    form = NoteForm(request.POST)
    if form.is_valid():
        try:
            set_note(registration, form.cleaned_data["text"], actor=audit.actor_of(request.user))
        except REFUSED as error:
            form.refuse(error)
        else:
            return told(request, event.pk, gettext("The note on %s is kept.") % registration.full_name)
    return _show_person(request, event, registration, form)


def _show_person(request: HttpRequest, event: Event, registration: Registration, form: Form) -> HttpResponse:
    note = DoorNote.objects.filter(registration=registration).first()
    changes = list(LineChange.objects.filter(registration=registration))
    return show(
        request,
        "web/organise/person.html",
        form,
        event=event,
        registration=registration,
        position=people(event, [registration])[0].position,
        is_open=_OPEN_FORMS.get(registration.status) is type(form),
        answers=shown_answers(registration, ""),
        can_reissue=Ticket(registration, None).can_reissue,
        changes=changes,
        note_form=form if isinstance(form, NoteForm) else NoteForm(initial={"text": note.text if note else ""}),
        names=names_of({change.actor for change in changes}),
    )


def _form(deed: str, data: Any) -> Form:
    if deed not in _FORMS:
        raise InvalidError(gettext("The request is malformed."))
    return _FORMS[deed](data)


def _decide(deed: str, registration: Registration, form: Form, actor: str) -> str:
    """Return what was done; empty where a rule said no, which the form tells."""
    reason, name = form.cleaned_data.get("reason", ""), {"name": registration.full_name}
    try:
        if deed == "reissue":
            reissue_ticket(registration, actor=actor)
            return gettext("%(name)s gets a new ticket by mail. The old one opens no door any more.") % name
        if deed == "approve":
            approve(registration, reason=reason, actor=actor)
            return gettext("%(name)s is let in, and told so.") % name
        if deed == "decline":
            decline(registration, reason=reason, actor=actor)
            return gettext("%(name)s is declined, and told so.") % name
        if position(registration) != form.cleaned_data["position"]:  # an impatient finger moves once
            move_in_line(registration, form.cleaned_data["position"], reason=reason, actor=actor)
        return gettext("%(name)s has another place in line.") % name
    except REFUSED as error:
        form.refuse(error)
        return ""


def _find(request: HttpRequest, event: Event, form: PeopleForm) -> Page[Registration] | None:
    """Return a page of who is found; None for what can't be looked for."""
    if not form.is_valid():
        return None
    wanted = form.cleaned_data
    found = Registration.objects.filter(event=event).order_by("-id")
    if wanted["q"]:
        found = found.matching(wanted["q"])
    exact = {name: wanted[name] for name in ("status", "attendance_type") if wanted[name]}
    return page_of(request, found.filter(**exact))
