"""Scans without network: each is answered on its own, and none is lost. In any order: test_order.py."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.attendance.conftest import CHECK_IN, SYNC, Door, iso
from tests.support import make
from turnout.attendance.actions.corrections import resolve
from turnout.attendance.actions.devices import add_device, pair
from turnout.attendance.models import Scan
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.events.models import Event
from turnout.notifications.feed.models import Entry
from turnout.registrations.actions import cancel
from turnout.registrations.tickets import ticket_text


def test_each_is_answered_in_order_and_what_cannot_be_read_keeps_no_other_back(door: Door) -> None:
    karim = make.confirmed(door.event, "karim")
    foreign = make.confirmed(make.event(), "foreign")
    scans = [
        door.scan(door.amina),
        3,
        None,
        {"scan_id": "half"},
        door.scan(door.amina),
        door.scan(foreign),
        door.scan(karim, direction="sideways"),
        door.scan(karim),
        door.scan("rubbish", event=str(door.event.pk)),
    ]
    told = door.sync(*scans)

    assert [each["result"] for each in told] == [
        "checked_in",
        "malformed",
        "malformed",
        "malformed",
        "already_checked_in",
        "not_found",
        "malformed",
        "checked_in",
        "invalid_ticket",
    ]
    assert [each["scan_id"] for each in told[:5]] == ["scan-1", "", "", "half", "scan-2"]
    assert told[4]["first"]["scan_id"] == "scan-1"
    assert told[6]["errors"][0]["pointer"] == "/direction"
    assert door.sync(*scans) == told
    assert len(door.rows()) == 4


def test_what_is_null_is_what_is_not_said(door: Door) -> None:
    nothing = dict.fromkeys(["clock_offset_ms", "direction", "session", "device", "door", "passed", "registration"])
    (told,) = door.sync(door.scan(door.amina) | nothing)
    again = door.client.post(CHECK_IN, door.scan(door.amina) | nothing, format="json")
    assert (told["result"], again.status_code, again.json()["result"]) == ("checked_in", 200, "already_checked_in")


def test_a_name_used_for_nobody_and_then_for_somebody_keeps_no_other_back(door: Door) -> None:
    karim = make.confirmed(door.event, "karim")
    good = door.scan(karim)
    rubbish = door.scan("rubbish", event=str(door.event.pk)) | {"passed": False}
    named = {key: value for key, value in rubbish.items() if key not in {"ticket", "passed"}}
    told = door.sync(rubbish, named | {"registration": str(door.amina.pk)}, good)
    assert [each["result"] for each in told] == ["invalid_ticket", "malformed", "checked_in"]
    assert told[1]["errors"][0]["code"] == "scan_id_reused"
    online = door.client.post(CHECK_IN, named | {"registration": str(door.amina.pk)}, format="json")
    assert (online.status_code, online.json()["code"]) == (409, "scan_id_reused")


def test_a_thousand_and_one_are_too_many_and_a_thousand_are_not(door: Door) -> None:
    scan = door.scan(door.amina)
    answers = [door.client.post(SYNC, {"scans": [scan] * count}, format="json") for count in (1001, 1000, 0)]

    assert [answer.status_code for answer in answers] == [413, 200, 200]
    assert {each["result"] for each in answers[1].json()["results"]} == {"checked_in"}


@pytest.mark.parametrize("body", [{}, {"scans": None}, {"scans": "x"}, {"scans": {"a": 1}}])
def test_what_holds_no_scans_is_refused(door: Door, body: dict[str, Any]) -> None:
    assert door.client.post(SYNC, body, format="json").status_code == 400


def test_whoever_stands_at_no_door_gets_nothing(door: Door) -> None:
    scan = door.scan(door.amina)
    for client, status in ((make.client(), 401), (make.client(make.user()), 404)):
        assert client.post(SYNC, {"scans": [scan, {}]}, format="json").status_code == status
    assert door.rows() == []


def test_of_two_devices_entries_the_earlier_counts_whichever_came_first(door: Door) -> None:
    ten = now() - timedelta(hours=1)
    early = door.scan(door.amina, scanned_at=iso(ten), device="North")
    late = door.scan(door.amina, scanned_at=iso(ten - timedelta(minutes=5)), clock_offset_ms=600_000, device="South")

    assert [each["result"] for each in door.sync(late)] == ["checked_in"]
    assert [each["result"] for each in door.sync(early)] == ["checked_in"]
    (again,) = door.sync(late)
    assert (again["result"], again["first"]["device"]) == ("already_checked_in", "North")
    conflict = Scan.objects.open_conflicts().get()
    assert (conflict.scan_id, conflict.conflict) == ("scan-2", "double_entry")


def test_of_two_at_the_same_moment_the_smaller_name_counts(door: Door) -> None:
    ten = iso(now() - timedelta(hours=1))
    for name in ("b", "c", "a", "d"):
        door.sync(door.scan(door.amina, scan_id=name, scanned_at=ten))

    assert [(name, opens) for name, _result, opens in sorted(door.rows())] == [
        ("a", True),
        ("b", False),
        ("c", False),
        ("d", False),
    ]


def test_whoever_cancelled_after_they_came_was_there_and_whoever_cancelled_before_is_shown_to_the_team(
    door: Door,
) -> None:
    before, after = now() - timedelta(hours=1), now() + timedelta(seconds=1)
    shown = ticket_text(door.amina)
    cancel(door.amina)
    told = door.sync(door.scan(shown, scanned_at=iso(before)), door.scan(shown, scanned_at=iso(after)))

    assert [each["result"] for each in told] == ["checked_in", "cancelled"]
    assert [scan.conflict for scan in Scan.objects.open_conflicts()] == ["bad_ticket"]


def test_what_its_device_refused_is_kept_and_lets_nobody_in(door: Door) -> None:
    turned_away = door.scan(door.amina, passed=False, scanned_at=iso(now() - timedelta(hours=1)))
    told = door.sync(turned_away, door.scan(door.amina))

    assert [each["result"] for each in told] == ["already_checked_in", "checked_in"]
    assert [(name, opens) for name, _result, opens in door.rows()] == [("scan-1", False), ("scan-2", True)]
    assert not Scan.objects.open_conflicts().exists()


def test_a_scan_that_comes_twice_in_one_batch_refused_and_made_all_the_same_is_an_entry(door: Door) -> None:
    scan = door.scan(door.amina)

    assert [each["result"] for each in door.sync({**scan, "passed": False}, scan)] == ["checked_in", "checked_in"]
    assert door.rows() == [("scan-1", "checked_in", True)]


def test_who_went_in_although_refused_online_is_news_of_the_event(door: Door) -> None:
    door.check_in(door.amina)
    refused = door.scan(door.amina)
    door.client.post(CHECK_IN, refused, format="json")
    door.client.post("/api/attendance/scan-1/undo/", {"reason": "Wrong person"}, format="json")
    door.sync(refused)

    heard = Entry.objects.filter(topic=door.event.pk, kind="checkin.created").order_by("id")
    assert [entry.data["scan"] for entry in heard] == ["scan-1", "scan-2"]


def test_what_the_team_made_of_one_conflict_does_not_hide_another(door: Door) -> None:
    ahead = door.scan(door.amina, scanned_at=iso(now() + timedelta(hours=1)))
    door.sync(ahead)
    resolve(Scan.objects.open_conflicts().get(), "The old tablet", actor="user:1")
    door.sync(door.scan(door.amina))

    assert [(scan.scan_id, scan.conflict) for scan in Scan.objects.open_conflicts()] == [("scan-1", "double_entry")]


def test_a_device_that_moved_to_another_event_is_told_that_it_cannot_keep_its_old_scans(door: Door) -> None:
    there = make.event(owner=door.owner)
    guest = make.confirmed(there)
    _device, code = add_device(door.event, "Tablet", "", actor="system")
    _paired, token = pair(code)
    door.client = make.client()
    door.client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    told = door.sync(door.scan(guest, event=str(there.pk)), door.scan(guest))

    assert [each["result"] for each in told] == ["not_found", "wrong_event"]
    assert [scan.scan_id for scan in Scan.objects.all()] == ["scan-2"]


def test_an_entry_that_was_refused_online_and_made_all_the_same_is_known_in_the_end(door: Door) -> None:
    door.check_in(door.amina)
    refused = door.scan(door.amina)
    assert (
        door.client.post("/api/attendance/check-in/", refused, format="json").json()["result"] == "already_checked_in"
    )
    assert not Scan.objects.open_conflicts().exists()

    assert [each["result"] for each in door.sync(refused)] == ["already_checked_in"]
    assert [scan.scan_id for scan in Scan.objects.open_conflicts()] == ["scan-2"]


def test_a_scan_undone_stays_so_when_its_device_sends_it_again_and_the_next_entry_counts(door: Door) -> None:
    scans = [door.scan(door.amina), door.scan(door.amina)]
    door.sync(*scans)
    door.client.post("/api/attendance/scan-1/undo/", {"reason": "Wrong person"}, format="json")
    told = door.sync(*scans)

    assert [each["result"] for each in told] == ["checked_in", "checked_in"]
    assert door.rows() == [("scan-1", "checked_in", False), ("scan-2", "checked_in", True)]
    assert not Scan.objects.open_conflicts().exists()


def test_a_clock_that_runs_away_is_shown_and_a_conflict_is_resolved_with_a_note(door: Door) -> None:
    door.sync(door.scan(door.amina, scanned_at=iso(now() + timedelta(hours=3))))
    scan = Scan.objects.open_conflicts().get()
    resolved = resolve(scan, "The old tablet", actor="user:1")

    assert (scan.conflict, resolved.resolved_note) == ("clock", "The old tablet")
    assert not Scan.objects.open_conflicts().exists()
    door.check_in(door.amina, direction="out", scan_id="fine", scanned_at=iso(now() - timedelta(hours=1)))
    fine = Scan.objects.get(scan_id="fine")
    with pytest.raises(ConflictError, match="nothing to resolve"):
        resolve(fine, "x", actor="user:1")


def test_a_scan_for_a_session_that_is_off_the_programme_by_now_is_kept_and_one_of_another_event_is_not(
    door: Door,
) -> None:
    def session(event: Event) -> str:
        start = event.starts_at
        return str(event.sessions.create(title="Talk", starts_at=start, ends_at=start + timedelta(hours=1)).pk)

    gone, foreign = session(door.event), session(make.event())
    door.event.sessions.all().delete()
    event = str(door.event.pk)
    told = door.sync(*(door.scan(door.amina, event=event, session=each) for each in (gone, foreign)))

    assert [(each["result"], each["session"]) for each in told] == [("checked_in", gone), ("malformed", None)]


@pytest.mark.long
def test_five_thousand_scans_in_batches_and_the_whole_again_changes_nothing(door: Door) -> None:
    people = make.crowd(door.event, 2500)
    start = now() - timedelta(hours=2)
    scans = [
        door.scan(
            ticket_text(people[number % len(people)]),
            scanned_at=iso(start + timedelta(seconds=number)),
            device=f"Phone {number % 7}",
        )
        for number in range(5000)
    ]
    batches = [scans[first : first + 1000] for first in range(0, 5000, 1000)]
    once = [each["result"] for batch in batches for each in door.sync(*batch)]
    rows = door.rows()
    again = [each["result"] for batch in reversed(batches) for each in door.sync(*batch)]

    assert sorted(once) == ["already_checked_in"] * 2500 + ["checked_in"] * 2500
    assert sorted(again) == sorted(once)
    assert door.rows() == rows
    assert len(rows) == 5000


def test_two_hundred_scans_take_as_many_statements_as_two(door: Door) -> None:
    door.sync(door.scan(door.amina))  # which reads the key, once a process
    counts = []
    for size in (2, 180):
        people = make.crowd(door.event, size)
        scans = [door.scan(person) for person in people]
        with CaptureQueriesContext(connection) as captured:
            door.sync(*scans)
        counts.append(sum("INSERT" not in query["sql"] for query in captured.captured_queries))  # SQLite takes few rows
    assert counts[0] == counts[1]


def test_many_scans_of_one_person_are_answered_as_they_are_kept(door: Door) -> None:
    start = now() - timedelta(hours=1)
    scans = [
        door.scan(
            door.amina,
            scanned_at=iso(start + timedelta(seconds=number * 7919 % 450)),
            direction=("in", "out")[number % 2],
        )
        for number in range(450)
    ]
    told = {each["scan_id"]: each["result"] for each in door.sync(*scans)}

    assert told == dict(Scan.objects.filter(event=door.event).values_list("scan_id", "result"))


def test_a_double_entry_made_offline_is_news_of_the_event(door: Door) -> None:
    door.sync(door.scan(door.amina), door.scan(door.amina))

    heard = Entry.objects.filter(topic=door.event.pk, kind__startswith="checkin.").order_by("id")
    assert [(entry.kind, entry.data["scan"]) for entry in heard] == [
        ("checkin.created", "scan-1"),
        ("checkin.conflict", "scan-2"),
    ]
