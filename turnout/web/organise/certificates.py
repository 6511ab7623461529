"""Who gets a certificate of an event: issued by its rule or by hand, corrected and revoked by its team."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from turnout.certificates import actions
from turnout.certificates.earning import criteria, rules_of
from turnout.certificates.models import LEAST_HOURS, MOST_HOURS, Certificate, Role, Standing
from turnout.certificates.queries import certifying, chain
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.contact import LONGEST_NAME, mail_address, person_name
from turnout.core.errors import InvalidError, NotFoundError
from turnout.core.paging import Page
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.models import Registration
from turnout.reports.certified import candidates, progress, uncertified
from turnout.web.certificates import Paper
from turnout.web.forms import REFUSED, Form, own_page, sent, show
from turnout.web.pages import page_of

LONGEST_REASON = 500  # what a version keeps
_LONGEST_SEARCH = 200
_BY_HAND = [role for role in Role if role != Role.PARTICIPANT]


class FindForm(forms.Form):
    """Which certificates are looked for, under the names of the API."""

    q = forms.CharField(label=_("Name or address"), max_length=200, required=False)
    role = forms.ChoiceField(label=_("Role"), choices=[("", _("Any")), *Role.choices], required=False)
    status = forms.ChoiceField(
        label=_("Status"),
        choices=[("", _("Any")), *((each, each.label) for each in Standing if each != Standing.SUPERSEDED)],
        required=False,
    )


class HandForm(Form):
    """Somebody who spoke, organised or helped, under the names of the API."""

    role = forms.ChoiceField(label=_("Role"), choices=[(each, each.label) for each in _BY_HAND])
    full_name = forms.CharField(
        label=_("Name"),
        help_text=_("As it should stand on the certificate."),
        max_length=LONGEST_NAME,
        widget=forms.TextInput({"dir": "auto", "autocomplete": "off"}),
    )
    email = forms.CharField(
        label=_("Mail address (optional)"),
        help_text=_("The link to it goes there. Without one you hand it on yourself."),
        required=False,
        widget=forms.EmailInput({"dir": "ltr", "autocomplete": "off"}),
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("The event's")), *settings.LANGUAGES], required=False
    )
    hours = forms.DecimalField(
        label=_("Hours credited (optional)"),
        min_value=LEAST_HOURS,
        max_value=MOST_HOURS,
        max_digits=6,
        decimal_places=2,
        required=False,
    )

    def clean_full_name(self) -> str:
        """Check the name."""
        return person_name(self.cleaned_data["full_name"])

    def clean_email(self) -> str:
        """Check the address."""
        return mail_address(self.cleaned_data["email"]) if self.cleaned_data["email"] else ""

    def named(self) -> actions.Named:
        """Return whom it names."""
        return actions.Named(**{name: value for name, value in self.cleaned_data.items() if name != "role"})


class MissingForm(Form):
    """Who is to have one."""

    registration = forms.UUIDField(widget=forms.HiddenInput)


class CorrectForm(Form):
    """The name as it should be, and why."""

    full_name = forms.CharField(
        label=_("Name"), max_length=LONGEST_NAME, widget=forms.TextInput({"dir": "auto", "autocomplete": "off"})
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Whoever verifies an older paper reads it, such as “A letter was missing”."),
        max_length=LONGEST_REASON,
        widget=forms.TextInput({"dir": "auto"}),
    )

    def clean_full_name(self) -> str:
        """Check the name."""
        return person_name(self.cleaned_data["full_name"])


class RevokeForm(Form):
    """Why it holds no more."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Its holder gets it by mail, and whoever verifies it reads it."),
        max_length=LONGEST_REASON,
        widget=forms.TextInput({"dir": "auto", "id": "id_revoked_reason"}),
    )


@own_page
def certificates_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show how the event's certificates stand, and list them; POST issues what is earned. For owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = Form(sent(request))
    if form.is_valid():
        try:
            issued = len(actions.issue_earned(event, actor=audit.actor_of(request.user)))
        except REFUSED as error:
            form.refuse(error)
        else:
            return _done(request, event, _counted(issued))
    wanted, rules = FindForm(request.GET), rules_of(event)
    page = _find(request, event, wanted)
    more: dict[str, Any] = {
        "event": event,
        "find": wanted,
        "page": page,
        "progress": progress(event),
        "rules": rules,
        "decided": bool(certifying([event.pk])),
        "criteria": criteria(event, rules, get_language() or "en"),
        "can_issue": _can_issue(event),
    }
    return show(request, "web/organise/certificates.html", form, **more)


