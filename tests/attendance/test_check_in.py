"""A scan with network: who gets in, and what whoever stands at the door is told."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.attendance.conftest import CHECK_IN, SYNC, Door, iso
from tests.support import make
from turnout.attendance.actions.devices import add_device, pair
from turnout.attendance.models import DoorNote, Scan
from turnout.core import audit
from turnout.core.clock import now
from turnout.events.actions.questions import QuestionDraft
from turnout.events.models import Event, Question, Session
from turnout.notifications.feed.models import Entry
from turnout.registrations.actions import cancel
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text


def test_a_scanner_lets_somebody_in_once_and_is_told_who_and_nothing_of_their_address(door: Door) -> None:
    first = door.check_in(door.amina, door="North")
    second = door.check_in(door.amina, door="South")

    assert (first["result"], first["first"]) == ("checked_in", None)
    assert first["registration"] == {
        "id": str(door.amina.pk),
        "full_name": "Amina",
        "status": "confirmed",
        "attendance_type": "on_site",
        "checked_in_at": first["at"],
        "note": "",
        "answers": [],
    }
    assert (second["result"], second["registration"]["checked_in_at"]) == ("already_checked_in", first["at"])
    assert second["first"] == {"scan_id": "scan-1", "at": first["at"], "device": "Phone", "door": "North"}
    assert door.amina.email not in json.dumps([first, second])
    assert door.rows() == [("scan-1", "checked_in", True), ("scan-2", "already_checked_in", False)]


def test_the_same_scan_sent_again_has_the_same_answer_and_is_kept_once(door: Door) -> None:
    body = door.scan(door.amina)
    answers = [door.client.post(CHECK_IN, body, format="json").json() for _ in range(3)]

    assert answers == [answers[0]] * 3
    assert answers[0]["result"] == "checked_in"
    assert door.rows() == [("scan-1", "checked_in", True)]


def test_what_a_device_tells_of_itself_stands_in_no_scans_way(door: Door) -> None:
    assert door.check_in(door.amina, battery=40, queued=2)["result"] == "checked_in"


@pytest.mark.parametrize(
    ("scanned_at", "offset"),
    [("0001-01-01T00:00:00Z", 63_900_000_000_000), ("9999-01-01T00:00:00Z", -251_700_000_000_000)],
)
def test_a_clock_that_shows_no_year_people_mean_is_refused(door: Door, scanned_at: str, offset: int) -> None:
    """However it is corrected: not every database, and no spreadsheet, has such a moment."""
    body = door.scan(door.amina, scanned_at=scanned_at, clock_offset_ms=offset)
    answer = door.client.post(CHECK_IN, body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/scanned_at")


def test_a_name_of_another_scan_is_refused_and_changes_nothing(door: Door) -> None:
    karim = make.confirmed(door.event, "karim")
    door.check_in(door.amina)
    answer = door.client.post(CHECK_IN, door.scan(karim, scan_id="scan-1"), format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "scan_id_reused")
    assert door.rows() == [("scan-1", "checked_in", True)]


def test_who_goes_out_may_come_in_again(door: Door) -> None:
    results = [door.check_in(door.amina, direction=way)["result"] for way in ("in", "out", "in", "in", "out", "out")]

    assert results == ["checked_in", "checked_out", "checked_in", "already_checked_in", "checked_out", "checked_out"]
    assert [opens for _name, _result, opens in door.rows()] == [True, False, False, False, False, False]


def test_each_session_has_its_own_door_and_another_events_session_is_refused(door: Door) -> None:
    start = door.event.starts_at
    talk, other = (
        event.sessions.create(title="Talk", starts_at=start, ends_at=start + timedelta(hours=1))
        for event in (door.event, make.event())
    )
    results = [
        door.check_in(door.amina, **where)["result"] for where in ({}, {"session": talk.pk}, {"session": talk.pk})
    ]
    refused = door.client.post(CHECK_IN, door.scan(door.amina, event=door.event.pk, session=other.pk), format="json")

    assert results == ["checked_in", "checked_in", "already_checked_in"]
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/session")


@pytest.mark.parametrize("status", ["cancelled", "waitlisted", "replaced"])
def test_a_ticket_that_holds_no_more_lets_nobody_in_and_says_why(door: Door, status: str) -> None:
    shown = ticket_text(door.amina)
    if status == "cancelled":
        cancel(door.amina)
    elif status == "waitlisted":
        Registration.objects.filter(pk=door.amina.pk).update(status="waitlisted", place=1)
    else:
        reissue_ticket(door.amina, actor=audit.SYSTEM)
    told = door.check_in(shown)

    result = {"cancelled": "cancelled", "waitlisted": "not_confirmed", "replaced": "revoked"}[status]
    assert (told["result"], told["registration"]["full_name"]) == (result, "Amina")
    assert door.rows() == [("scan-1", result, False)]
    assert door.check_in(shown, direction="out")["result"] == result


def test_what_is_no_ticket_of_ours_is_answered_as_such(door: Door) -> None:
    altered = ticket_text(door.amina)[:-1] + "x"
    for shown in ("https://example.org/", "x" * 4000, altered, "   ", "T1.", "💥"):
        told = door.check_in(shown)
        assert (told["result"], told["registration"]) == ("invalid_ticket", None)
    assert door.rows() == []  # at whose door that was, nobody can tell

    assert door.check_in(altered, event=door.event.pk)["result"] == "invalid_ticket"
    assert [result for _name, result, _opens in door.rows()] == ["invalid_ticket"]


def test_a_ticket_of_another_event_does_not_tell_whose_it_is(door: Door) -> None:
    foreign = make.confirmed(make.event(), "karim")
    told = door.check_in(foreign, event=door.event.pk)

    assert (told["result"], told["registration"]) == ("wrong_event", None)
    assert "Karim" not in json.dumps(told)
    assert Scan.objects.get().registration is None


def test_who_is_not_of_the_team_can_ask_nothing(door: Door) -> None:
    other = make.event(owner=make.user())
    for client, status in (
        (make.client(), 401),
        (make.client(make.user()), 404),
        (make.client(other.owner), 404),
        (make.client(make.user(address_verified=False)), 401),
    ):
        bodies: list[dict[str, Any]] = [door.scan(door.amina), door.scan(door.amina, event=door.event.pk)]
        # Nor which registrations there are.
        bodies += [{**door.scan(""), "registration": str(key), "ticket": None} for key in (door.amina.pk, uuid.uuid4())]
        assert {client.post(CHECK_IN, body, format="json").status_code for body in bodies} == {status}
    # Whoever owns another event can't pass hers off as its ticket's either.
    told = make.client(other.owner).post(CHECK_IN, door.scan(door.amina, event=other.pk), format="json").json()
    assert (told["result"], told["registration"]) == ("wrong_event", None)
    assert not Scan.objects.filter(event=door.event).exists()


def test_somebody_without_a_ticket_is_found_by_name_and_checked_in(door: Door) -> None:
    make.pending(door.event, "amine")
    path = f"/api/events/{door.event.pk}/check-in/people/"
    found = door.client.get(path, {"q": "AMI"}).json()["results"]
    body = door.scan("") | {"registration": found[0]["id"]}
    del body["ticket"]
    told = door.client.post(CHECK_IN, body, format="json").json()

    assert [person["full_name"] for person in found] == ["Amina"]
    assert (told["result"], Scan.objects.get().ticket_id) == ("checked_in", None)
    assert door.client.get(path, {"q": "amina"}).json()["results"][0]["checked_in_at"] == told["at"]
    # Not by the address, and nobody for nothing.
    assert [door.client.get(path, {"q": text}).json()["results"] for text in ("amina@example", "", "  ")] == [
        [],
        [],
        [],
    ]
    assert make.client(make.user()).get(path, {"q": "amina"}).status_code == 403


def test_who_has_left_or_is_elsewhere_is_not_found_as_there(door: Door) -> None:
    path = f"/api/events/{door.event.pk}/check-in/people/"
    session = Session.objects.create(
        event=door.event, title="Talk", starts_at=door.event.starts_at, ends_at=door.event.ends_at
    )

    def since(**where: str) -> Any:
        return door.client.get(path, {"q": "amina", **where}).json()["results"][0]["checked_in_at"]

    first = door.check_in(door.amina)["at"]
    assert (since(), since(session=""), since(session=str(session.pk))) == (first, first, None)
    door.check_in(door.amina, direction="out")
    assert since() is None
    there = door.check_in(door.amina, session=str(session.pk))["at"]
    assert (since(), since(session=str(session.pk))) == (None, there)
    refused = [door.client.get(path, {"q": "a" * 201}), door.client.get(path, {"q": "a", "session": "Talk"})]
    assert [answer.status_code for answer in refused] == [400, 400]


def test_only_what_is_marked_so_is_shown_at_the_door(door: Door) -> None:
    event, (diet, allergy) = make.asking(
        QuestionDraft("Diet", "text"), QuestionDraft("Allergy", "text"), owner=door.owner
    )
    guest = make.confirmed(event, "salma", answers={str(diet.key): "halal", str(allergy.key): "nuts"})
    Question.objects.filter(pk=diet.pk).update(at_door=True)
    DoorNote.objects.create(registration=guest, text="Speaker, room 2", made_by="user:1", at=now())
    door.client = make.client(door.owner)
    told = door.check_in(guest)["registration"]

    assert (told["note"], told["answers"]) == ("Speaker, room 2", [{"label": "Diet", "answer": "halal"}])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scan_id": ""}, "/scan_id"),
        ({"scan_id": "a b"}, "/scan_id"),
        ({"scan_id": "x" * 65}, "/scan_id"),
        ({"scanned_at": "yesterday"}, "/scanned_at"),
        ({"scanned_at": "9999-12-31T23:59:59Z", "clock_offset_ms": 10**13}, "/scanned_at"),
        ({"scanned_at": "0001-01-01T00:00:00Z"}, "/scanned_at"),
        ({"clock_offset_ms": 10**30}, "/clock_offset_ms"),
        ({"clock_offset_ms": "soon"}, "/clock_offset_ms"),
        ({"direction": "up"}, "/direction"),
        ({"session": "Talk"}, "/session"),
        ({"registration": str(uuid.uuid4())}, "/ticket"),
        ({"device": "x" * 101}, "/device"),
    ],
)
def test_what_makes_no_sense_is_refused_and_keeps_nothing(door: Door, change: dict[str, Any], pointer: str) -> None:
    answer = door.client.post(CHECK_IN, door.scan(door.amina) | change, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert door.rows() == []


@pytest.mark.parametrize("by", ["ticket", "registration", "device", "sync"])
def test_a_moment_without_an_offset_is_what_clocks_at_the_event_show(door: Door, by: str) -> None:
    event = door.event
    shown = now().astimezone(event.zone).replace(microsecond=0, tzinfo=None)
    scan = door.scan(door.amina, scanned_at=shown.isoformat())
    if by == "registration":
        scan = {**scan, "ticket": None, "registration": str(door.amina.pk)}
    client = door.client
    if by == "device":
        client = make.client()
        _device, code = add_device(event, "Tablet", "", actor="user:1")
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair(code)[1]}")
    path, body = (SYNC, {"scans": [scan], "sent_at": shown.isoformat()}) if by == "sync" else (CHECK_IN, scan)
    answer = client.post(path, body, format="json")
    assert answer.status_code == 200, answer.json()
    assert Scan.objects.get(event=event).scanned_at == shown.replace(tzinfo=event.zone)


def test_what_is_added_to_a_clock_that_skips_an_hour_is_time_that_passed(door: Door) -> None:
    Event.objects.filter(pk=door.event.pk).update(timezone="Europe/Paris")
    # Clocks go from three to two at one in the morning, UTC.
    told = door.check_in(door.amina, scanned_at="2030-10-27T04:00:00", clock_offset_ms=-2 * 60 * 60 * 1000)
    assert told["at"] == "2030-10-27T01:00:00Z"


def test_a_moment_is_corrected_by_the_devices_offset(door: Door) -> None:
    seven = datetime.fromisoformat("2030-05-06T07:00:00+00:00")
    told = door.check_in(door.amina, scanned_at=iso(seven), clock_offset_ms=-90_500)

    assert told["at"] == "2030-05-06T06:58:29.500000Z"


def test_undoing_an_entry_lets_the_person_in_again_and_keeps_the_record(door: Door) -> None:
    door.check_in(door.amina)
    undo = f"/api/attendance/{'scan-1'}/undo/"
    assert door.client.post(undo, {}, format="json").json()["errors"][0]["pointer"] == "/reason"
    assert make.client(make.user()).post(undo, {"reason": "x"}, format="json").status_code == 404
    answers = [door.client.post(undo, {"reason": reason}, format="json").json() for reason in ("Wrong person", "Again")]

    assert [answer["undone_reason"] for answer in answers] == ["Wrong person"] * 2
    assert door.check_in(door.amina)["result"] == "checked_in"
    assert door.rows() == [("scan-1", "checked_in", False), ("scan-2", "checked_in", True)]
    # And when the device repeats it, it stays undone.
    assert door.rows() == [("scan-1", "checked_in", False), ("scan-2", "checked_in", True)]
    refused = door.client.post("/api/attendance/unknown/undo/", {"reason": "x"}, format="json")
    assert refused.status_code == 404


def test_what_let_nobody_in_cannot_be_undone(door: Door) -> None:
    door.check_in(door.amina)
    door.check_in(door.amina)
    answer = door.client.post("/api/attendance/scan-2/undo/", {"reason": "x"}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_undo")


def test_who_follows_the_event_hears_of_it_once(door: Door) -> None:
    body = door.scan(door.amina)
    for _ in range(2):
        door.client.post(CHECK_IN, body, format="json")
    door.check_in(door.amina)
    door.check_in(door.amina, direction="out")
    door.client.post("/api/attendance/scan-1/undo/", {"reason": "x"}, format="json")

    heard = Entry.objects.filter(topic=door.event.pk, kind__startswith="checkin.").order_by("id")
    told = [(entry.kind, entry.subject, entry.account, entry.data["scan"]) for entry in heard]
    about = (door.amina.pk, door.owner.pk)
    assert told == [
        ("checkin.created", *about, "scan-1"),
        ("checkin.out", *about, "scan-3"),
        ("checkin.undone", *about, "scan-1"),
    ]


def test_a_first_scan_is_one_read_and_one_transaction_of_two_writes(door: Door) -> None:
    door.check_in(make.confirmed(door.event, "first"))  # which reads the key, once a process
    shown = door.scan(make.confirmed(door.event, "second"))
    with CaptureQueriesContext(connection) as captured:
        door.client.post(CHECK_IN, shown, format="json")

    statements = [query["sql"].split()[0] for query in captured.captured_queries[2:]]  # behind session and user
    assert statements == ["SELECT", "SAVEPOINT", "INSERT", "INSERT", "RELEASE"]
