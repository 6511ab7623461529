"""Presence online, as another system reports it, and an event's rules for presence."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.attendance.models import DoorRules, Stay
from turnout.attendance.presence import attended
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Session, TeamMember
from turnout.registrations.actions import cancel
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

DAY = "2030-05-06T"
START = datetime(2030, 5, 6, 9, tzinfo=UTC)


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    talk = Session(title="Talk", starts_at=START, ends_at=START + timedelta(hours=1))
    return make.event(owner=owner, starts_at=START, hours=3, parts=Parts(languages=["en"], sessions=[talk]))


@pytest.fixture
def guest(event: Event) -> Registration:
    return make.confirmed(event, "amina")


def report(person: User, event: Event, *stays: Any, source: str = "Stream") -> Any:
    path = f"/api/events/{event.pk}/presence/"
    return make.client(person).post(path, {"source": source, "stays": list(stays)}, format="json")


def results(person: User, event: Event, *stays: Any) -> list[dict[str, Any]]:
    answer = report(person, event, *stays)
    assert answer.status_code == 200, answer.json()
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def codes(found: list[dict[str, Any]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what became of each: result and faults."""
    return [(each["result"], [(error["pointer"], error["code"]) for error in each.get("errors", [])]) for each in found]


def told(stay_id: str = "a", **more: Any) -> dict[str, Any]:
    return {"stay_id": stay_id, "email": "amina@example.org", "joined_at": f"{DAY}09:00:00Z"} | more


def test_who_joins_and_leaves_is_kept_and_read_back(owner: User, event: Event, guest: Registration) -> None:
    talk = event.sessions.get()
    joined = told(session=str(talk.pk))
    assert codes(results(owner, event, joined)) == [("kept", [])]
    left = {"stay_id": "a", "registration": str(guest.pk), "session": str(talk.pk), "left_at": f"{DAY}09:40:00Z"}
    (found,) = results(owner, event, left)
    kept = {
        "stay_id": "a",
        "source": "Stream",
        "registration": str(guest.pk),
        "session": str(talk.pk),
        "joined_at": f"{DAY}09:00:00Z",
        "left_at": f"{DAY}09:40:00Z",
        "received_at": found["stay"]["received_at"],
    }
    assert found == {"stay_id": "a", "result": "kept", "stay": kept}
    assert make.client(owner).get(f"/api/events/{event.pk}/presence/").json()["results"] == [kept]
    assert attended(event, [guest])[guest.pk].checked_in_at == START


@pytest.mark.long
def test_a_moment_without_an_offset_is_what_clocks_at_the_event_show(owner: User) -> None:
    start = datetime(2030, 5, 6, 10, tzinfo=ZoneInfo("Asia/Tokyo"))
    event = make.event(owner=owner, starts_at=start, hours=3, timezone="Asia/Tokyo")
    make.confirmed(event, "amina")
    (naive,) = results(owner, event, told(joined_at="2030-05-06T10:00:00", left_at="2030-05-06T02:00:00Z"))
    assert (naive["stay"]["joined_at"], naive["stay"]["left_at"]) == ("2030-05-06T01:00:00Z", "2030-05-06T02:00:00Z")
    (backwards,) = results(owner, event, told("b", joined_at="2030-05-06T10:00:00", left_at="2030-05-06T00:30:00Z"))
    assert codes([backwards]) == [("malformed", [("/left_at", "left_before_joined")])]
    (early,) = results(owner, event, told("c", joined_at="0001-01-01T00:00:00"))
    assert codes([early]) == [("malformed", [("/joined_at", "invalid")])]


@pytest.mark.long
def test_in_any_order_and_however_often_it_comes_to_the_same(owner: User, event: Event, guest: Registration) -> None:
    parts = [
        {"joined_at": f"{DAY}09:10:00Z"},
        {"joined_at": f"{DAY}09:30:00Z", "left_at": f"{DAY}09:35:00Z"},
        {"left_at": f"{DAY}09:05:00Z"},
        {"left_at": f"{DAY}09:50:00Z"},
    ]
    ends = set()
    for order in itertools.permutations([*parts, parts[0]]):
        Stay.objects.all().delete()
        for part in order:
            assert codes(results(owner, event, {"stay_id": "a", "registration": str(guest.pk)} | part))[0][0] == "kept"
        ends.add(Stay.objects.values_list("joined_at", "left_at").get())
    assert ends == {(START + timedelta(minutes=10), START + timedelta(minutes=50))}