@own_page
def missing_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List who holds a seat and has no certificate, with what they lack; POST issues to one. For owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = MissingForm(sent(request))
    if form.is_valid():
        try:
            issued = actions.issue_to(_registered(event, form), actor=audit.actor_of(request.user))
        except REFUSED as error:
            form.refuse(error)
        else:
            return _done(request, event, gettext("%(name)s has a certificate.") % {"name": issued.full_name}, "missing")
    asked = request.GET.get("q", "")[:_LONGEST_SEARCH]
    found = uncertified(event).order_by("full_name", "id")
    page = page_of(request, found.matching(asked) if asked else found)
    more: dict[str, Any] = {"people": candidates(event, page.rows), "page": page, "q": asked, "rules": rules_of(event)}
    return show(
        request, "web/organise/certificates_missing.html", form, event=event, can_issue=_can_issue(event), **more
    )


@own_page
def new_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Ask for a speaker, an organiser or a volunteer; POST issues to them. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = HandForm(sent(request))
    if form.is_valid():
        role, actor = Role(form.cleaned_data["role"]), audit.actor_of(request.user)
        try:
            issued = actions.issue_by_hand(event, role, form.named(), actor=actor)
        except REFUSED as error:
            form.refuse(error)
        else:
            messages.info(request, gettext("This is their certificate."), extra_tags="desk")
            return redirect("event-certificate", event.pk, issued.pk)
    return show(request, "web/organise/certificate_new.html", form, event=event, can_issue=_can_issue(event))


@own_page
def certificate_page(request: HttpRequest, event_id: UUID, certificate_id: UUID) -> HttpResponse:
    """Show one with all its versions; POST corrects its name, or revokes it. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    certificate = Certificate.objects.filter(event=event, pk=certificate_id).first()
    if certificate is None:
        raise NotFoundError
    correct, revoke = CorrectForm(initial={"full_name": certificate.full_name}), RevokeForm()
    form: Form = correct
    match request.POST.get("deed"):
        case "correct":
            form = correct = CorrectForm(request.POST)
        case "revoke":
            form = revoke = RevokeForm(request.POST)
        case _ if request.method == "POST":
            raise InvalidError(gettext("The request is malformed."))
    if form.is_valid() and (done := _changed(certificate, form, audit.actor_of(request.user))):
        messages.info(request, done, extra_tags="desk")
        return redirect(request.path)
    certificate.refresh_from_db()
    versions = chain(certificate)
    more: dict[str, Any] = {
        "certificate": certificate,
        "versions": versions,
        "paper": Paper(versions[0].says) if versions[0].snapshot else None,
        "correct": correct,
        "revoke": revoke,
    }
    return show(request, "web/organise/certificate.html", form, event=event, **more)


def _changed(certificate: Certificate, form: Form, actor: str) -> str:
    """Return what was done; empty where a rule said no, which the form tells."""
    given = form.cleaned_data
    try:
        if isinstance(form, CorrectForm):
            actions.correct(certificate, given["full_name"], given["reason"], actor=actor)
            return gettext("The name is corrected. Its address stays the same, and older papers lead to the new one.")
        actions.revoke(certificate, given["reason"], actor=actor)
        return gettext("It is revoked: everybody who verifies it sees that, and the reason.")
    except REFUSED as error:
        form.refuse(error)
        return ""


def _registered(event: Event, form: "MissingForm") -> Registration:
    found = Registration.objects.filter(event=event, pk=form.cleaned_data["registration"]).first()
    if found is None:
        raise NotFoundError
    found.event = event
    return found


def _done(request: HttpRequest, event: Event, text: str, then: str = "") -> HttpResponse:
    messages.info(request, text, extra_tags="desk")
    return redirect("event-certificates-missing" if then else "event-certificates", event.pk)


def _counted(issued: int) -> str:
    if not issued:
        return gettext("Nobody else has earned one.")
    words = ngettext("%(count)d certificate is issued.", "%(count)d certificates are issued.", issued)
    return words % {"count": issued}


def _can_issue(event: Event) -> bool:
    return event.status != Event.Status.CANCELLED and event.ends_at <= now()


def _find(request: HttpRequest, event: Event, form: FindForm) -> Page[Certificate] | None:
    """Return a page of what is found; None for what can't be looked for."""
    if not form.is_valid():
        return None
    wanted, found = form.cleaned_data, Certificate.objects.filter(event=event)
    if wanted["q"]:
        found = found.matching(wanted["q"])
    if wanted["role"]:
        found = found.filter(role=wanted["role"])
    if wanted["status"]:
        found = found.standing(wanted["status"])
    return page_of(request, found)
