"""Mail from an event's team to those registered: writing it, what became of it, and what could not be sent."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.core import audit
from turnout.core.errors import InvalidError
from turnout.core.idempotency import once
from turnout.events.models import AttendanceType, Event, Question
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.notifications.actions import send_again, send_all_again
from turnout.registrations.mailings.actions import Draft, send_mailing, stop_mailing
from turnout.registrations.mailings.limits import admit_again, admit_mailing, admit_one_again, admit_preview
from turnout.registrations.mailings.mails import KNOWN, check_draft, preview
from turnout.registrations.mailings.queries import deliveries, find_mailing, mailings_of, progress, recipients_of
from turnout.registrations.mailings.segments import STATUSES, Segment, check_segment, chosen
from turnout.registrations.models import Registration
from turnout.registrations.owed import failed, find_message, messages_of, owed
from turnout.registrations.texts.models import LONGEST_BODY, LONGEST_SUBJECT
from turnout.registrations.texts.writing import Text
from turnout.reports.segments import among
from turnout.web.events import Request
from turnout.web.forms import REFUSED, Form, own_page, self_of, sent, show
from turnout.web.pages import page_of
from turnout.web.templatetags.turnout import STATUS_NAMES

_Type = Question.Type


class TextForm(Form):
    """A subject and a body, with placeholders."""

    subject = forms.CharField(
        label=_("Subject"), max_length=LONGEST_SUBJECT, widget=forms.TextInput({"dir": "auto", "autocomplete": "off"})
    )
    body = forms.CharField(
        label=_("Text"), max_length=LONGEST_BODY, strip=False, widget=forms.Textarea({"dir": "auto", "rows": 12})
    )

    def text(self) -> Text:
        """Return what is typed, lines ending as we keep them."""
        return Text(self.cleaned_data["subject"], self.cleaned_data["body"].replace("\r\n", "\n"))


class MailingForm(TextForm):
    """What to say to whom, under the names of the API."""

    status = forms.MultipleChoiceField(  # type: ignore[assignment]  # the form's own status is no field
        label=_("To whom"),
        choices=[(status, STATUS_NAMES[Registration.Status(status)]) for status in STATUSES],
        widget=forms.CheckboxSelectMultiple,
        initial=list(Segment().status),
    )
    attendance_type = forms.ChoiceField(
        label=_("Attendance"), choices=[("", _("Any")), *AttendanceType.choices], required=False
    )
    answer = forms.ChoiceField(label=_("Who answered"), required=False)
    reply_to = forms.BooleanField(label=_("Answers go to my own mail address, which everybody sees"), required=False)
    # The same form sent twice, by an impatient finger, is one mailing.
    once = forms.UUIDField(widget=forms.HiddenInput, required=False)
    field_order = ("status", "attendance_type", "answer", "subject", "body", "reply_to")

    def __init__(self, event: Event, data: Any = None) -> None:
        super().__init__(data, initial={"once": uuid4()})
        self.answers = _answers(event)
        groups: list[tuple[str, Any]] = [("", _("Anything"))]
        groups += [
            (question.label, [(f"{question.key} {number}", label) for number, (label, _value) in enumerate(choices)])
            for question, choices in self.answers.values()
        ]
        self.fields["answer"].choices = groups  # type: ignore[attr-defined]
        if not self.answers:
            del self.fields["answer"]

    def segment(self) -> Segment:
        """Return who is chosen."""
        wanted = self.cleaned_data
        answer: dict[str, object] = {}
        if wanted.get("answer"):
            key, number = wanted["answer"].split()
            answer[key] = self.answers[key][1][int(number)][1]
        return Segment(status=tuple(wanted["status"]), attendance_type=wanted["attendance_type"], answer=answer)

    def draft(self) -> Draft:
        """Return all of it."""
        return Draft(self.text(), self.segment(), self.cleaned_data["reply_to"])


@own_page
def mail_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show what the team wrote and what could not be sent; POST stops the one, or sends the other again.

    For the event's owner and managers.
    """
    event = find_for(Right.EDIT, request.user, event_id)
    if request.method == "POST":
        messages.info(request, _do(event, request.POST, audit.actor_of(request.user)), extra_tags="desk")
        return redirect("event-mail", event.pk)
    written = page_of(request, mailings_of(event), "mailings")
    given_up = page_of(request, failed(event), "failed")
    context = {
        "event": event,
        "mailings": progress(written.rows),
        "mailings_page": written,
        "failed": owed(given_up.rows),
        "failed_page": given_up,
    }
    return render(request, "web/organise/mail.html", context)