def test_each_is_answered_on_its_own(owner: User, event: Event, guest: Registration) -> None:
    other = make.full_event()
    pending = make.pending(event)
    found = results(
        owner,
        event,
        told("kept"),
        told("nobody", email="nobody@example.org"),
        told("pending", email=pending.email),
        told("foreign", registration=str(make.confirmed(other).pk)),
        told("session", session=str(other.sessions.all()[0].pk)),
        told("backwards", left_at=f"{DAY}08:59:00Z"),
        told("kept", session=str(event.sessions.get().pk)),
        {"stay_id": "never", "email": guest.email},
        {"stay_id": "whose", "joined_at": f"{DAY}09:00:00Z"},
        told("a b"),
        told("year", joined_at="0001-01-01T00:00:00Z"),
        None,
    )
    assert codes(found) == [
        ("kept", []),
        ("not_found", [("", "not_found")]),
        ("not_found", [("", "not_found")]),
        ("not_found", [("", "not_found")]),
        ("malformed", [("/session", "does_not_exist")]),
        ("malformed", [("/left_at", "left_before_joined")]),
        ("malformed", [("/stay_id", "stay_id_reused")]),
        ("malformed", [("/joined_at", "required")]),
        ("malformed", [("/registration", "required")]),
        ("malformed", [("/stay_id", "invalid")]),
        ("malformed", [("/joined_at", "invalid")]),
        ("malformed", [("", "null")]),
    ]
    assert list(Stay.objects.values_list("stay_id", flat=True)) == ["kept"]


def test_an_address_means_the_registration_that_stands(owner: User, event: Event, guest: Registration) -> None:
    cancel(guest)
    again = make.confirmed(event, "amina")
    assert results(owner, event, told())[0]["stay"]["registration"] == str(again.pk)
    assert results(owner, event, told("b", email=" AMINA@example.org"))[0]["result"] == "kept"


def test_a_leaving_before_the_joining_is_no_time_until_more_is_told(
    owner: User, event: Event, guest: Registration
) -> None:
    results(owner, event, told(joined_at=None, left_at=f"{DAY}09:05:00Z"), told(joined_at=f"{DAY}09:10:00Z"))
    assert attended(event, [guest])[guest.pk].minutes == 0
    results(owner, event, told(joined_at=f"{DAY}09:00:00Z"))
    assert Stay.objects.values_list("joined_at", "left_at").get() == (START, START + timedelta(minutes=5))


@pytest.mark.usefixtures("guest")
def test_a_thousand_are_told_at_once_in_as_many_queries_as_one(owner: User, event: Event) -> None:
    def asked(*stays: Any) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert {each["result"] for each in results(owner, event, *stays)} == {"kept"}
        return sum("attendance_stay" in query["sql"] for query in queries)

    assert asked(told("one")) == 2
    assert asked(*(told(f"{number}") for number in range(100))) == 2
    assert report(owner, event, *[told()] * 1001).status_code == 413


def test_what_changes_nothing_leaves_no_trace(owner: User, event: Event, guest: Registration) -> None:
    results(owner, event, told())
    results(owner, event, told())
    (entry,) = AuditEntry.objects.filter(verb="stays.reported")
    assert entry.data == {"source": "Stream", "new": 1, "changed": 0}
    assert guest.event_id == entry.subject


def test_managers_may_and_scanners_and_strangers_may_not(event: Event, guest: Registration) -> None:
    manager, scanner = make.user(role=Role.SEEKER), make.user(role=Role.SEEKER)
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    assert [report(each, event, told()).status_code for each in (manager, scanner, make.user())] == [200, 403, 403]
    assert guest.stays.count() == 1


# --- Rules ---------------------------------------------------------------------------------------------------------


def rules(person: User, event: Event, **fields: Any) -> Any:
    path = f"/api/events/{event.pk}/door-rules/"
    client = make.client(person)
    return client.patch(path, fields, format="json") if fields else client.get(path)


def test_rules_have_defaults_and_are_changed_one_by_one(owner: User, event: Event) -> None:
    defaults = {"min_minutes": 0, "min_percent": 0, "names_offline": False, "self_check_in": False}
    assert rules(owner, event).json() == defaults
    assert rules(owner, event, min_minutes=20).json() == defaults | {"min_minutes": 20}
    assert rules(owner, event, min_percent=50, self_check_in=True).status_code == 200
    assert rules(owner, event).json() == defaults | {"min_minutes": 20, "min_percent": 50, "self_check_in": True}
    changed = AuditEntry.objects.filter(verb="door_rules.changed").order_by("id")
    assert [entry.data for entry in changed] == [{"min_minutes": 20}, {"min_percent": 50, "self_check_in": True}]


@pytest.mark.parametrize("fields", [{"min_percent": 101}, {"min_minutes": -1}, {"min_minutes": 10081}])
def test_rules_that_make_no_sense_are_refused(owner: User, event: Event, fields: dict[str, int]) -> None:
    assert rules(owner, event, **fields).status_code == 400
    assert not DoorRules.objects.exists()


def test_scanners_read_the_rules_and_do_not_change_them(event: Event) -> None:
    scanner = make.user(role=Role.SEEKER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    assert rules(scanner, event).status_code == 200
    assert rules(scanner, event, self_check_in=True).status_code == 403
