"""One's events with their figures, and each of them at a glance."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from turnout.accounts.models import User
from turnout.accounts.policies import is_facilitator, refusal, runs_platform
from turnout.accounts.queries import names_of
from turnout.certificates.actions.events import clone_event
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.idempotency import once
from turnout.events.dates import Start
from turnout.events.gaps import gaps, hints
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.actions.events import EventChange, change_event
from turnout.registrations.models import LineChange, Registration
from turnout.reports.desk import events_of, overview, standings
from turnout.reports.door import standing
from turnout.reports.people import people
from turnout.web.forms import REFUSED, Form, own_page, self_of, sent, show
from turnout.web.organise.charts import chart_of
from turnout.web.organise.happenings import WORDS, happenings, last_number
from turnout.web.pages import page_of

_LATEST = 10  # changes of the line's order
_Status = Registration.Status


@never_cache
@require_safe
@login_required
def events_page(request: HttpRequest) -> HttpResponse:
    """List the events somebody owns or manages: what is to come, the soonest first, or what is over."""
    user = self_of(request)
    if not _may_own(user) and not Event.objects.run_by(user).exists():
        raise refusal(user)
    mine, is_past = events_of(user, team=True), "past" in request.GET
    over = mine.filter(ends_at__lt=now()).order_by("-starts_at", "-id")
    listed = page_of(request, over if is_past else mine.not_over().order_by("starts_at", "id"))
    context = {"standings": standings(listed.rows), "page": listed, "is_past": is_past}
    return render(request, "web/organise/events.html", context)


@never_cache
@require_safe
@login_required
def desk_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show how an event stands, who waits for a word, and who waits for a seat. For its owner and managers."""
    return _desk(request, _edited(request, event_id))


@never_cache
@require_POST
@login_required
def publish(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Publish a draft; where something is missing, the page says all of it."""
    event = _edited(request, event_id)
    try:
        if event.status != Event.Status.PUBLISHED:
            change_event(event, EventChange({"status": Event.Status.PUBLISHED}), actor=audit.actor_of(request.user))
    except ConflictError as error:
        return _desk(request, _edited(request, event_id), refused=error.detail)
    return told(request, event_id, gettext("Everybody can find this event now."))


class CloneForm(Form):
    """What is different about the copy, under the names of the API."""

    title = forms.CharField(label=_("Title"), max_length=200)
    starts_at = forms.CharField(
        label=_("When it starts"),
        help_text=_("As clocks there show it. Every other time moves along."),
        widget=forms.TextInput({"type": "datetime-local", "dir": "ltr"}),
    )
    # The same form sent twice, by an impatient finger, is one copy.
    once = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, event: Event, data: Any = None) -> None:
        start = event.starts_at.astimezone(event.zone).strftime("%Y-%m-%dT%H:%M")
        super().__init__(data, initial={"title": event.title, "starts_at": start, "once": uuid4()})

    def clean_starts_at(self) -> datetime:
        """Read the time."""
        try:
            return datetime.fromisoformat(self.cleaned_data["starts_at"])
        except ValueError as error:
            raise forms.ValidationError(gettext("Write it like 2030-05-16T18:30."), "invalid") from error


@own_page
def clone_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Ask when the copy is; then it is there, as a draft of who asked."""
    event, user = _edited(request, event_id), self_of(request)
    if not _may_own(user):
        raise refusal(user)
    form = CloneForm(event, sent(request))
    if form.is_valid():
        try:
            copy = _clone(event, user, form)
        except REFUSED as error:
            form.refuse(error)
        else:
            return told(request, copy, gettext("This is the copy: a draft that nobody else sees yet."))
    return show(request, "web/organise/clone.html", form, event=event)


def told(request: HttpRequest, event_id: UUID | str, text: str) -> HttpResponse:
    """Say at an event's desk what was done."""
    messages.info(request, text, extra_tags="desk")
    return redirect("desk", event_id)


def _edited(request: HttpRequest, event_id: UUID) -> Event:
    return find_for(Right.EDIT, request.user, event_id, Event.objects.with_details())


def _may_own(user: User) -> bool:
    return is_facilitator(user) or runs_platform(user)


def _clone(event: Event, user: User, form: CloneForm) -> str:
    """Return the id of the copy."""
    title, clock = form.cleaned_data["title"], form.cleaned_data["starts_at"]
    actor = audit.actor_of(user)

    def deed() -> tuple[int, dict[str, Any]]:
        copy = clone_event(event, Start(clock, "/starts_at"), {"owner": user, "title": title}, actor=actor)
        return 201, {"id": str(copy.pk)}

    key = form.cleaned_data["once"] or uuid4()
    return str(once((actor, "clone", str(event.pk), str(key), title, clock.isoformat()), b"", deed)[1]["id"])


def _desk(request: HttpRequest, event: Event, *, refused: str = "") -> HttpResponse:
    after, registered = last_number(event), Registration.objects.filter(event=event)
    by_type = any(pool.attendance_type for pool in event.pools.all())
    order = ("attendance_type", "place", "id") if by_type else ("place", "id")
    reviewed = page_of(request, registered.filter(status=_Status.IN_REVIEW).order_by("id"), "review")
    waiting = page_of(request, registered.filter(status=_Status.WAITLISTED).order_by(*order), "line")
    changes = list(LineChange.objects.filter(registration__event=event).select_related("registration")[:_LATEST])
    is_draft, stands = event.status == Event.Status.DRAFT, overview(event)
    context = {
        "event": event,
        "overview": stands,
        "chart": chart_of([day.registered for day in stands.days]),
        "door": None if is_draft else standing(event.pk),
        "by_type": by_type,
        "reviewed": people(event, reviewed.rows),
        "reviewed_page": reviewed,
        "waiting": people(event, waiting.rows),
        "waiting_page": waiting,
        "changes": changes,
        "names": names_of({change.actor for change in changes}),
        "gaps": gaps(event, event.pools.all(), event.sessions.all(), now()) if is_draft else [],
        "hints": hints(event) if is_draft else [],
        "may_clone": _may_own(self_of(request)),
        "refused": refused,
        "after": after,
        "happenings": [] if is_draft else happenings(event, after),
        "words": WORDS,
    }
    return render(request, "web/organise/desk.html", context, status=409 if refused else 200)