@never_cache
@require_safe
@login_required
def mailing_page(request: HttpRequest, event_id: UUID, mailing_id: UUID) -> HttpResponse:
    """Show one of them: what it said to whom, and what became of it there. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    mailing = find_mailing(event, mailing_id)
    listed = page_of(request, recipients_of(mailing))
    context = {"event": event, "each": progress([mailing])[0], "deliveries": deliveries(listed.rows), "page": listed}
    return render(request, "web/organise/mailing.html", context)


@own_page
def new_mailing_page(request: Request, event_id: UUID) -> HttpResponse:
    """Ask what to say to whom, and say to how many that is; show it before it is sent. For owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = MailingForm(event, sent(request))
    if request.htmx:
        return render(request, "web/organise/count.html", {"count": _count(request, event, form)})
    shown: dict[str, Any] = {"event": event, "placeholders": KNOWN}
    if request.method != "POST":
        shown["count"] = len(chosen(event, Segment(), among(event, Segment())))
    elif form.is_valid():
        try:
            if request.POST.get("deed") == "send":
                count = _send(request, event, form)
                told = ngettext("The mail goes to %d person.", "The mail goes to %d people.", count) % count
                messages.info(request, told, extra_tags="desk")
                return redirect("event-mail", event.pk)
            admit_preview(self_of(request))
            draft = form.draft()
            shown["preview"] = preview(event, draft.text, draft.segment)
            shown["count"] = len(chosen(event, draft.segment, among(event, draft.segment)))
        except REFUSED as error:
            form.refuse(error)
    return show(request, "web/organise/mail_new.html", form, **shown)


def _do(event: Event, asked: Any, actor: str) -> str:
    """Do what is asked for, and say what was done."""
    deed, of = asked.get("deed", ""), asked.get("of", "")
    if deed == "again_all":
        admit_again(event)
        count = send_all_again(messages_of(event), actor=actor)
        return ngettext("%d mail is sent again.", "%d mails are sent again.", count) % count
    try:
        of = UUID(of)
    except ValueError as error:
        raise InvalidError(gettext("The request is malformed.")) from error
    if deed == "stop":
        stop_mailing(find_mailing(event, of), actor=actor)
        return gettext("It is stopped: what was not sent is not going to be.")
    if deed == "again":
        message = find_message(event, of)
        admit_one_again(event)
        send_again(message, actor=actor)
        return gettext("The mail is sent again.")
    raise InvalidError(gettext("The request is malformed."))


def _send(request: HttpRequest, event: Event, form: MailingForm) -> int:
    """Send it, and return to how many it goes."""
    user, draft = self_of(request), form.draft()

    def first() -> None:
        check_draft(event, draft.text, draft.segment)
        admit_mailing(event, user)

    def deed() -> tuple[int, dict[str, Any]]:
        return 201, {"count": send_mailing(event, draft, among(event, draft.segment), author=user).count}

    key = form.cleaned_data["once"] or uuid4()
    whose = (audit.actor_of(user), "mailing", str(event.pk), str(key), repr(draft))
    return int(once(whose, b"", deed, first=first)[1]["count"])


def _count(request: HttpRequest, event: Event, form: MailingForm) -> int | None:
    """Return how many a form that may be half filled in chooses; None where that can't be said."""
    form.is_valid()
    if not {"status", "attendance_type"} <= form.cleaned_data.keys():
        return None
    segment = form.segment()
    admit_preview(self_of(request))
    try:
        check_segment(event, segment)
        return len(chosen(event, segment, among(event, segment)))
    except InvalidError:
        return None


def _answers(event: Event) -> dict[str, tuple[Question, list[tuple[str, object]]]]:
    """Return the questions that have few answers, by their keys, each with its answers as they are shown and kept."""
    yes_or_no: list[tuple[str, object]] = [(gettext("Yes"), True), (gettext("No"), False)]
    found = {}
    for question in Question.objects.asked_at(event.pk):
        if question.type == _Type.YES_NO:
            found[str(question.key)] = (question, yes_or_no)
        elif question.type in Question.WITH_CHOICES:
            found[str(question.key)] = (question, [(choice, choice) for choice in question.choices])
    return found
