"""By what an event's certificates are earned, as its team decides it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from turnout.certificates.actions.rules import DECIDED, set_rules
from turnout.certificates.models import LEAST_HOURS, MOST_HOURS, MOST_MINUTES, CertificateRules
from turnout.core import audit
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.web.forms import REFUSED, Form, own_page, sent, show


class RulesForm(Form):
    """What is asked of participants, under the names of the API."""

    min_attendance_percent = forms.IntegerField(
        label=_("Percent of the sessions"),
        help_text=_("So many of them one has to attend; 0: to be checked in once is enough."),
        min_value=0,
        max_value=100,
    )
    min_minutes = forms.IntegerField(
        label=_("Minutes"),
        help_text=_("So long one has to be there in all; 0: however long. What is asked has to be met all together."),
        min_value=0,
        max_value=MOST_MINUTES,
    )
    required_sessions = forms.MultipleChoiceField(
        label=_("Sessions that nobody may miss"), required=False, widget=forms.CheckboxSelectMultiple
    )
    by_hand = forms.BooleanField(
        label=_("You choose who gets one"),
        help_text=_("Of those who were there as long as asked."),
        required=False,
    )
    automatic = forms.BooleanField(
        label=_("Issue them on their own"),
        help_text=_("Once the event has ended, and again as scans that were made without network come in."),
        required=False,
    )
    hours = forms.DecimalField(
        label=_("Hours credited (optional)"),
        help_text=_("The same for everybody. Empty: as long as each was there, in quarters of an hour."),
        min_value=LEAST_HOURS,
        max_value=MOST_HOURS,
        max_digits=6,
        decimal_places=2,
        required=False,
    )

    def __init__(self, event: Event, rules: CertificateRules, data: Any = None) -> None:
        super().__init__(data, initial={name: getattr(rules, name) for name in DECIDED})
        sessions = event.sessions.order_by("starts_at", "id").values_list("pk", "title")
        choices = [(str(pk), title) for pk, title in sessions]
        self.fields["required_sessions"].choices = choices  # type: ignore[attr-defined]  # it is a choice
        if not choices:
            del self.fields["required_sessions"]


@own_page
def rules_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show by what certificates are earned; POST decides it. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    rules = CertificateRules.objects.filter(pk=event.pk).first() or CertificateRules(event=event)
    form = RulesForm(event, rules, sent(request))
    if form.is_valid():
        try:
            set_rules(event, form.cleaned_data, actor=audit.actor_of(request.user))
        except REFUSED as error:
            form.refuse(error)
        else:
            messages.info(request, gettext("The rule is saved."), extra_tags="desk")
            return redirect("event-certificates", event.pk)
    return show(request, "web/organise/certificate_rules.html", form, event=event)
