"""Events as iCalendar (RFC 5545), which calendars import, subscribe to, and get by mail."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import icalendar
from django.conf import settings
from django.utils.timezone import localtime

from turnout.events.models import Event, Session
from turnout.events.vtimezones import vtimezone
from turnout.events.when import is_shown_twice, whole_days

PRODUCT = "-//Turnout//Turnout//EN"
REFRESHED = timedelta(hours=1)  # how often calendars that subscribed are asked to look
_STATUS = {
    Event.Status.DRAFT: "TENTATIVE",
    Event.Status.PUBLISHED: "CONFIRMED",
    Event.Status.CANCELLED: "CANCELLED",
}
_LONGEST = 1000  # of a description: the event's page has all of it
_MOST_SESSIONS = 20  # that a description names
_DAY = timedelta(days=1)
_YEARS = 10  # of a timezone from its first entry on, which are all reckoned and written out


@dataclass(frozen=True, slots=True)
class Edition:
    """Which state of an entry this is: calendars keep the one with the higher number, then the later one."""

    sequence: int
    written_at: datetime


def calendar(entries: Iterable[icalendar.Event], *, name: str = "", method: str = "") -> bytes:
    """Return entries as a file with every timezone they name; with a name it is one that calendars subscribe to."""
    made = icalendar.Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    if method:
        made.add("method", method)
    if name:
        made.add("x-wr-calname", icalendar.vText(" ".join(text_of(name).split())))
        made.add("refresh-interval", REFRESHED, parameters={"VALUE": "DURATION"})
        made.add("x-published-ttl", icalendar.vDuration(REFRESHED))
    entries = list(entries)
    for zone, years in sorted(_years_by_zone(entries).items()):
        made.add_component(vtimezone(zone, years.start, years.stop - 1))
    for entry in entries:
        made.add_component(entry)
    content: bytes = made.to_ical()
    return content


def event_calendar(event: Event, edition: Edition) -> bytes:
    """Return the file of one event, from what `with_details()` has loaded.

    It is one entry, with its programme in the description. What goes on for days with one session after the other, as a
    course does, is an entry for each session: nobody sits there in between. Where sessions run side by side nobody
    attends them all, and the entry is the event's.
    """
    sessions = list(event.sessions.all())
    if _is_course(event, sessions):
        return calendar([_session_entry(event, session, edition) for session in sessions])
    return calendar([entry(event, edition, sessions=sessions)])


def entry(event: Event, edition: Edition, *, sessions: Sequence[Session] = ()) -> icalendar.Event:
    """Return an event as everybody may see it: never with where it takes place online."""
    made = blank_entry(event, event.id, edition, _STATUS[Event.Status(event.status)])
    put(made, "summary", event.title)
    put(made, "description", description(event, sessions))
    put(made, "location", event.location)
    return made


def blank_entry(event: Event, subject: uuid.UUID, edition: Edition, status: str) -> icalendar.Event:
    """Return an entry under the id of its subject, at the event's time, without a text."""
    made = icalendar.Event()
    made.add("uid", f"{subject}@{urlsplit(settings.PUBLIC_BASE_URL).hostname}")
    made.add("dtstamp", edition.written_at)
    made.add("last-modified", edition.written_at)
    made.add("sequence", edition.sequence)
    made.add("status", status)
    made.add("url", f"{settings.PUBLIC_BASE_URL}/events/{event.id}/")
    _put_time(made, event)
    return made


def put(entry: icalendar.Event, name: str, text: str) -> None:
    """Give an entry a text; none where there is nothing to say."""
    if text:
        entry.add(name, text_of(text))


def text_of(text: str) -> str:
    """Return a text as iCalendar may hold it, section 3.3.11: no control characters, and one kind of line's end.

    Some readers take every character at which Unicode ends a line for an end of theirs.
    """
    lines = text.replace("\t", " ").splitlines()
    lines = ["".join(letter for letter in line if letter >= " " and letter != "\x7f") for line in lines]
    return "\n".join(lines)


def description(event: Event, sessions: Sequence[Session] = ()) -> str:
    """Return what the event is about, cut short, and its programme where that is not long."""
    about = event.description.strip()
    about = about if len(about) <= _LONGEST else f"{about[:_LONGEST].rstrip()}…"
    lines = [_line(event, session) for session in sessions] if len(sessions) <= _MOST_SESSIONS else []
    return "\n\n".join(filter(None, [about, "\n".join(lines)]))


def _is_course(event: Event, sessions: Sequence[Session]) -> bool:
    follow = all(before.ends_at <= after.starts_at for before, after in pairwise(sessions))
    return len(sessions) > 1 and event.ends_at - event.starts_at > _DAY and follow


def _session_entry(event: Event, session: Session, edition: Edition) -> icalendar.Event:
    when = Event(id=event.id, timezone=event.timezone, starts_at=session.starts_at, ends_at=session.ends_at)
    made = blank_entry(when, session.id, edition, _STATUS[Event.Status(event.status)])
    put(made, "summary", f"{event.title}: {session.title}")
    put(made, "description", session.description[:_LONGEST])
    put(made, "location", ", ".join(filter(None, [session.room, event.location])))
    return made


def _line(event: Event, session: Session) -> str:
    start, end = localtime(session.starts_at, event.zone), localtime(session.ends_at, event.zone)
    room = f" ({session.room})" if session.room else ""
    return f"{start:%Y-%m-%d %H:%M}-{end:%H:%M} {session.title}{room}"


def _put_time(made: icalendar.Event, event: Event) -> None:
    """Say from when to when. What takes more than a day leaves its time free: people sleep in between."""
    days = whole_days(event)
    if days is not None:
        first, last = days
        made.add("dtstart", first)
        made.add("dtend", last + _DAY)
    else:
        made.add("dtstart", _clock(event, event.starts_at))
        made.add("dtend", _clock(event, event.ends_at))
    made.add("transp", "TRANSPARENT" if event.ends_at - event.starts_at > _DAY else "OPAQUE")


def _clock(event: Event, at: datetime) -> datetime:
    """Return what clocks there show; in UTC where they show it twice, which a local time can't tell apart."""
    here = localtime(at, event.zone)
    return at if is_shown_twice(here) else here


def _start(entry: icalendar.Event) -> Any:
    return entry["DTSTART"].to_ical()


def _years_by_zone(entries: Iterable[icalendar.Event]) -> dict[str, range]:
    """Return the years in which entries name each timezone. What is far ahead of a zone's first is put in UTC instead.

    Anybody may publish an event in any zone and year, and each year of a zone costs all who read the calendar.
    """
    years: dict[str, range] = {}
    for entry in sorted(entries, key=_start):
        for name in ("DTSTART", "DTEND"):
            value: Any = entry[name]
            zone, moment = value.params.get("TZID"), value.dt
            if not zone:
                continue
            known = years.get(zone, range(moment.year, moment.year))
            if moment.year < known.start + _YEARS:
                years[zone] = range(known.start, max(known.stop, moment.year + 1))
            else:
                del entry[name]
                entry.add(name, moment.astimezone(UTC))
    return years
