"""The pages on which events are found and shown."""

from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import replace_url
from django_htmx.middleware import HtmxDetails

from turnout.accounts.policies import is_facilitator, is_seeker
from turnout.core.errors import NotFoundError
from turnout.core.paging import Page
from turnout.events.models import AttendanceType, Event, Session, Speaker
from turnout.events.policies import Right, may
from turnout.events.queries import Search, search, seats_of, standing
from turnout.registrations.queries import barred
from turnout.web.pages import page_of
from turnout.web.standing import own_ticket
from turnout.web.templatetags.turnout import language_name

_LONGEST = 200
# To choose from; any other is found under its code in the address.
_LANGUAGES = ("en", "fr", "ar", "de", "es", "it", "pt", "nl", "pl", "ru", "tr", "ja", "zh")


class SearchForm(forms.Form):
    """What a person looks for, under the names of the API."""

    q = forms.CharField(label=_("What are you looking for?"), max_length=_LONGEST, required=False)
    location = forms.CharField(label=_("Place"), max_length=_LONGEST, required=False)
    language = forms.CharField(label=_("Language"), max_length=_LONGEST, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("Any")), *Event.Kind.choices], required=False)
    attendance_type = forms.ChoiceField(
        label=_("Attendance"), choices=[("", _("Any")), *AttendanceType.choices], required=False
    )

    def languages(self) -> list[tuple[str, str]]:
        """Return codes and names to choose from, by name, the one asked for among them."""
        codes = {*_LANGUAGES, *filter(None, [self["language"].value()])}
        return sorted(((code, language_name(code)) for code in codes), key=lambda pair: pair[1].casefold())

    def narrows(self) -> bool:
        """Tell whether more than words is asked for."""
        return any(self[name].value() for name in ("location", "language", "kind", "attendance_type"))


class Request(HttpRequest):
    """A request as django-htmx's middleware marks it."""

    htmx: HtmxDetails


@require_safe
@vary_on_headers("HX-Request")
def home(request: Request) -> HttpResponse:
    """Show what is coming up, or what is found; its list alone to who types."""
    form = SearchForm(request.GET)
    found = _find(request, form)
    context = {"form": form, "found": found, "asked": any(form.data.get(name) for name in form.fields)}
    if request.htmx and not request.htmx.history_restore_request:
        # Not a step back for every letter.
        return replace_url(render(request, "web/events/results.html", context), _own_address(request))
    return render(request, "web/events/home.html", context)


@require_safe
def event_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show an event with its programme, and the way in."""
    event = find_event(request, event_id)
    context = {
        "event": event,
        "ticket": own_ticket(request.user, event),
        "is_seeker": is_seeker(request.user),
        "is_facilitator": is_facilitator(request.user),
        "can_edit": may(standing(event, request.user), Right.EDIT),
        "barred": barred(event),
        "full": seats_of(event).available == 0,
        "programme": programme(event),
        "speakers": _without_session(event),
    }
    return render(request, "web/events/event.html", context)


def find_event(request: HttpRequest, event_id: UUID) -> Event:
    """Return an event the visitor may know of, with its details; NotFoundError for all others."""
    event = Event.objects.visible_to(request.user).with_details().filter(pk=event_id).first()
    if event is None:
        raise NotFoundError
    return event


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a programme: its rooms by name, sessions without a room last, each in the order of time."""

    date: date
    rooms: dict[str, list[Session]]


def programme(event: Event) -> list[Day]:
    """Return an event's sessions by day and room, as people there read the calendar."""
    by_day = groupby(event.sessions.all(), key=lambda session: localtime(session.starts_at, event.zone).date())
    return [Day(day, _by_room(list(sessions))) for day, sessions in by_day]


def _without_session(event: Event) -> list[Speaker]:
    """Return the event's speakers whom no session names."""
    named = {speaker.pk for session in event.sessions.all() for speaker in session.speakers.all()}
    return [speaker for speaker in event.speakers.all() if speaker.pk not in named]


def _by_room(sessions: list[Session]) -> dict[str, list[Session]]:
    rooms = sorted({session.room for session in sessions}, key=lambda room: (not room, room))
    return {room: [session for session in sessions if session.room == room] for room in rooms}


def _own_address(request: HttpRequest) -> str:
    """Return the address of this page without what was left empty: one that a person can share."""
    asked = {name: text for name, text in request.GET.items() if text}
    return f"{request.path}?{urlencode(asked)}" if asked else request.path


def _find(request: HttpRequest, form: SearchForm) -> Page[Event] | None:
    """Return a page of what is found; None for what can't be looked for."""
    if not form.is_valid():
        return None
    wanted = Search(**form.cleaned_data)
    listed = Event.objects.visible_to(request.user).listed().with_summary()
    return page_of(request, search(listed, wanted, ranked=True))
