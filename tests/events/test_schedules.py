import copy
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.db.models import CharField, Model
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from tests.support import make
from tests.support.shared import CAMP, needs_camp
from turnout.core.errors import InvalidError
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry
from turnout.events.actions import schedules
from turnout.events.actions.schedules import ScheduleTally, import_schedule
from turnout.events.models import Event, SeatPool, Session, Speaker
from turnout.events.schedules import ScheduleReading, conferences, read_schedule
from turnout.events.schedules import sessions as limits
from turnout.events.schedules.drafts import ScheduleDraft, SessionDraft
from turnout.events.schedules.times import duration_of, zone_with

DATA = Path(__file__).parents[1] / "data"
SMALL, SMALL_XML = DATA / "schedule-small.json", DATA / "schedule-small.xml"
CONTROL = "holds a control character, or half of a surrogate pair"
FIRST = 'day 1, room "Hall", session 1'


def session(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a sound session with these changes; a field changed to `...` is left out."""
    sound = {
        "id": number,
        "guid": f"guid-{number}",
        "date": f"2030-05-10T{number % 24:02}:00:00+01:00",
        "duration": "00:45",
        "title": f"Session {number}",
        "language": "en",
        "persons": [{"id": number, "public_name": f"Person {number}"}],
    }
    return {name: value for name, value in (sound | changes).items() if value is not ...}


def schedule(*sessions: object, day: dict[str, Any] | None = None, room: str = "Hall", **conference: Any) -> bytes:
    """Return a file with these sessions on one day in one room."""
    days = [{"date": "2030-05-10", "day_start": "2030-05-10T09:00:00+01:00", "rooms": {room: sessions}} | (day or {})]
    whole = {"title": "Dunes", "acronym": "dunes", "time_zone_name": "Africa/Algiers", "days": days} | conference
    whole = {name: value for name, value in whole.items() if value is not ...}
    return json.dumps({"schedule": {"conference": whole}}).encode()


def remarks(reading: ScheduleReading) -> tuple[list[str], list[str]]:
    return [str(fault) for fault in reading.faults], [str(note) for note in reading.notes]


def only(**changes: Any) -> SessionDraft:
    """Return the draft of a session with these changes."""
    reading = read_schedule(schedule(session(**changes)))
    assert remarks(reading) == ([], [])
    return reading.draft.sessions[0]


def faults(**changes: Any) -> list[str]:
    """Return what is wrong with a session, after where it stands; it is left out, and another one is in."""
    reading = read_schedule(schedule(session(**changes), session(2)))
    assert [draft.title for draft in reading.draft.sessions] == ["Session 2"]
    assert reading.skipped == 1
    return [str(fault).removeprefix(f"{FIRST}: ") for fault in reading.faults]


def notes(**changes: Any) -> list[str]:
    """Return what is odd about a session that is in."""
    reading = read_schedule(schedule(session(**changes)))
    assert reading.faults == []
    return [str(note).removeprefix(f"{FIRST}: ") for note in reading.notes]


def draft(*sessions: object, **conference: Any) -> ScheduleDraft:
    return read_schedule(schedule(*sessions, **conference)).draft


def run(path: str | Path) -> list[str]:
    out = StringIO()
    call_command("import_schedule", str(path), stdout=out)
    return out.getvalue().splitlines()


def refusal(path: str | Path) -> str:
    with pytest.raises(CommandError) as refused:
        run(path)
    return str(refused.value)


def stored() -> list[Any]:
    """Return all that an import may write."""
    models = (Event, Session, Speaker, SeatPool, AuditEntry, Session.speakers.through, Event.speakers.through)
    return [sorted(map(str, model.objects.values())) for model in models]


def as_xml(content: bytes) -> bytes:
    """Write a JSON schedule as XML, the way its exporters do."""
    conference = json.loads(content)["schedule"]["conference"]
    root = ET.Element("schedule")
    _put(ET.SubElement(root, "conference"), {name: text for name, text in conference.items() if name != "days"})
    for day in conference["days"]:
        element = ET.SubElement(root, "day", date=day["date"], start=day["day_start"])
        for name, sessions in day["rooms"].items():
            room = ET.SubElement(element, "room", name=name)
            for part in sessions:
                event = ET.SubElement(room, "event", id=str(part["id"]), guid=part["guid"])
                _put(event, {field: text for field, text in part.items() if field not in {"id", "guid", "persons"}})
                persons = ET.SubElement(event, "persons")
                for person in part["persons"]:
                    ET.SubElement(persons, "person", id=str(person["id"])).text = person["public_name"]
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _put(element: ET.Element, texts: dict[str, Any]) -> None:
    for name, text in texts.items():
        ET.SubElement(element, name).text = text if isinstance(text, str) else None


# --- What a file becomes -----------------------------------------------------------------------------------------


def test_a_schedule_becomes_a_draft() -> None:
    reading = read_schedule(SMALL.read_bytes())
    assert remarks(reading) == ([], [])
    small = reading.draft
    assert (small.said, small.assumed, small.languages, small.left_out) == (
        {
            "title": "Dunes & Data 2030",
            "description": "Three days among the dunes.",
            "website": "https://dunes.example.org/2030",
            "timezone": "Africa/Algiers",
            "starts_at": datetime(2030, 5, 10, 9, tzinfo=UTC),
            "ends_at": datetime(2030, 5, 11, 9, 45, tzinfo=UTC),
        },
        {},
        ("en", "fr"),
        frozenset(),
    )
    assert [
        (part.title, part.room, part.track, part.language, part.starts_at, part.ends_at, part.description)
        for part in small.sessions
    ] == [
        (
            *("Opening", "Erg Hall", "Community", "fr"),
            *(datetime(2030, 5, 10, 9, tzinfo=UTC), datetime(2030, 5, 10, 9, 30, tzinfo=UTC)),
            "Where everything is",
        ),
        (
            *("Reading sand", "Erg Hall", "Science", "en"),
            *(datetime(2030, 5, 10, 10, tzinfo=UTC), datetime(2030, 5, 10, 11, 30, tzinfo=UTC)),
            '<p>Bring a <a href="https://example.org">sieve</a>.</p>\n\nFirst line.\n\n* second\n* third',
        ),
        (
            *("Stars", "Roof", "", ""),
            *(datetime(2030, 5, 10, 23, 30, tzinfo=UTC), datetime(2030, 5, 11, 1, 30, tzinfo=UTC)),
            "Look up.",
        ),
        (
            *("Data that keeps", "Erg Hall", "Science", "en"),
            *(datetime(2030, 5, 11, 9, tzinfo=UTC), datetime(2030, 5, 11, 9, 45, tzinfo=UTC)),
            "",
        ),
    ]
    assert [[person.name for person in part.speakers] for part in small.sessions] == [
        ["Amel Zîn", "B. <b>old</b>"],
        ["B. <b>old</b>"],
        [],
        ["سلمى"],
    ]


def test_both_forms_of_one_schedule_give_the_same_draft() -> None:
    assert read_schedule(SMALL_XML.read_bytes()) == read_schedule(SMALL.read_bytes())


@pytest.mark.parametrize("path", [SMALL, SMALL_XML])
def test_the_form_is_told_by_what_is_in_the_file(path: Path) -> None:
    content = path.read_bytes()
    for before in (b"\xef\xbb\xbf", b"\n  ", b"\xef\xbb\xbf\r\n"):
        assert read_schedule(before + content) == read_schedule(content)


def test_xml_may_be_in_another_encoding() -> None:
    text = SMALL_XML.read_text(encoding="utf-8").replace("utf-8", "utf-16")
    assert read_schedule(text.encode("utf-16")) == read_schedule(SMALL_XML.read_bytes())


# --- When --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("00:45", 45),
        ("0:45", 45),
        ("1:05", 65),
        ("25:00", 25 * 60),
        ("100:00", 100 * 60),
        ("1:02:30", 24 * 60 + 150),  # pretalx: days:HH:MM
        ("01:30:00", 90),
        ("0:45:00", 45),
        ("10:00:00", 600),
        ("1:02:30:00", 24 * 60 + 150),
    ],
)
def test_durations_are_read(text: str, minutes: int) -> None:
    assert duration_of(text) == timedelta(minutes=minutes)
    assert only(duration=text).ends_at - only(duration=text).starts_at == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text", ["45", "00:60", "-00:45", "0:5", "\u0660\u0660:\u0664\u0665", "PT45M", "1:99:00:00:00"]
)
def test_what_is_no_duration_is_left_out(text: str) -> None:
    assert faults(duration=text) == ["duration: must be hours and minutes such as 00:45"]


@pytest.mark.parametrize(
    ("changes", "complaints"),
    [
        ({"duration": "00:00"}, ["duration: must be longer than nothing"]),
        ({"duration": "9999:00"}, ["duration: longer than a year"]),
        ({"duration": 45}, ["duration: must be text"]),
        ({"duration": ...}, ["duration: missing"]),
        ({"duration": " "}, ["duration: empty"]),
        ({"date": "10.05.2030"}, ["date: must be a moment such as 2019-08-21T11:00:00+02:00"]),
        ({"date": "2030-05-10"}, ["date: must be a moment such as 2019-08-21T11:00:00+02:00"]),
        ({"date": "2030-05-32T10:00:00+01:00"}, ["date: must be a moment such as 2019-08-21T11:00:00+02:00"]),
        ({"date": "0001-01-01T00:00:00+14:00"}, ["date: the year must be from 1970 to 2200"]),
        ({"date": "9999-12-31T23:59:59-12:00"}, ["date: the year must be from 1970 to 2200"]),
        ({"date": "1970-01-01T00:00:00+01:00"}, ["date: the year must be from 1970 to 2200"]),
        (
            {"date": "2200-12-31T12:00:00Z", "duration": "24:00"},
            ["duration: it would end in a year that no calendar needs"],
        ),
        ({"date": 12}, ["date: must be text"]),
        ({"date": ..., "start": ...}, ["start: missing"]),
        ({"date": ..., "start": "25:00"}, ["start: must be a time such as 09:30"]),
        ({"date": ..., "start": "9h"}, ["start: must be a time such as 09:30"]),
    ],
)
def test_a_session_without_a_time_is_left_out(changes: dict[str, Any], complaints: list[str]) -> None:
    assert faults(**changes) == complaints


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("2030-05-10T11:00:00+02:00", datetime(2030, 5, 10, 9, tzinfo=UTC)),
        ("2030-05-10T11:00:00+0200", datetime(2030, 5, 10, 9, tzinfo=UTC)),
        ("2030-05-10T11:00Z", datetime(2030, 5, 10, 11, tzinfo=UTC)),
        ("2030-05-10 11:00:00 -03:30", datetime(2030, 5, 10, 14, 30, tzinfo=UTC)),
        ("2030-05-10T11:00:00", datetime(2030, 5, 10, 10, tzinfo=UTC)),  # by the conference's clocks
    ],
)
def test_a_date_has_its_offset_or_the_conference_s(date: str, moment: datetime) -> None:
    assert only(date=date).starts_at == moment


@pytest.mark.parametrize(
    ("day", "conference", "start", "moment"),
    [
        ({}, {}, "10:00", datetime(2030, 5, 10, 9, tzinfo=UTC)),
        ({}, {}, "9:00", datetime(2030, 5, 10, 8, tzinfo=UTC)),
        ({}, {}, "08:59", datetime(2030, 5, 11, 7, 59, tzinfo=UTC)),
        ({}, {}, "00:30", datetime(2030, 5, 10, 23, 30, tzinfo=UTC)),
        ({"day_start": "04:00"}, {}, "03:00:00", datetime(2030, 5, 11, 2, tzinfo=UTC)),
        ({"day_start": None}, {"day_change": "06:00:00"}, "05:00", datetime(2030, 5, 11, 4, tzinfo=UTC)),
        ({"day_start": None}, {}, "00:30", datetime(2030, 5, 9, 23, 30, tzinfo=UTC)),
        ({}, {"time_zone_name": "Asia/Kathmandu"}, "10:00", datetime(2030, 5, 10, 4, 15, tzinfo=UTC)),
        ({}, {"time_zone_name": ...}, "10:00", datetime(2030, 5, 10, 9, tzinfo=UTC)),  # by the day's own offset
    ],
)
def test_without_a_date_it_starts_on_its_day_or_the_morning_after(
    day: dict[str, Any], conference: dict[str, Any], start: str, moment: datetime
) -> None:
    content = schedule(session(date=..., start=start), day=day, **conference)
    assert read_schedule(content).draft.sessions[0].starts_at == moment


def test_without_a_date_anywhere_there_is_no_time() -> None:
    with pytest.raises(InvalidError) as refused:
        read_schedule(schedule(session(date=..., start="10:00"), day={"date": None}))
    assert str(refused.value) == (
        f"Not one of its sessions can be read; {FIRST}: date: missing, and day 1 has no date such as 2019-08-21 either"
    )


def test_a_time_that_clocks_skip_is_left_out_and_of_two_the_first_is_taken() -> None:
    paris: dict[str, Any] = {"time_zone_name": "Europe/Paris"}
    reading = read_schedule(schedule(session(date="2030-03-31T02:30:00"), session(2), **paris))
    assert remarks(reading)[0] == [f"{FIRST}: date: there was no such time: clocks skipped it"]
    twice = read_schedule(schedule(session(date="2030-10-27T02:30:00"), **paris)).draft.sessions[0]
    assert twice.starts_at == datetime(2030, 10, 27, 0, 30, tzinfo=UTC)


def test_the_date_is_taken_where_start_says_something_else() -> None:
    assert notes(start="11:00") == ['start: "11:00" is not what `date` says: 01:00 is taken']
    assert notes(start="at noon") == ['start: "at noon" is not what `date` says: 01:00 is taken']
    assert notes(start="01:00") == notes(start="2030-05-10T01:00:00+01:00") == []


@pytest.mark.parametrize(
    ("conference", "assumed", "note"),
    [
        ({"time_zone_name": ...}, "Etc/GMT-1", "missing: a new event gets Etc/GMT-1, by the first offset in the file"),
        (
            {"time_zone_name": "Mars/Olympus"},
            "Etc/GMT-1",
            '"Mars/Olympus" is no timezone we know: a new event gets Etc/GMT-1, by the first offset in the file',
        ),
    ],
)
def test_without_a_timezone_the_first_offset_stands_in(conference: dict[str, Any], assumed: str, note: str) -> None:
    reading = read_schedule(schedule(session(), **conference))
    assert remarks(reading) == ([], [f"conference: time_zone_name: {note}"])
    assert (reading.draft.assumed, "timezone" in reading.draft.said) == ({"timezone": assumed}, False)


def test_without_any_offset_it_is_utc() -> None:
    reading = read_schedule(schedule(session(date="2030-05-10T10:00:00"), day={"day_start": None}, time_zone_name=...))
    assert (reading.draft.assumed, reading.draft.sessions[0].starts_at.hour) == ({"timezone": "UTC"}, 10)
    assert remarks(reading)[1] == [
        "conference: time_zone_name: missing: a new event gets UTC, no time in the file has an offset"
    ]


@pytest.mark.parametrize(
    ("minutes", "name"),
    [(120, "Etc/GMT-2"), (-300, "Etc/GMT+5"), (0, "UTC"), (330, "UTC"), (14 * 60, "Etc/GMT-14"), (-13 * 60, "UTC")],
)
def test_an_offset_has_the_name_of_a_zone(minutes: int, name: str) -> None:
    assert zone_with(timedelta(minutes=minutes)) == name
    moment = datetime(2030, 7, 1, tzinfo=ZoneInfo(name))
    assert name == "UTC" or moment.utcoffset() == timedelta(minutes=minutes)


# --- Who, where, and in which language ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persons", "names"),
    [
        ([{"id": 1, "public_name": "Ada"}, {"id": 2, "name": "Bo"}], ["Ada", "Bo"]),
        ([{"code": "XYZ", "name": "Ada"}, {"code": "XYZ", "name": "Ada"}], ["Ada"]),
        ([{"id": 1, "public_name": None, "full_public_name": "Ada"}], ["Ada"]),
        (["Ada", "ADA", "Bo"], ["Ada", "Bo"]),
        (None, []),
        ([], []),
    ],
)
def test_persons_become_speakers(persons: Any, names: list[str]) -> None:
    assert [person.name for person in only(persons=persons).speakers] == names


def test_a_person_is_known_within_a_conference_by_guid_or_id() -> None:
    def key(person: object, acronym: str = "dunes") -> str:
        return draft(session(persons=[person]), acronym=acronym).sessions[0].speakers[0].source_key

    one = {"id": 7, "name": "Ada"}
    assert key(one) == key({"id": "7", "name": "Ada Other"}) != key(one, acronym="other")
    assert key(one | {"guid": "A"}) == key({"guid": "a", "id": 8, "name": "Bo"}) != key(one)
    assert key({"name": "Ada"}) != key({"name": "Bo"})


@pytest.mark.parametrize(
    ("changes", "complaints"),
    [
        ({"persons": "Ada"}, ["persons: must be a list"]),
        ({"persons": {"id": 1}}, ["persons: must be a list"]),
        ({"persons": [3]}, [f"{FIRST}, person 1: person: must be an object, such as {{...}}"]),
        ({"title": ...}, ["title: missing"]),
        ({"title": "t" * 201}, ["title: longer than 200 characters"]),
        ({"title": "\u200b"}, ["title: has no visible character"]),
        ({"title": "Py\0con"}, [f"title: {CONTROL}"]),
        ({"title": "Py\ud83dcon"}, [f"title: {CONTROL}"]),
        ({"title": {"en": "Opening"}}, ["title: must be text"]),
        ({"room": "r" * 101}, ["room: longer than 100 characters"]),
        ({"room": "r\x07"}, [f"room: {CONTROL}"]),
        ({"guid": ..., "id": ...}, ["guid: missing, and there is no id either: it could not be known again"]),
        ({"guid": "", "id": True}, ["guid: missing, and there is no id either: it could not be known again"]),
        ({"guid": ["a"]}, ["guid: must be text"]),
        ({"title": ..., "duration": "x"}, ["title: missing", "duration: must be hours and minutes such as 00:45"]),
    ],
)
def test_a_session_that_breaks_a_rule_is_left_out(changes: dict[str, Any], complaints: list[str]) -> None:
    assert [fault.removeprefix(f"{FIRST}: ") for fault in faults(**changes)] == complaints


@pytest.mark.parametrize(
    ("changes", "noted"),
    [
        ({"language": "Klingon"}, ['language: "Klingon" is left out: it does not begin with a code of ISO 639-1']),
        ({"language": "de-wayfartoolong"}, ['language: "de-wayfartoolong" is left out: it does not begin with a code']),
        ({"language": 5}, ["language: must be text; it is left empty"]),
        ({"track": {"en": "Art"}}, ["track: must be text; it is left empty"]),
        ({"track": "t" * 101}, ["track: longer than 100 characters; it is left empty"]),
        ({"description": 5}, ["description: must be text; it is left empty"]),
        ({"abstract": "a" * 100_001}, ["abstract: longer than 100000 characters; it is left empty"]),
        (
            {"description": "a\0b\ud800"},
            ["description: control characters in it, or halves of surrogate pairs, are left out"],
        ),
        ({"room": "Garden"}, ['room: "Garden" is taken, though it stands under "Hall"']),
        ({"persons": [{"id": 1}]}, [f"{FIRST}, person 1: name: missing: this person is left out"]),
        (
            {"persons": [{"id": 1, "public_name": 5, "name": "Ada"}]},
            [f"{FIRST}, person 1: public_name: must be text; it is left empty"],
        ),
    ],
)
def test_what_a_session_can_miss_is_noted(changes: dict[str, Any], noted: list[str]) -> None:
    found = notes(**changes)
    assert len(found) == len(noted)
    assert all(note.startswith(start) for note, start in zip(found, noted, strict=True))


@pytest.mark.parametrize(
    ("language", "code"),
    [("de", "de"), ("EN", "en"), ("pt_BR", "pt-br"), ("de-formal", "de-formal"), ("", ""), (None, ""), (..., "")],
)
def test_languages_are_codes(language: Any, code: str) -> None:
    assert only(language=language).language == code


def test_languages_of_the_event_are_those_most_spoken_first() -> None:
    spoken = ["fr", "en", "", "ar", "en", "ar"]
    assert draft(*(session(place, language=code) for place, code in enumerate(spoken))).languages == ("en", "ar", "fr")


def test_a_description_is_plain_text_of_all_that_is_said_once() -> None:
    texts = {"subtitle": "Sub", "abstract": "<script>x</script>", "description": "**bold**\r\n\tline\r"}
    assert only(**texts).description == "Sub\n\n<script>x</script>\n\n**bold**\n\tline"
    assert only(abstract="Same", description="Same").description == "Same"


def test_lines_and_spaces_in_a_title_are_single_spaces() -> None:
    assert only(title="\n  One \t two\n").title == "One two"


def test_a_room_may_be_nameless_or_named_around_the_session() -> None:
    assert only(room=None).room == "Hall"
    assert read_schedule(schedule(session(), room="")).draft.sessions[0].room == ""


def longest(model: type[Model], name: str) -> int | None:
    column = model._meta.get_field(name)
    assert isinstance(column, CharField)
    return column.max_length


def test_a_room_with_an_impossible_name_is_said_in_words_that_can_be_printed() -> None:
    with pytest.raises(InvalidError) as refused:
        read_schedule(schedule(session(), room="Ha\ud800ll" + "l" * 50))
    assert str(refused.value) == (
        'Not one of its sessions can be read; day 1, room "Ha\ufffdll' + "l" * 35 + '...", session 1: room: '
        "its name holds a control character, or half of a surrogate pair"
    )


def test_limits_are_those_of_the_columns() -> None:
    columns = {"title": limits.MAX_TITLE, "room": limits.MAX_ROOM, "track": limits.MAX_TRACK}
    columns["language"] = limits.MAX_LANGUAGE
    assert {name: longest(Session, name) for name in columns} == columns
    assert longest(Speaker, "name") == limits.MAX_PERSON
    assert longest(Event, "title") == conferences.MAX_TITLE


def test_what_is_said_of_the_conference_is_taken_where_it_is_sound() -> None:
    sound = read_schedule(schedule(session(), venue="Old Mill", city="Oran", url="https://x.example.org"))
    assert (sound.draft.said["location"], sound.draft.said["website"]) == ("Old Mill, Oran", "https://x.example.org")
    odd = read_schedule(schedule(session(), venue=5, city="Oran", url="nowhere", description=["x"]))
    assert odd.draft.said["location"] == "Oran"
    assert remarks(odd)[1] == [
        "conference: venue: must be text; it is left empty",
        "conference: description: must be text; it is left empty",
        "conference: url: must be a valid http:// or https:// address; it is left empty",
    ]


def test_what_is_no_session_is_said_once() -> None:
    reading = read_schedule(schedule(session(), "Opening", {}))
    assert remarks(reading)[0] == [
        'day 1, room "Hall", session 2: session: must be an object, such as {...}',
        'day 1, room "Hall", session 3: guid: missing, and there is no id either: it could not be known again',
        'day 1, room "Hall", session 3: title: missing',
        'day 1, room "Hall", session 3: start: missing',
        'day 1, room "Hall", session 3: duration: missing',
    ]


def test_one_guid_is_one_session() -> None:
    reading = read_schedule(schedule(session(1, guid="A"), session(2, guid="a")))
    assert [part.title for part in reading.draft.sessions] == ["Session 1"]
    assert remarks(reading)[0] == [f'day 1, room "Hall", session 2: guid: the same as of {FIRST}']


def test_a_session_without_a_guid_is_known_by_its_id() -> None:
    one, other = (draft(session(guid=..., id=number)).sessions[0].source_key for number in (1, 2))
    assert one != other
    assert one == draft(session(guid=None, id="1")).sessions[0].source_key


# --- Files that are refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "This is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"caf\xe9", "This is not UTF-8 text: byte 3 is not part of any"),
        (b"[" * 100_000, "This is not a schedule: it is nested too deeply"),
        (b"[]", 'This is not a schedule: the outermost must be an object that holds an object "schedule"'),
        (b'{"schedule": 5}', 'This is not a schedule: the outermost must be an object that holds an object "schedule"'),
        (b'{"schedule": {"conference": []}}', "schedule: conference: must be an object"),
        (b'{"schedule": {}}', "conference: title: missing"),
        (schedule(session(), title="  "), "conference: title: empty"),
        (schedule(session(), title="t" * 201), "conference: title: longer than 200 characters"),
        (schedule(session(), acronym=5), "conference: acronym: must be text"),
        (schedule(), "It has no sessions"),
        (schedule(session(), days=...), "It has no sessions"),
        (schedule(session(), days={}), "conference: days: must be a list"),
        (schedule(session(), days=[5]), "day 1: must be an object"),
        (schedule(session(), day={"rooms": []}), "day 1: rooms: must be an object"),
        (schedule(session(), day={"rooms": {"Hall": {}}}), "day 1: rooms: Hall: must be a list"),
        (schedule(5), f"Not one of its sessions can be read; {FIRST}: session: must be an object, such as {{...}}"),
        (
            b'{"schedule": {"conference": {"days": [{"rooms": {"A": [], "A": []}}]}}}',
            'This is not valid JSON: "A" stands twice in one object',
        ),
        (b"<schedule>", "This is not valid XML: no element found: line 1, column 10"),
        (b"<html></html>", "This is not a schedule: the outermost must be <schedule>, not <html>"),
        (b"<schedule/>", "conference: title: missing"),
        (b"<schedule><conference><title>T</title></conference></schedule>", "It has no sessions"),
        (b"<schedule>\0</schedule>", "This is not valid XML: not well-formed (invalid token): line 1, column 10"),
        (b"<schedule>&x;</schedule>", "This is not valid XML: undefined entity: line 1, column 10"),
        (
            b'<?xml version="1.0" encoding="klingon"?><schedule/>',
            "This XML can't be decoded: unknown encoding: klingon",
        ),
    ],
)
@pytest.mark.django_db
def test_a_file_that_can_not_be_read_is_refused_whole(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "schedule"
    path.write_bytes(content)
    assert refusal(path) == f"{path} can't be imported: {complaint}. Nothing was written."
    assert Event.objects.count() == Speaker.objects.count() == 0


BOMB = '<!DOCTYPE s [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {to} "{f"&{of};" * 10}">' for of, to in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        f"{BOMB}]><schedule><conference><title>&i;</title></conference></schedule>",
        '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><schedule>&x;</schedule>',
        '<!DOCTYPE s SYSTEM "https://example.org/s.dtd"><schedule/>',
        "<!DOCTYPE schedule><schedule/>",
    ],
    ids=["bomb", "file", "remote", "bare"],
)
def test_xml_with_a_document_type_is_refused(content: str) -> None:
    with pytest.raises(InvalidError) as refused:
        read_schedule(content.encode())
    assert str(refused.value) == "This XML has a document type or entities of its own, which no schedule needs"


def test_deep_xml_does_no_harm() -> None:
    deep = b"<a>" * 50_000 + b"</a>" * 50_000
    with pytest.raises(InvalidError, match="conference: title: missing"):
        read_schedule(b"<schedule>" + deep + b"</schedule>")


@pytest.mark.parametrize("path", [SMALL, SMALL_XML], ids=["json", "xml"])
@pytest.mark.django_db
def test_a_file_cut_anywhere_is_refused_whole(tmp_path: Path, path: Path) -> None:
    whole = path.read_bytes().rstrip()
    cut = tmp_path / "cut"
    for part in range(60):
        cut.write_bytes(whole[: len(whole) * part // 60])
        assert refusal(cut).endswith("Nothing was written.")
    cut.write_bytes(whole[:-1])
    assert refusal(cut).endswith("Nothing was written.")
    assert stored() == [[]] * 7


def test_a_file_that_is_not_there_and_a_path_that_is_none_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing") == (
        f"{tmp_path}/nothing can't be read: No such file or directory. Nothing was written."
    )
    assert refusal("a\0b") == "a\0b can't be imported: embedded null byte. Nothing was written."


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TEXTS = st.sampled_from(
    [
        *("", " ", "\0", "\ud800", "\u202e", "x" * 300, "../../etc/passwd", "https://", "Europe", "Etc/GMT+12"),
        *("9999-12-31T23:59:59-23:59", "1970-01-01T00:00:00Z", "2030-05-10T10:00", "2030-05-10", "1970-01-01"),
        *("24:00", "00:00", "23:59:59", "99:99", "9999:59", "1:23:59:59"),
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the way to every value in a value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


SOUND = json.loads(SMALL.read_bytes())
PLACES = list(places(SOUND))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON_VALUES | TEXTS), min_size=1, max_size=4))
def test_whatever_stands_in_a_file_is_read_or_refused_in_words(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    whole = {"": copy.deepcopy(SOUND)}
    for path, value in changes:
        put(whole, ("", *path), value)
    with suppress_refusals():
        reading = read_schedule(json.dumps(whole[""]).encode())
        assert reading.draft.sessions
        "".join(map(str, [*reading.faults, *reading.notes])).encode()
        for part in reading.draft.sessions:
            assert part.ends_at > part.starts_at
            f"{part.title}{part.description}{part.room}{part.track}".encode()


@contextmanager
def suppress_refusals() -> Iterator[None]:
    """Let pass what is refused in words that can be printed."""
    try:
        yield
    except InvalidError as refused:
        str(refused).encode()


def put(whole: Any, path: tuple[Any, ...], value: Any) -> None:
    """Put a value where the way leads, if it still leads anywhere."""
    for key in path[:-1]:
        try:
            whole = whole[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(whole, dict) or (isinstance(whole, list) and isinstance(path[-1], int) and path[-1] < len(whole)):
        whole[path[-1]] = value


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(SMALL_XML.read_bytes()) - 1), st.binary(max_size=4))
def test_whatever_bytes_stand_in_xml_are_read_or_refused_in_words(place: int, noise: bytes) -> None:
    content = SMALL_XML.read_bytes()
    with suppress_refusals():
        read_schedule(content[:place] + noise + content[place + len(noise) :])


# --- What is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(SMALL, SMALL), (SMALL_XML, SMALL_XML), (SMALL, SMALL_XML)])
@pytest.mark.django_db
def test_twice_is_the_same_as_once(first: Path, second: Path) -> None:
    assert run(first) == [
        "Dunes & Data 2030: created",
        "sessions: 4 created, 0 changed, 0 removed, 0 unchanged, 0 skipped; notes: 0",
    ]
    before = stored()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert run(second) == [
            "Dunes & Data 2030: unchanged",
            "sessions: 0 created, 0 changed, 0 removed, 4 unchanged, 0 skipped; notes: 0",
        ]
    statements = {query["sql"].split()[0] for query in asked.captured_queries}
    assert statements & {"INSERT", "UPDATE", "DELETE"} == set()
    assert stored() == before


@pytest.mark.django_db
def test_an_imported_event_is_as_one_made_by_hand(api: APIClient) -> None:
    run(SMALL)
    event = Event.objects.get()
    folded = (event.search_text, event.location_key)
    event.full_clean()
    assert (event.search_text, event.location_key) == folded
    assert (event.kind, event.status, event.owner, event.attendance_types) == (
        "conference",
        "published",
        None,
        ["on_site"],
    )
    assert event.pools.values_list("attendance_type", "capacity", "taken").get() == ("", None, 0)
    assert [(entry.verb, entry.subject) for entry in AuditEntry.objects.filter(subject=event.id)] == [
        ("event.created", event.id)
    ]
    for part in event.sessions.all():
        part.full_clean()
    shown = api.get(f"/api/events/{event.id}/").json()
    assert (shown["languages"], [speaker["name"] for speaker in shown["speakers"]]) == (
        ["en", "fr"],
        ["Amel Zîn", "B. <b>old</b>", "سلمى"],
    )
    sand = Session.objects.get(title="Reading sand")
    assert shown["sessions"][1] == {
        "id": str(sand.id),
        "title": "Reading sand",
        "description": '<p>Bring a <a href="https://example.org">sieve</a>.</p>\n\nFirst line.\n\n* second\n* third',
        "language": "en",
        "track": "Science",
        "starts_at": "2030-05-10T10:00:00Z",
        "ends_at": "2030-05-10T11:30:00Z",
        "room": "Erg Hall",
        "speakers": [{"id": str(Speaker.objects.get(name="B. <b>old</b>").id), "name": "B. <b>old</b>"}],
    }


@pytest.mark.django_db
def test_a_changed_file_changes_what_differs_and_sessions_keep_their_ids() -> None:
    import_schedule(draft(session(1), session(2), session(3), session(4)))
    ids = {part.title: part.id for part in Session.objects.all()}
    changed = draft(
        session(1),
        session(2, title="Second", duration="02:00", room="Garden"),
        session(3, persons=[{"id": 1, "public_name": "Person 1"}]),
        session(5, language="fr"),
        title="Dunes, renamed",
    )
    assert import_schedule(changed) == ScheduleTally("changed", created=1, changed=2, removed=1, unchanged=1)
    event = Event.objects.get()
    assert (event.title, event.search_text) == ("Dunes, renamed", " dunes renamed")
    parts = {part.title: part for part in event.sessions.all()}
    assert {title: part.id for title, part in parts.items() if title != "Session 5"} == {
        "Session 1": ids["Session 1"],
        "Second": ids["Session 2"],
        "Session 3": ids["Session 3"],
    }
    assert parts["Second"].room == "Garden"
    assert [speaker.name for speaker in parts["Session 3"].speakers.all()] == ["Person 1"]
    # Who no longer speaks leaves the event, and stays on record.
    assert [speaker.name for speaker in event.speakers.all()] == ["Person 1", "Person 2", "Person 5"]
    assert Speaker.objects.count() == 5
    assert [language.code for language in event.languages.all()] == ["en", "fr"]
    assert [entry.verb for entry in AuditEntry.objects.filter(subject=event.id).order_by("id")] == [
        "event.created",
        "event.changed",
    ]
    assert import_schedule(changed) == ScheduleTally("unchanged", created=0, changed=0, removed=0, unchanged=4)


@pytest.mark.parametrize(
    ("sessions", "tally"),
    [
        ([session(1)], ScheduleTally("changed", created=0, changed=0, removed=1, unchanged=1)),
        ([session(1), session(2, track="Art")], ScheduleTally("changed", created=0, changed=1, removed=0, unchanged=1)),
        ([session(1), session(2, persons=[])], ScheduleTally("changed", created=0, changed=1, removed=0, unchanged=1)),
        (
            [session(1), session(2, persons=[{"id": 2, "public_name": "Person II"}])],
            ScheduleTally("changed", created=0, changed=0, removed=0, unchanged=2),
        ),
        (
            [session(1), session(2, persons=[{"id": 2, "public_name": "Person 2"}, {"id": 3, "public_name": "C"}])],
            ScheduleTally("changed", created=0, changed=1, removed=0, unchanged=1),
        ),
    ],
)
@pytest.mark.django_db
def test_any_difference_is_told_once(sessions: list[dict[str, Any]], tally: ScheduleTally) -> None:
    import_schedule(draft(session(1), session(2)))
    event, new = Event.objects.get(), draft(*sessions)
    assert import_schedule(new) == tally
    assert import_schedule(new).event == "unchanged"
    assert AuditEntry.objects.filter(subject=event.id, verb="event.changed").count() == 1
    spoken = {speaker.pk for part in event.sessions.all() for speaker in part.speakers.all()}
    assert {speaker.pk for speaker in event.speakers.all()} == spoken


@pytest.mark.django_db
def test_what_the_file_does_not_say_is_never_touched() -> None:
    import_schedule(draft(session(1), session(2), time_zone_name=...))
    event = Event.objects.get()
    make.confirmed(event)
    by_hand = Session.objects.create(event=event, title="By hand", starts_at=event.starts_at, ends_at=event.ends_at)
    guest = Speaker.objects.create(name="By hand")
    event.speakers.add(guest)
    SeatPool.objects.filter(event=event).update(capacity=5)
    kept: dict[str, Any] = {"status": "cancelled", "location": "Oran", "description": "Ours", "offers_online": True}
    kept |= {"timezone": "Africa/Algiers", "online_url": "https://meet.example.org/", "waitlist_enabled": False}
    Event.objects.filter(pk=event.pk).update(**kept)
    assert import_schedule(draft(session(1, title="Other"), time_zone_name=...)).event == "changed"
    event.refresh_from_db()
    assert {name: getattr(event, name) for name in kept} == kept
    assert event.pools.values_list("capacity", "taken").get() == (5, 1)
    assert {part.title for part in event.sessions.all()} == {"Other", by_hand.title}
    assert {speaker.name for speaker in event.speakers.all()} == {"Person 1", guest.name}


@pytest.mark.django_db
def test_a_session_at_fault_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_bytes(schedule(session(1), session(2), session(3)))
    run(path)
    path.write_bytes(schedule(session(1, duration="00:00"), session(2)))
    assert run(path) == [
        f"{FIRST}: duration: must be longer than nothing",
        "Dunes: changed",
        "sessions: 0 created, 0 changed, 1 removed, 1 unchanged, 1 skipped; notes: 0",
    ]
    assert {part.title for part in Session.objects.all()} == {"Session 1", "Session 2"}
    assert {speaker.name for speaker in Event.objects.get().speakers.all()} == {"Person 1", "Person 2"}


@pytest.mark.django_db
def test_nothing_is_removed_where_it_can_not_be_told_which_session_is_at_fault() -> None:
    import_schedule(draft(session(1), session(2), session(3)))
    tally = import_schedule(draft(session(1), session(2, guid=..., id=...)))
    assert tally == ScheduleTally("unchanged", created=0, changed=0, removed=0, unchanged=1)
    assert Session.objects.count() == 3


@pytest.mark.django_db
def test_an_event_lasts_as_long_as_a_session_that_is_at_fault_now_and_stays_as_it_was() -> None:
    import_schedule(draft(session(1), session(2)))
    ends_at = Event.objects.get().ends_at
    import_schedule(draft(session(1), session(2, duration="bad")))
    assert Event.objects.get().ends_at == ends_at == Session.objects.order_by("ends_at").last().ends_at  # type: ignore[union-attr]


@pytest.mark.django_db
def test_another_conference_with_the_same_acronym_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_bytes(schedule(session(1)))
    run(path)
    before = stored()
    path.write_bytes(schedule(session(9), title="Something else"))
    assert refusal(path) == (
        f'{path} can\'t be imported: its acronym is that of "Dunes", which has another title and not one session in '
        "common with it. Nothing was written."
    )
    assert stored() == before


@pytest.mark.django_db
def test_what_breaks_a_rule_of_events_is_refused_whole() -> None:
    elsewhere = replace(draft(session(1)), assumed={"timezone": "Mars/Base"})
    elsewhere = replace(elsewhere, said={name: text for name, text in elsewhere.said.items() if name != "timezone"})
    with pytest.raises(InvalidError):
        import_schedule(elsewhere)
    assert stored() == [[]] * 7


@pytest.mark.django_db
def test_what_only_the_database_refuses_is_refused_whole() -> None:
    sound = draft(session(1), session(2))
    last = sound.sessions[1]
    impossible = replace(sound, sessions=(sound.sessions[0], replace(last, ends_at=last.starts_at)))
    with pytest.raises(InvalidError, match=r"^the database refuses it: .*session_ends_after_it_starts"):
        import_schedule(impossible)
    assert stored() == [[]] * 7


@pytest.mark.django_db
def test_a_session_stands_once_in_an_event_however_it_is_written() -> None:
    import_schedule(draft(session(1)))
    import_schedule(draft(session(1), acronym="other"))
    one, other = Session.objects.all()
    one.pk = new_id()
    with pytest.raises(IntegrityError):
        one.save(force_insert=True)
    assert one.source_key == other.source_key


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_a_new_schedule_at_the_same_time_are_one_event() -> None:
    new = draft(session(1), session(2))
    with ThreadPoolExecutor(2) as both:
        tallies = list(both.map(import_and_close, [new, new]))
    assert sorted(tally.event for tally in tallies) == ["created", "unchanged"]
    assert (Event.objects.count(), Session.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_at_once_the_later_finds_what_the_earlier_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite a transaction begins as the only writer: nothing can come between, see the test above")
    new, create = draft(session(1), session(2)), schedules._create

    def create_after_another(*args: Any) -> Event:
        monkeypatch.undo()
        with ThreadPoolExecutor(1) as elsewhere:
            assert elsewhere.submit(import_and_close, new).result().event == "created"
        return create(*args)

    monkeypatch.setattr(schedules, "_create", create_after_another)
    assert import_schedule(new) == ScheduleTally("unchanged", created=0, changed=0, removed=0, unchanged=2)


def import_and_close(new: ScheduleDraft) -> ScheduleTally:
    try:
        return import_schedule(new)
    finally:
        connection.close()


@pytest.mark.django_db
def test_events_and_speakers_that_were_not_imported_are_left_alone() -> None:
    event = make.full_event(title="Dunes", kind="conference")
    Speaker.objects.create(name="Person 1")
    before = Event.objects.filter(pk=event.pk).values().get()
    assert import_schedule(draft(session(1))).event == "created"
    assert Event.objects.filter(pk=event.pk).values().get() == before
    assert (event.sessions.count(), Speaker.objects.filter(name="Person 1").count()) == (2, 2)


def many(count: int, **changes: Any) -> ScheduleDraft:
    return draft(*(session(number, **changes) for number in range(count)))


@pytest.mark.django_db
def test_sixty_sessions_take_as_many_statements_as_ten(api: APIClient) -> None:
    asked: dict[int, list[int]] = {}
    for count in (10, 60):
        Event.objects.all().delete()
        Speaker.objects.all().delete()
        steps = [many(count), many(count), many(count, title="Other", persons=[]), many(1)]
        asked[count] = []
        for step in steps:
            with CaptureQueriesContext(connection) as captured:
                import_schedule(step)
            asked[count].append(len(captured))
        import_schedule(many(count))
        with CaptureQueriesContext(connection) as captured:
            assert len(api.get("/api/events/").json()["results"][0]["sessions"]) == count
        asked[count].append(len(captured))
    assert asked[10] == asked[60]
    assert max(asked[60]) < 50


# --- The camp ----------------------------------------------------------------------------------------------------


@pytest.fixture
def camp() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(CAMP.read_bytes())["schedule"]["conference"]
    return whole


@needs_camp
@pytest.mark.django_db
def test_the_camp_stands_as_its_organisers_published_it(camp: dict[str, Any]) -> None:
    assert run(CAMP) == [
        "Chaos Communication Camp 2019: created",
        "sessions: 79 created, 0 changed, 0 removed, 0 unchanged, 0 skipped; notes: 0",
    ]
    published = [
        (
            " ".join(part["title"].split()),
            name,
            day["date"],
            datetime.fromisoformat(part["date"]),
            timedelta(hours=int(part["duration"][:2]), minutes=int(part["duration"][3:])),
            part["language"],
            part["track"],
            sorted(person["public_name"].strip() for person in part["persons"]),
        )
        for day in camp["days"]
        for name, parts in day["rooms"].items()
        for part in parts
    ]
    event = Event.objects.get()
    kept = [
        (
            part.title,
            part.room,
            part.starts_at.astimezone(event.zone).date().isoformat(),
            part.starts_at.astimezone(event.zone),
            part.ends_at - part.starts_at,
            part.language,
            part.track,
            sorted(speaker.name for speaker in part.speakers.all()),
        )
        for part in event.sessions.all()
    ]
    assert len(kept) == 79
    assert sorted(kept) == sorted(published)
    assert {row[3].utcoffset() for row in kept} == {timedelta(hours=2)}
    assert (event.title, event.timezone, event.zone) == (camp["title"], "Europe/Berlin", ZoneInfo("Europe/Berlin"))
    assert [moment.astimezone(event.zone).isoformat() for moment in (event.starts_at, event.ends_at)] == [
        "2019-08-21T11:00:00+02:00",
        "2019-08-25T18:30:00+02:00",
    ]
    assert [language.code for language in event.languages.all()] == ["en", "de"]
    assert Counter(part.language for part in event.sessions.all()) == {"en": 55, "de": 24}
    assert event.speakers.count() == Speaker.objects.count() == 90
    before = stored()
    assert run(CAMP)[-1] == "sessions: 0 created, 0 changed, 0 removed, 79 unchanged, 0 skipped; notes: 0"
    assert stored() == before


@needs_camp
def test_the_camp_in_xml_is_the_same_camp(camp: dict[str, Any]) -> None:
    assert camp["acronym"] == "Camp2019"
    assert read_schedule(as_xml(CAMP.read_bytes())) == read_schedule(CAMP.read_bytes())
