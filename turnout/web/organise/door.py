"""The desk of the door: who is in, who is missing, and what does not fit together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from turnout.attendance.actions.corrections import resolve, undo
from turnout.attendance.actions.scanning import check_in
from turnout.attendance.cases import Attempt
from turnout.attendance.doorkeepers import Doorkeeper, names_of
from turnout.attendance.models import Scan
from turnout.attendance.queries import find_scan
from turnout.core.clock import now
from turnout.core.errors import InvalidError, NotFoundError
from turnout.events.models import AttendanceType, Event, Session
from turnout.events.policies import Right, may
from turnout.events.queries import find_for, standing
from turnout.registrations.models import RegistrationQuerySet
from turnout.reports.door import clocks_off, expected_at, missing, repeated, scans_of, summary
from turnout.web.forms import REFUSED, Form, own_page, self_of, sent
from turnout.web.organise.charts import chart_of
from turnout.web.organise.happenings import last_number
from turnout.web.pages import page_of

_LATEST = 15
_LONGEST_REASON = 500
# What the page asks for anew while somebody looks on, by the id of what it puts it into.
_PARTS = {"seen": "web/organise/door_seen.html", "latest": "web/organise/door_latest.html"}


class ReasonForm(Form):
    """Why something about a scan is set right."""

    scan_id = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST_REASON)


class MissingForm(forms.Form):
    """Who is looked for, under the names of the API."""

    q = forms.CharField(label=_("Name"), max_length=200, required=False)
    session = forms.ModelChoiceField(Session.objects.none(), label=_("Where"), required=False)
    attendance_type = forms.ChoiceField(
        label=_("Attendance"), choices=[("", _("Any")), *AttendanceType.choices], required=False
    )

    def __init__(self, event: Event, data: Any = None) -> None:
        super().__init__(data)
        place: Any = self.fields["session"]
        place.queryset = Session.objects.filter(event=event).order_by("starts_at", "id")
        place.empty_label = _("Anywhere at the event")
        place.label_from_instance = lambda session: session.title


class LetInForm(forms.Form):
    """Who is let in by hand, and where."""

    registration = forms.UUIDField()
    session = forms.UUIDField(required=False)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A scan that the team has to look at, in words."""

    scan: Scan
    entry: Scan | None  # of who went in twice: by which they were in already
    words: SafeString
    undoes: list[tuple[str, str]]  # scans that can be undone: where and when, and the name


@own_page
def door_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show how the event's doors stand, as it happens; POST undoes a scan. For all of its team."""
    keeper = Doorkeeper.of_person(self_of(request))
    event = keeper.event_for(event_id)
    form = ReasonForm(sent(request))
    if form.is_valid() and _undone(keeper, event, form):
        messages.info(request, gettext("The scan counts no more."), extra_tags="desk")
        return redirect("door", event.pk)
    part = _PARTS.get(request.htmx.target or "") if request.htmx else None  # type: ignore[attr-defined]  # its middleware's
    context = _door(request, event) | {"form": form, "part": part}
    return render(request, part or "web/organise/door.html", context, status=form.status)


@own_page
def missing_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List who is expected and did not come; POST checks somebody in by hand. For all of the event's team."""
    keeper = Doorkeeper.of_person(self_of(request))
    event = keeper.event_for(event_id)
    if request.method == "POST":
        messages.info(request, _let_in(keeper, event, request.POST), extra_tags="desk")
        return redirect(request.get_full_path())
    form = MissingForm(event, request.GET)
    found = page_of(request, _absent(event, form)) if form.is_valid() else None
    context = {"event": event, "form": form, "page": found, "hybrid": len(event.attendance_types) > 1}
    return render(request, "web/organise/door_missing.html", context)


@own_page
def conflicts_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List what does not fit together; POST resolves it, or undoes a scan. For the event's owner and managers."""
    event, keeper = find_for(Right.EDIT, request.user, event_id), Doorkeeper.of_person(self_of(request))
    form = ReasonForm(_meant(request.POST) if request.method == "POST" else None)
    if form.is_valid():
        done = _undone(keeper, event, form) if "undo" in request.POST else _resolved(keeper, event, form)
        if done:
            messages.info(request, gettext("That is settled."), extra_tags="desk")
            return redirect("door-conflicts", event.pk)
    page = page_of(request, scans_of(event).open_conflicts())
    clocks = clocks_off(event)
    context = {"event": event, "form": form, "page": page, "conflicts": _conflicts(event, page.rows), "clocks": clocks}
    return render(request, "web/organise/door_conflicts.html", context, status=form.status)


def _door(request: HttpRequest, event: Event) -> dict[str, Any]:
    after, seen = last_number(event), summary(event)
    scans = list(scans_of(event)[:_LATEST])
    spans = seen.arrivals.spans
    return {
        "event": event,
        "may_edit": may(standing(event, request.user), Right.EDIT),
        "after": after,
        "summary": seen,
        "chart": chart_of([span.people for span in spans]),
        "sessions": [place for place in seen.places if place.id is not None],
        "scans": scans,
        "names": names_of({scan.undone_by for scan in scans} - {""}),
    }


