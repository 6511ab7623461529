"""The desk of the door: who was where, who is missing, and what does not fit together."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tests.support import door, make
from turnout.accounts.models import Role, User
from turnout.attendance.models import Device, Scan
from turnout.core.clock import now
from turnout.core.sheets.reading import read_sheet
from turnout.events.actions import Parts
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Session, TeamMember
from turnout.registrations.actions import cancel

pytestmark = pytest.mark.django_db

IN_PATHS = ("", "summary/", "missing/")
EDIT_PATHS = ("conflicts/", "export/")


@pytest.fixture
def owner() -> User:
    return make.user("farid")


@pytest.fixture
def event(owner: User) -> Event:
    start = now() + timedelta(days=1)
    sessions = [
        Session(title=title, starts_at=start + timedelta(hours=hour), ends_at=start + timedelta(hours=hour + 1))
        for hour, title in enumerate(("Opening", "Baking"))
    ]
    return make.event(owner=owner, parts=Parts(languages=["en"], sessions=sessions))


@pytest.fixture
def ten() -> datetime:
    """Return a moment of some hours ago that begins an hour of clocks at the event."""
    return now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)


@pytest.fixture
def scanner(event: Event) -> User:
    person = make.user("samir", role=Role.SEEKER)
    add_member(event, person.email, TeamMember.Role.SCANNER)
    return person


def path(event: Event, rest: str = "") -> str:
    return f"/api/events/{event.id}/attendance/{rest}"


def get(client: APIClient, where: str, **parameters: Any) -> Any:
    answer = client.get(where, parameters)
    assert answer.status_code == 200, answer.content
    return answer.json()


def status(client: APIClient, where: str) -> int:
    answer: Any = client.get(where)
    list(getattr(answer, "streaming_content", ()))  # whose end closes the file
    return int(answer.status_code)


def sessions_of(event: Event) -> list[UUID]:
    return list(Session.objects.filter(event=event).order_by("starts_at").values_list("pk", flat=True))


# --- Who may -----------------------------------------------------------------------------------------------------


def test_the_whole_team_sees_who_was_where_and_managers_what_does_not_fit(event: Event, scanner: User) -> None:
    manager, facilitator, stranger = make.user(), make.user(), make.user(role=Role.SEEKER)
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    expected = {event.owner: (200, 200), manager: (200, 200), scanner: (200, 403), facilitator: (403, 403)}
    expected |= {stranger: (403, 403)}
    for user, (seen, edited) in expected.items():
        client = make.client(user)
        assert [status(client, path(event, each)) for each in IN_PATHS] == [seen] * 3, user
        assert [status(client, path(event, each)) for each in EDIT_PATHS] == [edited] * 2, user
    nobody = make.client()
    assert {status(nobody, path(event, each)) for each in (*IN_PATHS, *EDIT_PATHS)} == {401}


def test_a_draft_of_another_team_is_not_there(owner: User) -> None:
    draft = make.event(status=Event.Status.DRAFT, owner=make.user())
    client = make.client(owner)
    assert {status(client, path(draft, each)) for each in (*IN_PATHS, *EDIT_PATHS)} == {404}


def test_scanners_see_no_address_anywhere(event: Event, owner: User, scanner: User) -> None:
    owner.name = ""
    owner.save()
    amina = make.confirmed(event, "amina")
    make.confirmed(event, "bilal")
    door.taken_back(door.scan(owner, amina), owner)
    client = make.client(scanner)
    said = [client.get(path(event, each)).content.decode() for each in IN_PATHS]
    assert ("Amina" in said[0], "Bilal" in said[2]) == (True, True)
    assert "Somebody of the team" in said[0]
    assert not [each for each in said if "example.org" in each]
    assert get(client, path(event, "missing/"), q="bilal@example.org")["results"] == []


# --- Who was where -----------------------------------------------------------------------------------------------


def test_every_scan_is_listed_the_latest_first_and_what_was_undone_too(
    event: Event, owner: User, scanner: User, ten: datetime
) -> None:
    session = sessions_of(event)[0]
    amina, bilal = make.confirmed(event, "amina"), make.confirmed(event, "bilal")
    first = door.offline(owner, amina, ten, door="North")
    mistake = door.offline(scanner, bilal, ten + timedelta(minutes=1), session=session)
    door.taken_back(mistake, scanner, "the wrong Bilal")
    found = get(make.client(owner), path(event))["results"]
    assert [row["scan_id"] for row in found] == [mistake.scan_id, first.scan_id]
    undone = Scan.objects.get(pk=mistake.pk)
    assert found[0] == {
        "scan_id": mistake.scan_id,
        "registration": str(bilal.pk),
        "full_name": "Bilal",
        "session": str(session),
        "session_title": "Opening",
        "direction": "in",
        "result": "checked_in",
        "passed": True,
        "at": f"{ten + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
        "scanned_at": f"{ten + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
        "clock_offset_ms": 0,
        "received_at": f"{undone.received_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "device": "Tablet",
        "door": "",
        "conflict": "",
        "undone_at": f"{undone.undone_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "undone_by": "Samir",
        "undone_reason": "the wrong Bilal",
        "resolved_at": None,
        "resolved_by": "",
        "resolved_note": "",
    }


def test_scans_are_found_by_what_they_tell(event: Event, owner: User, ten: datetime) -> None:
    amina, bilal, session = make.confirmed(event, "amina"), make.confirmed(event, "bilal"), sessions_of(event)[0]
    minutes = [ten + timedelta(minutes=number) for number in range(5)]
    door.offline(owner, amina, minutes[0], door="North", scan_id="a")
    door.offline(owner, amina, minutes[1], door="South", scan_id="b")  # twice
    door.offline(owner, amina, minutes[2], direction="out", device="Phone", scan_id="c")
    door.offline(owner, bilal, minutes[3], session=session, scan_id="d")
    door.taken_back(door.offline(owner, bilal, minutes[4], scan_id="e"), owner)
    client = make.client(owner)

    def found(**parameters: Any) -> str:
        return "".join(row["scan_id"] for row in get(client, path(event), **parameters)["results"])

    assert found() == "edcba"
    assert found(session=session) == "d"
    assert found(registration=amina.pk) == "cba"
    assert (found(device="Phone"), found(device="Tablet")) == ("c", "edba")
    assert (found(door="North"), found(door="Phone")) == ("a", "c")  # which stood at no door
    assert (found(direction="out"), found(result="already_checked_in")) == ("c", "b")
    assert (found(conflict="true"), found(conflict="false")) == ("b", "edca")
    assert (found(undone="true"), found(undone="false")) == ("e", "dcba")
    assert found(since=minutes[1].isoformat(), until=minutes[3].isoformat()) == "dcb"
    for wrong in ({"session": "x"}, {"direction": "up"}, {"since": "yesterday"}, {"result": "malformed"}):
        assert client.get(path(event), wrong).status_code == 400


def test_scans_of_other_events_are_not_among_them(event: Event, owner: User) -> None:
    elsewhere = make.event(owner=owner)
    door.scan(owner, make.confirmed(elsewhere))
    client = make.client(owner)
    assert get(client, path(event))["results"] == get(client, path(event, "conflicts/"))["results"] == []
    assert get(client, path(event, "summary/"))["people_in"] == 0


# --- The summary -------------------------------------------------------------------------------------------------


def test_an_event_whose_doors_saw_nobody(event: Event, owner: User) -> None:
    make.confirmed(event), make.pending(event)
    found = get(make.client(owner), path(event, "summary/"))
    assert {name: found[name] for name in ("expected", "people_in", "inside", "missing", "open_conflicts")} == {
        "expected": 1,
        "people_in": 0,
        "inside": 0,
        "missing": 1,
        "open_conflicts": 0,
    }
    assert (found["doors"], found["clocks"], found["arrivals"]) == ([], [], {"minutes": 5, "spans": []})
    nothing = {"people_in": 0, "entries": 0, "doubles": 0, "exits": 0, "last_at": None, "inside": 0, "missing": 1}
    assert [{name: place[name] for name in nothing} for place in found["places"]] == [nothing] * 3
    assert [place["title"] for place in found["places"]] == [None, "Opening", "Baking"]


@pytest.fixture
def story(event: Event, owner: User, ten: datetime) -> dict[str, Scan]:
    """Return the scans of a morning.

    Six are expected. Amina went in at North and, a few minutes later and without network, at South; and out. Bilal went
    in, out and in again. Chafia is in the first session, at whose door alone she was seen. Dalia was there and then
    cancelled. Emir was let in by mistake, which was undone. Farah never came.
    """
    names = ("amina", "bilal", "chafia", "dalia", "emir", "farah")
    amina, bilal, chafia, dalia, emir, _farah = (make.confirmed(event, name) for name in names)
    opening, baking = sessions_of(event)

    def at(minutes: float) -> datetime:
        return ten + timedelta(minutes=minutes)

    scans = {
        "amina": door.offline(owner, amina, at(2), door="North"),
        "amina again": door.offline(owner, amina, at(5), door="South"),
        "amina out": door.offline(owner, amina, at(62), door="South", direction="out"),
        "bilal": door.offline(owner, bilal, at(4), door="North"),
        "bilal out": door.offline(owner, bilal, at(31), door="North", direction="out"),
        "bilal back": door.offline(owner, bilal, at(40), door="North"),
        "bilal in the session": door.offline(owner, bilal, at(44), device="Phone", session=opening),
        "chafia": door.offline(owner, chafia, at(45), device="Phone", session=opening),
        "dalia": door.offline(owner, dalia, at(12), door="South"),
        "dalia baking": door.offline(owner, dalia, at(70), session=baking),
        "dalia out": door.offline(owner, dalia, at(80), session=baking, direction="out"),
        "emir": door.offline(owner, emir, at(3), door="North"),
    }
    door.taken_back(scans["emir"], owner)
    cancel(dalia)
    return scans


@pytest.mark.usefixtures("story")
def test_the_figures_of_a_morning(event: Event, owner: User, ten: datetime) -> None:
    opening, baking = map(str, sessions_of(event))

    def clock(minutes: int) -> str:
        return f"{ten + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"

    def counts(people: int, entries: int, doubles: int, exits: int, last: int) -> dict[str, Any]:
        named = {"people_in": people, "entries": entries, "doubles": doubles, "exits": exits}
        return named | {"last_at": clock(last)}

    found = get(make.client(owner), path(event, "summary/"))
    begins = [place.pop("starts_at") for place in found["places"]]
    assert begins == [None, *sorted(begins[1:])]
    spans = found["arrivals"].pop("spans")
    assert found == {
        "expected": 5,  # Dalia is not, any more
        "people_in": 4,  # Amina, Bilal, Chafia, Dalia
        "inside": 3,  # Bilal; Chafia, in the session; Dalia, who left the session and not the event
        "missing": 2,  # Emir, Farah
        "open_conflicts": 1,
        "conflicts": {"double_entry": 1, "bad_ticket": 0, "clock": 0},
        "places": [
            {"id": None, "title": None, "inside": 2, "missing": 3, **counts(3, 4, 1, 2, 62)},
            {"id": opening, "title": "Opening", "inside": 2, "missing": 3, **counts(2, 2, 0, 0, 45)},
            {"id": baking, "title": "Baking", "inside": 0, "missing": 5, **counts(1, 1, 0, 1, 80)},
        ],
        "doors": [
            {"name": "North", **counts(2, 3, 0, 1, 40)},
            {"name": "Phone", **counts(2, 2, 0, 0, 45)},
            {"name": "South", **counts(1, 1, 1, 1, 62)},
            {"name": "Tablet", **counts(1, 1, 0, 1, 80)},
        ],
        "arrivals": {"minutes": 5},
        "clocks": [],
    }
    came = {
        span["starts_at"]: (span["people"], span["sessions"]) for span in spans if span["people"] or span["sessions"]
    }
    assert came == {
        clock(0): (2, {}),
        clock(10): (1, {}),
        clock(40): (0, {opening: 1}),
        clock(45): (1, {opening: 1}),
        clock(70): (0, {baking: 1}),
    }
    assert len(spans) == 15  # those without anybody too


def test_who_is_seen_at_sessions_alone_is_in_once(event: Event, owner: User, ten: datetime) -> None:
    amina = make.confirmed(event, "amina")
    for session in sessions_of(event):
        door.offline(owner, amina, ten, session=session)
    found = get(make.client(owner), path(event, "summary/"))
    assert (found["inside"], found["people_in"], found["missing"]) == (1, 1, 0)
    assert [place["inside"] for place in found["places"]] == [0, 1, 1]


def test_who_left_the_event_is_out_though_they_never_left_a_session(event: Event, owner: User, ten: datetime) -> None:
    amina = make.confirmed(event, "amina")
    door.offline(owner, amina, ten)
    door.offline(owner, amina, ten + timedelta(minutes=1), session=sessions_of(event)[0])
    door.offline(owner, amina, ten + timedelta(minutes=2), direction="out")
    found = get(make.client(owner), path(event, "summary/"))
    assert (found["inside"], [place["inside"] for place in found["places"]]) == (0, [0, 1, 0])


def test_of_two_passages_in_one_moment_the_name_decides(event: Event, owner: User, ten: datetime) -> None:
    """By code points, as in `turnout.attendance.outcomes`: capital letters come first."""
    amina, bilal = make.confirmed(event), make.confirmed(event)
    door.offline(owner, amina, ten, scan_id="Z")
    door.offline(owner, amina, ten, scan_id="a", direction="out")
    door.offline(owner, bilal, ten, scan_id="b")
    door.offline(owner, bilal, ten, scan_id="B", direction="out")
    assert get(make.client(owner), path(event, "summary/"))["inside"] == 1


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        (timedelta(hours=8), (5, 97)),
        (timedelta(hours=9), (15, 37)),
        (timedelta(days=3), (60, 73)),
        (timedelta(days=20), (360, 81)),
        (timedelta(days=90), (1440, 91)),
        (timedelta(days=4000), (1440, 100)),
    ],
)
def test_arrivals_are_in_a_hundred_spans_at_most(
    event: Event, owner: User, ten: datetime, apart: timedelta, expected: tuple[int, int]
) -> None:
    door.offline(owner, make.confirmed(event), ten - apart)
    door.offline(owner, make.confirmed(event), ten)
    found = get(make.client(owner), path(event, "summary/"))["arrivals"]
    assert (found["minutes"], len(found["spans"])) == expected
    assert found["spans"][-1]["people"] == 1
    assert found["spans"][0]["people"] == (1 if apart < timedelta(days=100) else 0)


def test_spans_begin_as_clocks_at_the_event_show(owner: User) -> None:
    event = make.event(owner=owner, timezone="Asia/Kathmandu")  # 5:45 ahead of UTC
    moment = datetime.fromisoformat("2026-05-06T10:20:00+05:45")
    door.offline(owner, make.confirmed(event), moment)
    door.offline(owner, make.confirmed(event), moment + timedelta(hours=30))
    found = get(make.client(owner), path(event, "summary/"))["arrivals"]
    assert (found["minutes"], found["spans"][0]["starts_at"]) == (60, "2026-05-06T04:15:00Z")


def test_by_a_clock_that_is_ahead_somebody_came_when_we_heard_of_it(event: Event, owner: User) -> None:
    ahead = door.offline(owner, make.confirmed(event), now() + timedelta(days=400))
    found = get(make.client(owner), path(event, "summary/"))
    assert found["conflicts"] == {"double_entry": 0, "bad_ticket": 0, "clock": 1}
    (span,) = found["arrivals"]["spans"]
    assert datetime.fromisoformat(span["starts_at"]) <= ahead.received_at


def test_devices_whose_clocks_run_away_are_named(event: Event, owner: User) -> None:
    for number, error in enumerate((30_000, 30_001, -30_001, None)):
        Device.objects.create(
            event=event,
            name=f"Phone {number}",
            made_by="user:x",
            created_at=now(),
            code_hash=str(number),
            code_expires_at=now(),
            clock_error_ms=error,
        )
    found = get(make.client(owner), path(event, "summary/"))["clocks"]
    assert [(each["name"], each["clock_error_ms"]) for each in found] == [("Phone 1", 30_001), ("Phone 2", -30_001)]


# --- Who is missing ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("story")
def test_who_is_missing_at_the_event_or_in_a_session(event: Event, owner: User) -> None:
    client = make.client(owner)

    def missing(**parameters: Any) -> list[str]:
        return [row["full_name"] for row in get(client, path(event, "missing/"), **parameters)["results"]]

    opening, baking = sessions_of(event)
    assert missing() == ["Emir", "Farah"]
    assert missing(session=opening) == ["Amina", "Emir", "Farah"]
    assert missing(session=baking) == ["Amina", "Bilal", "Chafia", "Emir", "Farah"]
    assert missing(q="far") == ["Farah"]
    assert missing(attendance_type="online") == []
    assert set(get(client, path(event, "missing/"))["results"][0]) == {"id", "full_name", "attendance_type"}
    assert client.get(path(event, "missing/"), {"session": "x"}).status_code == 400


# --- What does not fit together ----------------------------------------------------------------------------------


def test_two_entries_are_shown_side_by_side_until_somebody_has_looked(
    event: Event, owner: User, story: dict[str, Scan]
) -> None:
    client = make.client(owner)
    (found,) = get(client, path(event, "conflicts/"))["results"]
    assert (found["scan_id"], found["door"], found["conflict"]) == (
        story["amina again"].scan_id,
        "South",
        "double_entry",
    )
    assert (found["entry"]["scan_id"], found["entry"]["door"]) == (story["amina"].scan_id, "North")

    answer = client.post(f"/api/attendance/{found['scan_id']}/resolve/", {"note": "She came back"}, format="json")
    assert answer.status_code == 200
    assert (answer.json()["resolved_by"], answer.json()["resolved_note"]) == ("Farid", "She came back")
    assert get(client, path(event, "conflicts/"))["results"] == []
    assert get(client, path(event), conflict="true")["results"][0]["resolved_note"] == "She came back"


def test_an_entry_repeats_the_one_before_it_and_not_the_first_of_all(event: Event, owner: User, ten: datetime) -> None:
    amina = make.confirmed(event)
    moments = [ten + timedelta(minutes=10 * number) for number in range(5)]
    for at, direction in zip(moments, ("in", "out", "in", "in", "in"), strict=True):
        door.offline(owner, amina, at, direction=direction, scan_id=f"at-{at.minute}")
    found = get(make.client(owner), path(event, "conflicts/"))["results"]
    assert [(each["scan_id"], each["entry"]["scan_id"]) for each in found] == [("at-40", "at-20"), ("at-30", "at-20")]


def test_who_went_in_with_a_bad_ticket_is_on_the_list_and_off_it_once_undone(event: Event, owner: User) -> None:
    amina = make.confirmed(event)
    cancel(amina)
    scan = door.offline(owner, amina)
    client = make.client(owner)
    (found,) = get(client, path(event, "conflicts/"))["results"]
    assert (found["conflict"], found["result"], found["entry"]) == ("bad_ticket", "cancelled", None)
    assert client.post(f"/api/attendance/{scan.scan_id}/undo/", {"reason": "sent home"}).status_code == 200
    assert get(client, path(event, "conflicts/"))["results"] == []


def test_scanners_and_strangers_resolve_nothing(event: Event, owner: User, scanner: User) -> None:
    scan = door.double(owner, make.confirmed(event))
    where, note = f"/api/attendance/{scan.scan_id}/resolve/", {"note": "fine"}
    asked = {user: make.client(user).post(where, note).status_code for user in (scanner, make.user())}
    assert list(asked.values()) == [403, 404]
    assert make.client().post(where, note).status_code == 401
    assert get(make.client(owner), path(event, "summary/"))["open_conflicts"] == 1


def test_where_nothing_conflicts_there_is_nothing_to_resolve(event: Event, owner: User) -> None:
    scan = door.scan(owner, make.confirmed(event))
    client = make.client(owner)
    answer = client.post(f"/api/attendance/{scan.scan_id}/resolve/", {"note": "fine"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_conflict")
    assert client.post(f"/api/attendance/{scan.scan_id}/resolve/", {"note": ""}).status_code == 400


def test_a_name_at_two_events_needs_the_event(event: Event, owner: User) -> None:
    elsewhere = make.event(owner=owner)
    for each in (event, elsewhere):
        who = make.confirmed(each)
        door.offline(owner, who), door.offline(owner, who, scan_id="same")
    client = make.client(owner)
    assert client.post("/api/attendance/same/resolve/", {"note": "fine"}).json()["code"] == "ambiguous"
    sent = {"note": "fine", "event": str(event.id)}
    assert client.post("/api/attendance/same/resolve/", sent).status_code == 200
    assert list(Scan.objects.exclude(resolved_at=None).values_list("event", flat=True)) == [event.pk]


# --- As a sheet --------------------------------------------------------------------------------------------------


def exported(client: APIClient, where: str, **parameters: Any) -> list[dict[str, str]]:
    answer: Any = client.get(where, {"format": "csv", **parameters})
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_sheet_has_every_scan_with_addresses_and_no_formula(event: Event, owner: User, ten: datetime) -> None:
    amina = make.confirmed(event, "amina", full_name="=1+1")
    door.offline(owner, amina, ten, device="@home")
    door.taken_back(door.offline(owner, amina, ten + timedelta(minutes=1)), owner, "-1")
    client = make.client(owner)
    first, second = exported(client, path(event, "export/"))
    local = ten.astimezone(event.zone).isoformat(timespec="seconds")
    assert (first["full_name"], first["email"], first["device"], first["at"]) == (
        "'=1+1",
        "amina@example.org",
        "'@home",
        local,
    )
    assert (second["undone_by"], second["undone_reason"], second["made_by"]) == ("Farid", "'-1", "Farid")
    assert len(exported(client, path(event, "export/"), undone="true")) == 1
    answer: Any = client.get(path(event, "export/"))
    workbook = b"".join(answer.streaming_content)
    rows = read_sheet(workbook, ["scan_id", "result"], most=10)
    assert len(rows) == 2
    assert client.get(path(event, "export/"), {"format": "pdf"}).status_code == 400


@pytest.mark.usefixtures("story")
def test_a_sheet_has_everybody_with_how_long_they_were_there(event: Event, owner: User, ten: datetime) -> None:
    Session.objects.filter(event=event, title="Opening").update(starts_at=ten, ends_at=ten + timedelta(hours=1))
    client = make.client(owner)
    found = {row["full_name"]: row for row in exported(client, path(event, "export/"), rows="people")}
    names = ("email", "status", "minutes", "sessions", "session_titles")
    assert {name: tuple(row[each] for each in names) for name, row in found.items()} == {
        "Amina": ("amina@example.org", "confirmed", "0", "0", ""),  # the event itself has not begun
        "Bilal": ("bilal@example.org", "confirmed", "16", "1", "Opening"),
        "Chafia": ("chafia@example.org", "confirmed", "15", "1", "Opening"),
        "Dalia": ("dalia@example.org", "cancelled", "0", "1", "Baking"),  # without rules, coming is enough
        "Emir": ("emir@example.org", "confirmed", "0", "0", ""),
        "Farah": ("farah@example.org", "confirmed", "0", "0", ""),
    }
    first = (ten + timedelta(minutes=2)).astimezone(event.zone).isoformat(timespec="seconds")
    assert (found["Amina"]["checked_in_at"], found["Farah"]["checked_in_at"]) == (first, "")
    assert client.get(path(event, "export/"), {"rows": "all"}).status_code == 400


def test_a_sheet_of_more_than_are_read_at_once_is_whole(event: Event, owner: User, ten: datetime) -> None:
    rows(event, owner, 2_500, ten)
    found = exported(make.client(owner), path(event, "export/"))
    assert len({row["scan_id"] for row in found}) == len(found) == 2_500


# --- What it costs -----------------------------------------------------------------------------------------------


def rows(event: Event, owner: User, count: int, at: datetime) -> None:
    """Write down scans of one person, in and out."""
    who = make.confirmed(event)
    Scan.objects.bulk_create(
        Scan(
            event=event,
            scan_id=f"row-{number}",
            registration=who,
            direction="in" if number % 2 else "out",
            scanned_at=at,
            at=at + timedelta(seconds=number // 3),
            received_at=now(),
            device=f"Device {number % 7}",
            made_by=f"user:{owner.pk}",
            passed=True,
            result="checked_in" if number % 2 else "checked_out",
        )
        for number in range(count)
    )


@pytest.mark.parametrize("many", [1, 100])
def test_what_many_scans_cost_is_what_one_costs(
    event: Event, owner: User, ten: datetime, many: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(1 if many == 1 else 5):
        door.double(owner, make.confirmed(event), sessions_of(event)[0])
        door.taken_back(door.scan(owner, make.confirmed(event)), owner)
        make.confirmed(event)
    rows(event, owner, many, ten)
    client = make.client(owner)
    with django_assert_num_queries(5):  # session, person, event, scans, names
        get(client, path(event), page_size=100)
    with django_assert_num_queries(13):
        get(client, path(event, "summary/"))
    with django_assert_num_queries(4):  # session, person, event, people
        get(client, path(event, "missing/"))
    with django_assert_num_queries(5):  # session, person, event, scans, entries
        get(client, path(event, "conflicts/"))
