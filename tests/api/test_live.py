"""Streams: what happens at an event for its team, seats for everybody, and who may follow."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.core.cache import cache
from pytest_django import DjangoAssertNumQueries
from redis.exceptions import ConnectionError as RedisAway
from rest_framework.test import APIClient

from tests.support import door, make
from tests.support.certified import by_hand, certified
from turnout.accounts.actions import sessions
from turnout.accounts.actions.passwords import set_password
from turnout.accounts.actions.sessions import sign_out, sign_out_everywhere
from turnout.accounts.models import Role, TokenFamily, User
from turnout.api.tokens import tokens_of
from turnout.core.clock import now
from turnout.events.actions.teams import add_member, remove_member
from turnout.events.models import Event, TeamMember
from turnout.notifications.feed.actions import forget_entries, number_new
from turnout.notifications.feed.models import Entry
from turnout.privacy.actions import erase
from turnout.registrations.actions import cancel
from turnout.registrations.actions.events import EventChange, change_event

pytestmark = pytest.mark.django_db

Frame = tuple[int | None, str, Any]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    cache.clear()


@pytest.fixture
def owner() -> User:
    return make.user("farid")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, capacity=1)


def path(event: Event) -> str:
    return f"/api/events/{event.id}/live/"


def frames(answer: Any) -> list[Frame]:
    """Return the numbers, kinds and data of the events in an answer, but for the one that says that it ends."""
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    found: list[Frame] = []
    for block in answer.content.decode().strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        number = int(lines["id"]) if "id" in lines else None
        found.append((number, lines.get("event", ""), json.loads(lines.get("data", "null"))))
    assert (found[0][1], found[-1][1]) == ("", "pause")  # `retry` stands alone
    return found[1:-1]


def read(client: APIClient, where: str, **headers: str) -> list[Frame]:
    number_new()
    cache.clear()  # of the second for which nobody asks again
    return frames(client.get(where, headers=headers))


def told(found: list[Frame]) -> list[tuple[int | None, str]]:
    return [(number, kind) for number, kind, _ in found]


# --- What it says ------------------------------------------------------------------------------------------------


def test_a_team_hears_what_happens_with_names_and_without_addresses(event: Event, owner: User) -> None:
    first, second = make.confirmed(event, "amina"), make.confirmed(event, "bilal")
    cancel(first)

    found = read(make.client(owner), f"{path(event)}?after=0")

    assert told(found) == [
        (1, "registration.confirmed"),
        (2, "registration.waitlisted"),
        (3, "registration.cancelled"),
        (4, "registration.confirmed"),
        (None, "seats.changed"),
    ]
    assert found[1][2] == {
        "id": str(Entry.objects.get(topic=event.id, number=2).pk),
        "at": found[1][2]["at"],
        "kind": "registration.waitlisted",
        "registration": {
            "id": str(second.id),
            "full_name": "Bilal",
            "status": "confirmed",
            "attendance_type": "on_site",
        },
    }
    seats = found[-1][2]
    assert seats["by_status"] | {"confirmed": 1, "cancelled": 1, "waitlisted": 0} == seats["by_status"]
    assert {name: seats[name] for name in ("capacity", "taken", "available", "waiting")} == {
        "capacity": 1,
        "taken": 1,
        "available": 0,
        "waiting": 0,
    }
    assert "example.org" not in repr(found)


def test_a_team_hears_who_goes_in_and_out_and_how_its_doors_stand(event: Event, owner: User) -> None:
    amina, bilal = make.confirmed(event, "amina"), make.confirmed(make.event(owner=owner))
    number_new()
    door.scan(owner, amina), door.scan(owner, bilal)
    undone = door.scan(owner, amina, direction="out")
    door.taken_back(undone, owner)

    found = read(make.client(owner), f"{path(event)}?after=1")

    assert told(found) == [
        (2, "checkin.created"),
        (3, "checkin.out"),
        (4, "checkin.undone"),
        (None, "attendance.changed"),
    ]
    assert found[0][2]["registration"]["full_name"] == "Amina"
    assert found[-1][2] == {"inside": 1, "people_in": 1, "open_conflicts": 0}
    assert "example.org" not in repr(found)


def test_a_team_hears_of_certificates_and_whose_they_are(event: Event, owner: User) -> None:
    earned = certified(event, "amina")
    given = by_hand(event, "Nadia Rahal", "nadia@example.org")
    entries = Entry.objects.filter(topic=event.id, kind__startswith="certificate.")
    assert entries.count() == 2
    number_new()

    found = read(make.client(owner), f"{path(event)}?after=2")

    assert told(found) == [(3, "certificate.issued"), (4, "certificate.issued")]
    assert found[0][2]["certificate"] == str(earned.pk)
    assert found[0][2]["registration"]["full_name"] == "Amina"
    assert (found[1][2]["certificate"], found[1][2]["registration"]) == (str(given.pk), None)
    assert "example.org" not in repr(found)


def test_doors_are_counted_once_for_all_who_are_told_the_same(
    event: Event, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    amina = make.confirmed(event)
    door.scan(owner, amina)
    number_new()
    desk = make.client(owner)
    with time_machine.travel(now(), tick=False):
        first = frames(desk.get(f"{path(event)}?after=1"))
        with django_assert_num_queries(5):  # session, person, event, entries, names
            assert frames(desk.get(f"{path(event)}?after=1")) == first
    door.scan(owner, amina, direction="out")
    number_new()
    with time_machine.travel(now() + timedelta(seconds=2)):
        found = frames(desk.get(f"{path(event)}?after=2"))
    assert found[-1][2] == {"inside": 0, "people_in": 1, "open_conflicts": 0}


def test_a_change_of_the_event_is_heard_of_with_its_seats(event: Event, owner: User) -> None:
    change_event(event, EventChange({"title": "Baking"}), actor="user:x")
    found = read(make.client(owner), f"{path(event)}?after=0")
    assert told(found) == [(1, "event.changed"), (None, "seats.changed")]
    assert found[0][2]["registration"] is None


def test_who_names_no_number_begins_now_and_is_told_where_that_is(event: Event, owner: User) -> None:
    make.confirmed(event)
    assert read(make.client(owner), path(event)) == [(1, "", None)]


def test_the_header_says_where_to_go_on_and_the_address_where_there_is_none_yet(event: Event, owner: User) -> None:
    desk = make.client(owner)
    for _ in range(3):
        make.confirmed(event)
    assert told(read(desk, f"{path(event)}?after=0", **{"Last-Event-ID": "2"}))[0] == (3, "registration.waitlisted")
    assert read(desk, f"{path(event)}?after=0", **{"Last-Event-ID": "3"}) == []


def test_more_than_five_hundred_come_in_parts_and_the_next_is_asked_for_at_once(event: Event, owner: User) -> None:
    registration = make.confirmed(event)
    Entry.objects.bulk_create(
        Entry(topic=event.id, kind="registration.confirmed", subject=registration.id, at=now()) for _ in range(600)
    )
    number_new(), number_new()
    desk = make.client(owner)
    first = desk.get(f"{path(event)}?after=0")
    assert first.content.startswith(b"retry: 100\n")
    numbers = [number for number, _ in told(frames(first)) if number]
    numbers += [number for number, _ in told(read(desk, f"{path(event)}?after=500")) if number]
    assert numbers == list(range(1, 602))


def test_who_asks_for_what_is_forgotten_begins_anew(event: Event, owner: User) -> None:
    desk = make.client(owner)
    with time_machine.travel(now() - timedelta(days=91)):
        make.confirmed(event), make.confirmed(event)
        number_new()
    forget_entries()
    assert read(desk, f"{path(event)}?after=1") == [(2, "reset", {})]  # nothing is left
    make.confirmed(event)
    assert read(desk, f"{path(event)}?after=0") == [(3, "reset", {})]
    assert told(read(desk, f"{path(event)}?after=2"))[0] == (3, "registration.waitlisted")


def test_who_has_read_further_than_there_is_begins_anew(event: Event, owner: User) -> None:
    """The database was restored from a backup."""
    make.confirmed(event)
    desk = make.client(owner)
    for number in ("2", "9223372036854775808", "9999999999999999999"):
        assert read(desk, path(event), **{"Last-Event-ID": number}) == [(1, "reset", {})]


def test_who_has_read_further_than_this_process_remembers_is_not_sent_back(event: Event, owner: User) -> None:
    desk = make.client(owner)
    assert read(desk, path(event)) == [(0, "", None)]
    make.confirmed(event)
    number_new()  # and another process has told them
    assert frames(desk.get(f"{path(event)}?after=1")) == []


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "01", "1e3", "99999999999999999999", "٣", "1\t2", "null"])
@pytest.mark.parametrize("way", ["header", "address"])
def test_what_is_no_number_is_refused(event: Event, owner: User, number: str, way: str) -> None:
    desk = make.client(owner)
    sent: dict[str, Any] = {"headers": {"Last-Event-ID": number}} if way == "header" else {"data": {"after": number}}
    answer = desk.get(path(event), **sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_quiet_event_is_asked_for_less_often_the_longer_it_is_quiet(event: Event, owner: User) -> None:
    desk, start, waits = make.client(owner), now(), []
    for minutes in (0, 2, 8):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            line = desk.get(f"{path(event)}?after=0").content.decode().split("\n")[0]
        waits.append(int(line.removeprefix("retry: ")))
    assert 1500 <= waits[0] <= 2500
    assert 6000 <= waits[1] <= 10_000
    assert 11_250 <= waits[2] <= 18_750


# --- What it costs -----------------------------------------------------------------------------------------------


def test_an_idle_poll_asks_for_nothing_but_who_asks(
    event: Event, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    desk, notices = make.client(owner), "/api/me/notifications/stream/?after=0"
    ticket = desk.post(path(event)).json()["ticket"]
    with time_machine.travel(now(), tick=False):  # within a second
        read(desk, f"{path(event)}?after=0"), frames(desk.get(notices))
        with django_assert_num_queries(3):  # session, person, event
            desk.get(f"{path(event)}?after=0")
        with django_assert_num_queries(2):  # person, event
            make.client().get(f"{path(event)}?after=0&ticket={ticket}")
        with django_assert_num_queries(2):  # session, person
            desk.get(notices)


@pytest.mark.parametrize("people", [1, 9])
def test_what_many_do_costs_as_many_queries_as_what_one_does(
    event: Event, owner: User, people: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(people):
        make.confirmed(event)
    number_new()
    desk = make.client(owner)
    with django_assert_num_queries(8):  # session, person, event, number, entries, names; counts, pools
        frames(desk.get(f"{path(event)}?after=0"))


def test_a_cache_that_is_away_costs_a_query_and_no_news(
    event: Event, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise RedisAway

    make.confirmed(event)
    desk = make.client(owner)
    number_new()
    monkeypatch.setattr("turnout.api.streams.cache.get", away)
    monkeypatch.setattr("turnout.api.streams.cache.set", away)
    assert told(frames(desk.get(f"{path(event)}?after=0")))[0] == (1, "registration.confirmed")


# --- Who may -----------------------------------------------------------------------------------------------------


def test_the_whole_team_follows_and_nobody_else(event: Event, owner: User) -> None:
    manager, scanner, stranger = make.user(), make.user(role=Role.SEEKER), make.user()
    for person, role in ((manager, TeamMember.Role.MANAGER), (scanner, TeamMember.Role.SCANNER)):
        add_member(event, person.email, role)
    staff, without = make.user(is_staff=True), make.user(is_staff=True)
    clients = {
        "owner": make.client(owner),
        "manager": make.client(manager),
        "scanner": make.client(scanner),
        "staff": make.client(staff, second_factor=True),
        "without second factor": make.client(without),
        "stranger": make.client(stranger),
        "unverified": make.client(make.user(address_verified=False)),
        "nobody": make.client(),
    }
    expected = dict.fromkeys(["owner", "manager", "scanner", "staff"], 200)
    expected |= {"without second factor": 403, "stranger": 403, "unverified": 401, "nobody": 401}
    for method in ("get", "post"):
        assert {name: getattr(client, method)(path(event)).status_code for name, client in clients.items()} == expected
    draft = make.event(owner=owner, status=Event.Status.DRAFT)
    assert make.client(owner).get(path(draft)).status_code == 200
    assert make.client(stranger).get(path(draft)).status_code == 404


def ticket_of(client: APIClient, where: str) -> str:
    answer = client.post(where)
    assert (answer.status_code, answer.json()["expires_in"], answer["Cache-Control"]) == (200, 60, "no-store")
    return str(answer.json()["ticket"])


def status(where: str, ticket: str, method: str = "get") -> int:
    answer = getattr(make.client(), method)(f"{where}?ticket={ticket}")
    assert answer["Cache-Control"] == "no-store"
    return int(answer.status_code)


def test_a_ticket_lets_in_to_its_event_alone(event: Event, owner: User) -> None:
    ticket = ticket_of(make.client(owner), path(event))
    assert status(path(event), ticket) == 200
    assert status(path(make.event(owner=owner)), ticket) == 401
    assert status("/api/me/notifications/stream/", ticket) == 401
    assert status(f"/api/events/{event.id}/", ticket) == 200  # which everybody may read
    assert status(f"/api/events/{event.id}/overview/", ticket) == 401
    assert status(path(event), ticket, "post") == 401  # it makes no other ticket


def test_a_ticket_lets_in_for_a_minute(event: Event, owner: User) -> None:
    desk, start = make.client(owner), now()
    with time_machine.travel(start, tick=False):
        ticket = ticket_of(desk, path(event))
    for seconds, expected in ((0, 200), (59, 200), (62, 401)):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            assert (seconds, status(path(event), ticket)) == (seconds, expected)


def test_a_ticket_that_was_changed_is_none(event: Event, owner: User) -> None:
    ticket = ticket_of(make.client(owner), path(event))
    someone = make.user()
    forged = ticket.replace(owner.pk.hex, someone.pk.hex)
    for wrong in (forged, ticket[:-1], f"{ticket}x", "", "x", "." * 5, "é", ticket.replace("-1-", "-2-")):
        assert status(path(event), wrong) == 401


def test_a_ticket_is_worth_what_its_holder_may_when_it_is_shown(event: Event) -> None:
    scanner = make.user()
    member = add_member(event, scanner.email, TeamMember.Role.SCANNER)
    ticket = ticket_of(make.client(scanner), path(event))
    assert status(path(event), ticket) == 200
    remove_member(member)
    assert status(path(event), ticket) == 403


def test_a_ticket_ends_with_the_account_the_password_or_all_sessions(event: Event) -> None:
    endings = {
        "erased": erase,
        "password": lambda user: set_password(user, "a quite different one"),
        "everywhere": sign_out_everywhere,
    }
    for name, end in endings.items():
        manager = make.user(f"manager.{name}")
        add_member(event, manager.email, TeamMember.Role.MANAGER)
        ticket = ticket_of(make.client(manager), path(event))
        end(manager)
        assert (name, status(path(event), ticket)) == (name, 401)


def test_a_ticket_ends_with_the_program_that_asked_for_it(event: Event, owner: User) -> None:
    access = tokens_of(sessions._begin(owner, second_factor=False))["access"]
    program = make.client()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    assert program.get(path(event)).status_code == 200
    ticket = ticket_of(program, path(event))
    assert status(path(event), ticket) == 200
    sign_out(TokenFamily.objects.get(user=owner).pk)
    assert status(path(event), ticket) == 401


def test_a_second_factor_goes_with_the_ticket_of_who_has_shown_it(event: Event) -> None:
    staff = make.user(role=Role.SEEKER, is_staff=True)
    with_it = make.client(staff, second_factor=True)
    assert status(path(event), ticket_of(with_it, path(event))) == 200
    assert make.client(staff).post(path(event)).status_code == 403


# --- Seats for everybody -----------------------------------------------------------------------------------------


def test_seats_are_for_everybody_and_caches(event: Event) -> None:
    stranger, seats = make.client(), f"/api/events/{event.id}/seats/"
    make.confirmed(event), make.confirmed(event)
    answer = stranger.get(seats)
    assert answer.json() == {"capacity": 1, "available": 0, "waiting": 1}
    assert answer["Cache-Control"] == "public, max-age=5"
    again = stranger.get(seats, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    make.confirmed(event)
    assert stranger.get(seats, headers={"If-None-Match": answer["ETag"]}).json()["waiting"] == 2


def test_seats_of_a_draft_are_its_teams_and_no_cache_keeps_them(owner: User) -> None:
    draft = make.event(owner=owner, status=Event.Status.DRAFT)
    seats = f"/api/events/{draft.id}/seats/"
    assert make.client().get(seats).status_code == 404
    answer = make.client(owner).get(seats)
    assert (answer.json(), answer["Cache-Control"]) == (
        {"capacity": None, "available": None, "waiting": 0},
        "no-store",
    )
    assert make.client().get(f"/api/events/{UUID(int=0)}/seats/").status_code == 404