def _meant(sent_in: QueryDict) -> dict[str, str]:
    """Return what was sent, with the scan that the button names: of two, one is undone."""
    said = {name: str(value) for name, value in sent_in.items()}
    return said | {"scan_id": said.get("undo") or said.get("scan_id", "")}


def _undone(keeper: Doorkeeper, event: Event, form: ReasonForm) -> bool:
    """Undo a scan; False where a rule said no, which the form tells."""
    try:
        undo(_scan(keeper, event, form), form.cleaned_data["reason"], actor=keeper.actor)
    except REFUSED as error:
        form.refuse(error)
        return False
    return True


def _resolved(keeper: Doorkeeper, event: Event, form: ReasonForm) -> bool:
    """Take a conflict off the list; False where there is none, which the form tells."""
    try:
        resolve(_scan(keeper, event, form), form.cleaned_data["reason"], actor=keeper.actor)
    except REFUSED as error:
        form.refuse(error)
        return False
    return True


def _scan(keeper: Doorkeeper, event: Event, form: ReasonForm) -> Scan:
    return find_scan(keeper, form.cleaned_data["scan_id"], event.pk)


def _absent(event: Event, form: MissingForm) -> RegistrationQuerySet:
    wanted = form.cleaned_data
    found = missing(expected_at(event), wanted["session"] and wanted["session"].pk)
    if wanted["attendance_type"]:
        found = found.filter(attendance_type=wanted["attendance_type"])
    return found.named(wanted["q"]) if wanted["q"] else found


def _let_in(keeper: Doorkeeper, event: Event, sent_in: Any) -> str:
    """Check somebody in by hand, and return what it came to. The person who does it is the door."""
    form = LetInForm(sent_in)
    if not form.is_valid():
        raise InvalidError(gettext("The request is malformed."))
    wanted = form.cleaned_data
    answer = check_in(
        keeper,
        Attempt(
            scan_id=str(uuid4()),
            scanned_at=now(),
            registration=wanted["registration"],
            event=event.pk,
            session=wanted["session"],
        ),
    )
    person, scan = answer.case.registration, answer.scan
    if person is None or scan is None:
        raise NotFoundError
    if scan.result == Scan.Result.CHECKED_IN:
        return gettext("%(name)s is checked in.") % {"name": person.full_name}
    reason = Scan.Result(scan.result).label
    return gettext("%(name)s was not checked in: %(reason)s.") % {"name": person.full_name, "reason": reason}


def _conflicts(event: Event, scans: Iterable[Scan]) -> list[Conflict]:
    scans = list(scans)
    entries = repeated(event, scans)
    return [_in_words(scan, entries.get(scan.pk), event.zone) for scan in scans]


def _in_words(scan: Scan, entry: Scan | None, zone: ZoneInfo) -> Conflict:
    """Return what happened as somebody would tell it."""
    told = {
        "name": format_html("<bdi>{}</bdi>", scan.registration.full_name if scan.registration else gettext("Somebody")),
        "door": _bdi(_stood(scan)),
        "time": _clock(scan.at, zone),
        "result": Scan.Result(scan.result).label,
        "first_door": _bdi(_stood(entry)) if entry else "",
        "first_time": _clock(entry.at, zone) if entry else "",
        "received": _clock(scan.received_at, zone),
    }
    undoes = [(f"{_stood(each)}, {_clock(each.at, zone)}", each.scan_id) for each in (entry, scan) if each]
    return Conflict(scan, entry, format_html(_sentence(scan, entry), **told), undoes)


def _sentence(scan: Scan, entry: Scan | None) -> str:
    if entry is not None:
        return gettext("{name} went in at {first_door} at {first_time} and again at {door} at {time}.")
    is_out = scan.direction == Scan.Direction.OUT
    match scan.conflict:
        case Scan.Conflict.CLOCK if is_out:
            return gettext("{name} went out at {door} at {time}, by a clock that is ahead. It was {received}.")
        case Scan.Conflict.CLOCK:
            return gettext("{name} went in at {door} at {time}, by a clock that is ahead. It was {received}.")
        case Scan.Conflict.BAD_TICKET if is_out:
            return gettext("{name} went out at {door} at {time}. {result}.")
        case Scan.Conflict.BAD_TICKET:
            return gettext("{name} went in at {door} at {time}. {result}.")
        case _:
            return gettext("{name} went in at {door} at {time}, and was in already.")


def _bdi(text: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", text)


def _stood(scan: Scan) -> str:
    """Return where a scan was made: at a door, or by a device that stood at none that has a name."""
    return scan.door or scan.device


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    """Return what clocks at the event showed; with the day, if that is not today."""
    local = moment.astimezone(zone)
    is_today = local.date() == now().astimezone(zone).date()
    return date_format(local, "H:i" if is_today else "j M Y, H:i")
