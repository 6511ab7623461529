"""The page on which the holder of a registration sees what their certificate will say, and puts their name right."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from turnout.certificates.actions.naming import correct_name
from turnout.certificates.earning import Lack, criteria, rules_of
from turnout.certificates.models import CertificateRules
from turnout.certificates.proofs import proof_of
from turnout.certificates.queries import certificate_of, certifying, find_version
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.contact import LONGEST_NAME, person_name
from turnout.core.errors import NotFoundError
from turnout.events.models import Event
from turnout.registrations.models import Registration
from turnout.registrations.queries import find
from turnout.reports.certified import Candidate, candidates
from turnout.web.certificates import Paper
from turnout.web.forms import REFUSED, Form, form_page, private, secret_page, sent, show
from turnout.web.standing import held


class NameForm(Form):
    """The name on the certificate, under the name of the API."""

    full_name = forms.CharField(
        label=_("Your name, as it should stand there"),
        max_length=LONGEST_NAME,
        widget=forms.TextInput({"autocomplete": "name", "dir": "auto"}),
    )

    def clean_full_name(self) -> str:
        """Check the name."""
        return person_name(self.cleaned_data["full_name"])


@secret_page
@form_page
def proof_page(request: HttpRequest, registration_id: UUID) -> HttpResponse:
    """Show what a certificate will say; POST corrects the name, until it is issued. For the holder alone."""
    key = (request.POST if request.method == "POST" else request.GET).get("token", "")
    if not key and not request.user.is_authenticated:
        raise NotFoundError
    if not key:
        return _page_of_own(request, registration_id)
    return private(_page(request, find(registration_id, AnonymousUser(), key), key))


@csrf_protect  # here a cookie gives the right
def _page_of_own(request: HttpRequest, registration_id: UUID) -> HttpResponse:
    registration = held(request.user).filter(pk=registration_id).first()
    if registration is None:
        raise NotFoundError
    return _page(request, registration)


def _page(request: HttpRequest, registration: Registration, key: str = "") -> HttpResponse:
    form = NameForm(sent(request), initial={"full_name": registration.full_name})
    if form.is_valid():
        actor = audit.GUEST if key else audit.actor_of(request.user)
        try:
            correct_name(registration, form.cleaned_data["full_name"], actor=actor)
        except REFUSED as error:
            form.refuse(error, "full_name")
        else:
            messages.info(request, gettext("Your name is kept."), extra_tags="desk")
            return HttpResponseRedirect(f"{request.path}?{urlencode({'token': key})}" if key else request.path)
    context = {"registration": registration, "event": registration.event, "token": key, **_shown(registration)}
    return show(request, "web/certificates/proof.html", form, **context)


def _shown(registration: Registration) -> dict[str, Any]:
    event, issued = registration.event, certificate_of(registration)
    if issued is not None:
        version = find_version(issued.pk)
        return {"version": version, "paper": Paper(version.says) if version.snapshot else None}
    if event.status == Event.Status.CANCELLED or registration.status != Registration.Status.CONFIRMED:
        return {}
    rules, proof = rules_of(event), proof_of(registration)
    (own,) = candidates(event, [registration])
    return {
        "paper": Paper(proof.says) if proof.says else None,
        "rules": rules,
        "certifies": bool(certifying([event.pk])),
        "criteria": criteria(event, rules, get_language() or "en"),
        "is_over": event.ends_at <= now(),
        "lacks": _in_words(rules, own) if event.starts_at <= now() else [],
    }


def _in_words(rules: CertificateRules, own: Candidate) -> list[str]:
    """Return what its holder lacks, as they would be told."""
    percent, minutes = own.presence.percent, own.presence.minutes
    stayed = ngettext(
        "You were there for %(own)d minute; %(asked)d are asked.",
        "You were there for %(own)d minutes; %(asked)d are asked.",
        minutes,
    )
    words = {
        Lack.PRESENCE: gettext("You were not checked in."),
        Lack.PERCENT: gettext("You were in %(own)d percent of the sessions; %(asked)d are asked.")
        % {"own": percent, "asked": rules.min_attendance_percent},
        Lack.MINUTES: stayed % {"own": minutes, "asked": rules.min_minutes},
        Lack.SESSIONS: gettext("You were not in every session that is asked."),
    }
    return [words[lack] for lack in own.lacks]
