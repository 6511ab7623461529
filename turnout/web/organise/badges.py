"""Badges and name labels to print."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.core.errors import ConflictError, InvalidError
from turnout.events.models import AttendanceType, Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.badges import LAYOUT_NAMES, LONGEST_LINE, MOST, Wanted, badges, file_name, to_show
from turnout.registrations.models import Registration
from turnout.web.forms import Form, show
from turnout.web.templatetags.turnout import STATUS_NAMES

_MOST_PARTS = 10**6


class BadgesForm(Form):
    """Whose badges, and what they are like, under the names of the API."""

    layout = forms.ChoiceField(label=_("Paper"), choices=list(LAYOUT_NAMES.items()))
    start = forms.IntegerField(
        label=_("Begin at label (optional)"),
        help_text=_("Where some labels of the first sheet are gone already: counted from 1, row by row."),
        min_value=1,
        required=False,
    )
    status = forms.ChoiceField(  # type: ignore[assignment]  # a field, not the answer's status
        label=_("Status"), choices=list(STATUS_NAMES.items())
    )
    attendance_type = forms.ChoiceField(
        label=_("Attendance"), choices=[("", _("Any")), *AttendanceType.choices], required=False
    )
    question = forms.ChoiceField(label=_("An answer under the name (optional)"), required=False)
    line = forms.CharField(
        label=_("The last line (optional)"),
        help_text=_("The same for all, such as Speaker; otherwise it is how they attend, if there are several ways."),
        max_length=LONGEST_LINE,
        required=False,
        widget=forms.TextInput({"dir": "auto"}),
    )
    qr = forms.BooleanField(label=_("With the ticket's QR code"), required=False)
    page = forms.IntegerField(
        label=_("Part (optional)"),
        help_text=_("One file has at most %d badges; of more you get one part after the other, from 1 on.") % MOST,
        min_value=1,
        max_value=_MOST_PARTS,
        required=False,
    )

    def __init__(self, event: Event, data: Any = None) -> None:
        super().__init__(data, initial={"status": Registration.Status.CONFIRMED})
        choices = [(str(question.key), question.label) for question in to_show(event)]
        self.fields["question"].choices = [("", "—"), *choices]  # type: ignore[attr-defined]  # it is a choice
        if not choices:
            del self.fields["question"]

    def wanted(self) -> Wanted:
        """Return what badges are to be like."""
        given = self.cleaned_data
        return Wanted(
            layout=given["layout"],
            start=given["start"] or 1,
            question=UUID(given["question"]) if given.get("question") else None,
            line=given["line"] or None,
            qr=given["qr"],
            page=given["page"],
        )


@never_cache
@require_safe
@login_required
def badges_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Ask what badges are to be like, and send them as PDF. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = BadgesForm(event, request.GET if "layout" in request.GET else None)
    if form.is_valid():
        try:
            return _file(event, form)
        except (InvalidError, ConflictError) as error:
            form.refuse(error)
    return show(request, "web/organise/badges.html", form, event=event)


def _file(event: Event, form: BadgesForm) -> HttpResponse:
    exact = {name: form.cleaned_data[name] for name in ("status", "attendance_type") if form.cleaned_data[name]}
    wanted = form.wanted()
    pdf = badges(event, Registration.objects.filter(event=event, **exact), wanted)
    disposition = content_disposition_header(as_attachment=True, filename=file_name(event, wanted))
    return HttpResponse(pdf, "application/pdf", headers={"Content-Disposition": disposition})
