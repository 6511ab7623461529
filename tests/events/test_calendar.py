"""Events as calendars read them, by two parsers that are not ours."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support import make
from tests.support.calendars import READERS, Entry, Reader, read_with_vobject
from turnout.core.ids import new_id
from turnout.events.actions import Parts
from turnout.events.calendar import Edition, calendar, entry, event_calendar
from turnout.events.models import Event, Session
from turnout.events.vtimezones import vtimezone

WRITTEN = datetime(2027, 1, 1, tzinfo=UTC)
FIRST = Edition(0, WRITTEN)

NEAR_AND_FAR = ((2027, "Africa/Casablanca"), (2199, "Africa/Cairo"))

readers = pytest.mark.parametrize("read", READERS)


def at(start: str, end: str, zone: str, **fields: Any) -> Event:
    """Return an event from when to when clocks there show; `+1` behind it is the second of two alike."""
    moments = [datetime.fromisoformat(text.removesuffix("+1")) for text in (start, end)]
    folds = [text.endswith("+1") for text in (start, end)]
    starts_at, ends_at = (
        moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
        for moment, fold in zip(moments, folds, strict=True)
    )
    return Event(starts_at=starts_at, ends_at=ends_at, timezone=zone, **{"title": "Go", "location": "Here"} | fields)


def shown(event: Event, read: Reader, edition: Edition = FIRST) -> Entry:
    (found,) = read(calendar([entry(event, edition)])).entries
    return found


def written(zone: str) -> list[str]:
    """Return the lines of a timezone."""
    content: bytes = vtimezone(zone, 2027, 2027).to_ical()
    return content.decode().split("\r\n")


# --- The hour ----------------------------------------------------------------------------------------------------


@readers
@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Paris", "2027-03-27T20:00", "2027-03-27T22:00"),
        ("Europe/Paris", "2027-03-27T23:00", "2027-03-28T05:00"),
        ("Europe/Paris", "2027-03-28T01:59", "2027-03-28T03:00"),
        ("Europe/Paris", "2027-03-28T10:00", "2027-03-28T12:00"),
        ("Europe/Paris", "2027-10-30T20:00", "2027-10-31T10:00"),
        ("Europe/Paris", "2027-10-31T02:30", "2027-10-31T02:30+1"),
        ("Europe/Paris", "2027-10-31T02:15+1", "2027-10-31T03:15"),
        ("Europe/Paris", "2027-12-31T22:00", "2028-01-01T02:00"),
        ("Africa/Casablanca", "2027-02-06T20:00", "2027-02-06T22:00"),  # Ramadan begins at night
        ("Africa/Casablanca", "2027-02-06T22:00", "2027-02-07T08:00"),
        ("Africa/Casablanca", "2027-02-20T10:00", "2027-02-20T12:00"),
        ("Africa/Casablanca", "2027-03-13T22:00", "2027-03-14T08:00"),
        ("Africa/Casablanca", "2027-03-15T10:00", "2027-03-15T12:00"),
        ("Africa/Algiers", "2027-03-28T02:30", "2027-03-28T04:30"),
        ("America/New_York", "2027-07-01T19:00", "2027-07-01T21:00"),
        ("Asia/Kathmandu", "2027-07-01T19:00", "2027-07-01T21:00"),
        ("Africa/Cairo", "2027-10-28T23:30", "2027-10-29T01:00"),
        ("Australia/Lord_Howe", "2027-01-10T10:00", "2027-01-10T12:00"),
        ("America/Mexico_City", "2023-07-01T10:00", "2023-07-01T12:00"),  # the first summer without
        ("America/St_Johns", "1998-07-01T10:00", "1998-07-01T12:00"),
        ("UTC", "2027-07-01T10:00", "2027-07-01T12:00"),
        ("Etc/UTC", "2027-07-01T10:00", "2027-07-01T12:00"),
    ],
)
def test_an_event_stands_at_its_moment_whatever_clocks_do(read: Reader, zone: str, start: str, end: str) -> None:
    event = at(start, end, zone)
    found = shown(event, read)
    assert (found.starts, found.ends) == (event.starts_at, event.ends_at)


@readers
def test_events_of_many_zones_and_years_stand_in_one_calendar(read: Reader) -> None:
    zones = ("Europe/Paris", "Africa/Casablanca", "Africa/Algiers", "UTC")
    events = [at(f"{year}-06-01T10:00", f"{year}-06-01T12:00", zone) for zone in zones for year in (2019, 2027, 2031)]
    found = read(calendar([entry(event, FIRST) for event in events], name="All of it"))
    assert [each.starts for each in found.entries] == [event.starts_at for event in events]
    assert (found.zones, found.name) == (["Africa/Algiers", "Africa/Casablanca", "Europe/Paris"], "All of it")


@readers
def test_what_is_far_ahead_of_its_zones_first_stands_at_its_moment_and_costs_no_years_in_between(read: Reader) -> None:
    years = {"Africa/Casablanca": (2027, 2036, 2037, 2199), "Europe/Paris": (2190, 2191)}
    events = [at(f"{year}-06-01T10:00", f"{year}-06-01T12:00", zone) for zone in years for year in years[zone]]
    across = at("2036-12-31T22:00", "2037-01-01T02:00", "Africa/Casablanca")
    content = calendar([entry(event, FIRST) for event in [*events, across]])
    found = read(content)
    assert [(each.starts, each.ends) for each in found.entries] == [
        (event.starts_at, event.ends_at) for event in [*events, across]
    ]
    assert found.zones == ["Africa/Casablanca", "Europe/Paris"]
    assert len(content) < 12_000


def test_years_are_reckoned_for_the_zones_that_are_named_in_them_alone() -> None:
    near, far = (at(f"{year}-06-01T10:00", f"{year}-06-01T12:00", zone) for year, zone in NEAR_AND_FAR)
    both = calendar([entry(near, FIRST), entry(far, FIRST)])
    assert vtimezone("Africa/Casablanca", 2027, 2027).to_ical() in both
    assert vtimezone("Africa/Cairo", 2199, 2199).to_ical() in both


@pytest.mark.parametrize(
    "zone", ["Europe/Paris", "Europe/Dublin", "America/New_York", "Asia/Jerusalem", "Australia/Sydney"]
)
def test_what_changes_every_year_is_a_rule_of_each_kind(zone: str) -> None:
    """Outlook passes over lists of dates, and takes no more than one of each."""
    lines = written(zone)
    assert [lines.count(line) for line in ("BEGIN:DAYLIGHT", "BEGIN:STANDARD")] == [1, 1]
    assert ["FREQ=YEARLY" in line for line in lines if line.startswith("R")] == [True, True]


def test_what_follows_the_moon_is_written_change_by_change() -> None:
    lines = written("Africa/Casablanca")
    assert [line for line in lines if line.startswith("R")] == []
    assert lines.count("DTSTART:20270207T030000") == 1  # as clocks show it before the change


# --- The day -----------------------------------------------------------------------------------------------------


@readers
@pytest.mark.parametrize(
    ("zone", "start", "end", "days"),
    [
        ("Europe/Paris", "2027-03-28T00:00", "2027-03-29T00:00", (date(2027, 3, 28), date(2027, 3, 29))),
        ("Africa/Algiers", "2027-05-01T00:00", "2027-05-04T00:00", (date(2027, 5, 1), date(2027, 5, 4))),
    ],
)
def test_what_takes_whole_days_is_days(read: Reader, zone: str, start: str, end: str, days: tuple[date, date]) -> None:
    found = shown(at(start, end, zone), read)
    assert (found.starts, found.ends) == days


def test_an_hour_between_two_midnights_is_no_day() -> None:
    found = shown(at("2027-11-07T00:00", "2027-11-07T00:00+1", "America/Havana"), read_with_vobject)
    assert (found.starts, found.ends) == (
        datetime(2027, 11, 7, 4, tzinfo=UTC),
        datetime(2027, 11, 7, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(("hours", "busy"), [(24, b"OPAQUE"), (25, b"TRANSPARENT")])
def test_what_takes_more_than_a_day_leaves_the_nights_free(hours: int, busy: bytes) -> None:
    event = Event(title="Go", starts_at=WRITTEN, ends_at=WRITTEN + timedelta(hours=hours), timezone="Africa/Algiers")
    assert b"\r\nTRANSP:" + busy in calendar([entry(event, FIRST)])


# --- The words ---------------------------------------------------------------------------------------------------

STRANGE = [
    "Go, then; go \\n again",
    "ورشة البرمجة: مقدمة، ثم تطبيق " * 6,
    "🎉" * 60,
    "One\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:Two",
    "One\rEND:VEVENT\rX-EVIL:1",
    "One\u2028END:VEVENT\x0bX\x85Y\x0cZ",
    '<a href="https://evil.example/">{{7*7}}</a>',
]


@readers
@pytest.mark.parametrize("text", STRANGE)
def test_whatever_a_title_holds_is_data(read: Reader, text: str) -> None:
    event = at("2027-05-01T10:00", "2027-05-01T12:00", "Europe/Paris", title=text, description=text, location=text)
    content = calendar([entry(event, FIRST)], name=text)
    (found,) = read(content).entries
    written = "\n".join(text.splitlines())
    assert (found.summary, found.description, found.location) == (written, written.strip(), written)
    assert b"\nX-EVIL" not in content.replace(b"\r\n ", b"")


@pytest.mark.parametrize("text", STRANGE)
def test_lines_end_as_they_must_and_are_never_too_long(text: str) -> None:
    event = at("2027-05-01T10:00", "2027-05-01T12:00", "Europe/Paris", title=text, description=text * 20)
    lines = calendar([entry(event, FIRST)]).split(b"\r\n")
    assert (lines[0], lines[-2:]) == (b"BEGIN:VCALENDAR", [b"END:VCALENDAR", b""])
    assert max(map(len, lines)) <= 75
    assert [line for line in lines if b"\n" in line or b"\r" in line] == []
    assert "".join(line.decode() for line in lines)  # folded between characters, not within one


def test_control_characters_stay_out() -> None:
    found = shown(at("2027-05-01T10:00", "2027-05-01T12:00", "UTC", title="a\x07b\x1bc\x7fd\te"), read_with_vobject)
    assert found.summary == "abcd e"


def test_a_long_description_is_cut_short() -> None:
    event = at("2027-05-01T10:00", "2027-05-01T12:00", "UTC", description="word " * 1000)
    assert len(shown(event, read_with_vobject).description) <= 1001


@readers
def test_an_entry_says_which_event_it_is_and_where_its_page_stands(read: Reader) -> None:
    event = at("2027-05-01T10:00", "2027-05-01T12:00", "UTC", id=new_id(), online_url="https://meet.example.org/x")
    found = shown(event, read, Edition(3, WRITTEN))
    assert (found.uid, found.sequence, found.status, found.url) == (
        f"{event.id}@127.0.0.1",
        3,
        "CONFIRMED",
        f"http://127.0.0.1:8000/events/{event.id}/",
    )
    assert b"meet.example.org" not in calendar([entry(event, FIRST)])


@pytest.mark.parametrize(("status", "says"), [("draft", "TENTATIVE"), ("cancelled", "CANCELLED")])
def test_an_entry_says_whether_it_takes_place(status: str, says: str) -> None:
    event = at("2027-05-01T10:00", "2027-05-01T12:00", "UTC", status=status)
    assert shown(event, read_with_vobject).status == says


# --- The programme -----------------------------------------------------------------------------------------------

START = datetime(2027, 3, 22, 17, tzinfo=UTC)


def evenings(count: int, *, apart: timedelta, **fields: Any) -> Event:
    """Return an event in Paris whose sessions, of two hours each, begin so far apart."""
    starts = [START + number * apart for number in range(count)]
    sessions = [
        Session(title=f"Part {number}", starts_at=start, ends_at=start + timedelta(hours=2), room="Room 1")
        for number, start in enumerate(starts, start=1)
    ]
    hours = (starts[-1] - START).total_seconds() / 3600 + 2
    return make.event(
        starts_at=START, hours=hours, timezone="Europe/Paris", parts=Parts(sessions=sessions), title="Go", **fields
    )


@pytest.mark.django_db
@readers
def test_a_course_is_an_entry_for_each_evening(read: Reader) -> None:
    event = evenings(3, apart=timedelta(days=7), location="Lyon")
    found = read(event_calendar(event, FIRST)).entries
    sessions = list(event.sessions.all())
    assert [(each.uid, each.summary, each.location, each.starts, each.ends) for each in found] == [
        (f"{each.id}@127.0.0.1", f"Go: {each.title}", "Room 1, Lyon", each.starts_at, each.ends_at) for each in sessions
    ]
    assert {each.url for each in found} == {f"http://127.0.0.1:8000/events/{event.id}/"}


@pytest.mark.django_db
def test_what_runs_side_by_side_is_the_event_with_its_programme() -> None:
    event = evenings(20, apart=timedelta(hours=1.9))
    (found,) = read_with_vobject(event_calendar(event, FIRST)).entries
    assert (found.uid, found.starts) == (f"{event.id}@127.0.0.1", event.starts_at)
    first, second, *_others = found.description.splitlines()
    assert (first, second) == ("2027-03-22 18:00-20:00 Part 1 (Room 1)", "2027-03-22 19:54-21:54 Part 2 (Room 1)")
    assert all(before < after for before, after in pairwise(found.description.splitlines()))


@pytest.mark.django_db
def test_an_evening_of_several_parts_is_one_entry() -> None:
    event = evenings(2, apart=timedelta(hours=3))
    (found,) = read_with_vobject(event_calendar(event, FIRST)).entries
    assert found.description.splitlines()[1] == "2027-03-22 21:00-23:00 Part 2 (Room 1)"


@pytest.mark.django_db
def test_a_long_programme_is_left_to_the_page() -> None:
    event = evenings(21, apart=timedelta(hours=1.9), description="About")
    (found,) = read_with_vobject(event_calendar(event, FIRST)).entries
    assert found.description == "About"
