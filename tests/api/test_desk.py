"""The facilitator's desk: one's own events with their figures, and one event at a glance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.clock import now
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.registrations.actions import cancel
from turnout.registrations.actions.events import remove_event
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

MINE = "/api/facilitator/my-events/"


@pytest.fixture
def owner() -> User:
    return make.user("owner")


def listed(user: User, query: str = "") -> list[dict[str, Any]]:
    answer = make.client(user).get(f"{MINE}?{query}")
    assert answer.status_code == 200, answer.json()
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def titles(user: User, query: str = "") -> list[str]:
    return [row["title"] for row in listed(user, query)]


def queries_of(user: User, path: str) -> int:
    client = make.client(user)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def overview(user: User, event: Event) -> dict[str, Any]:
    answer = make.client(user).get(f"/api/events/{event.pk}/overview/")
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


# --- One's own events --------------------------------------------------------------------------------------------


def test_an_event_in_the_list_shows_its_figures(owner: User) -> None:
    event = make.event(owner=owner, title="Go", capacity=2, kind="meetup")
    for _ in range(4):
        make.confirmed(event)
    make.pending(event)
    cancel(make.confirmed(event))
    assert listed(owner) == [
        {
            "id": str(event.pk),
            "title": "Go",
            "kind": "meetup",
            "status": "published",
            "starts_at": event.starts_at.isoformat().replace("+00:00", "Z"),
            "ends_at": event.ends_at.isoformat().replace("+00:00", "Z"),
            "timezone": "Africa/Algiers",
            "location": "Algiers",
            "capacity": 2,
            "total_enrollments": 2,
            "available_seats": 0,
            "waitlisted": 2,
            "offered": 0,
            "in_review": 0,
            "pending": 1,
            "attended": 0,
            "certified": 0,
        }
    ]


def test_a_seat_that_is_offered_is_taken_and_nobody_is_enrolled_by_it(owner: User) -> None:
    event = make.event(owner=owner, capacity=3)
    make.confirmed(event)
    kept = make.confirmed(event)
    offer_to(kept)
    row = listed(owner)[0]
    assert (row["total_enrollments"], row["offered"], row["available_seats"]) == (1, 1, 1)


def test_seats_by_type_are_added_up_and_any_number_is_null(owner: User) -> None:
    make.event(owner=owner, title="By type", by_type={"on_site": 3, "online": 4})
    make.event(owner=owner, title="Half open", by_type={"on_site": 3, "online": None})
    found = {row["title"]: (row["capacity"], row["available_seats"]) for row in listed(owner)}
    assert found == {"By type": (7, 7), "Half open": (None, None)}


def test_only_ones_own_are_listed_and_with_team_those_one_manages(owner: User) -> None:
    other = make.user("other")
    managed, scanned = make.event(owner=other, title="Managed"), make.event(owner=other, title="Scanned")
    make.event(owner=other, title="Foreign")
    make.event(owner=owner, title="Own")
    add_member(managed, owner.email, TeamMember.Role.MANAGER)
    add_member(scanned, owner.email, TeamMember.Role.SCANNER)
    assert titles(owner) == ["Own"]
    assert sorted(titles(owner, "team=true")) == ["Managed", "Own"]


def test_staff_see_their_own_and_not_everybodys() -> None:
    staff = make.user("boss", role=Role.SEEKER, is_staff=True)
    make.event(owner=make.user(), title="Foreign")
    make.event(owner=staff, title="Own")
    answer = make.client(staff, second_factor=True).get(f"{MINE}?team=true")
    assert [row["title"] for row in answer.json()["results"]] == ["Own"]


def test_seekers_may_not_and_strangers_must_sign_in(owner: User) -> None:
    manager = make.user(role=Role.SEEKER)
    add_member(make.event(owner=owner), manager.email, TeamMember.Role.MANAGER)
    assert make.client(manager).get(MINE).status_code == 403
    assert make.client().get(MINE).status_code == 401


@pytest.fixture
def several(owner: User) -> None:
    make.event(owner=owner, title="Soon", starts_at=now() + timedelta(days=1))
    make.event(owner=owner, title="Later", starts_at=now() + timedelta(days=9))
    make.event(owner=owner, title="Past", starts_at=now() - timedelta(days=9))
    make.event(owner=owner, title="Draft", starts_at=now() + timedelta(days=5), status="draft")
    gone = make.event(owner=owner, title="Cancelled", starts_at=now() + timedelta(days=7))
    make.confirmed(gone)
    remove_event(gone)


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Later", "Cancelled", "Draft", "Soon", "Past"]),
        ("over=false", ["Soon", "Draft", "Cancelled", "Later"]),
        ("over=true", ["Past"]),
        ("status=draft", ["Draft"]),
        ("q=Lät", ["Later"]),
        ("q=nothing", []),
    ],
)
def test_drafts_cancelled_and_past_ones_are_there_and_can_be_told_apart(
    owner: User, query: str, found: list[str]
) -> None:
    assert titles(owner, query) == found


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("query", ["status=gone", "page_size=0", "cursor=x", "q=" + "x" * 201])
def test_a_parameter_that_makes_no_sense_is_400_at_its_name(owner: User, query: str) -> None:
    answer = make.client(owner).get(f"{MINE}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{query.partition('=')[0]}")


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("query", ["over=false", ""])
def test_the_list_is_paged_by_key(owner: User, query: str) -> None:
    client, seen, url = make.client(owner), list[str](), f"{MINE}?page_size=2&{query}"
    while url:
        page = client.get(url).json()
        seen += [row["title"] for row in page["results"]]
        url = page["next"]
    assert seen == titles(owner, query)


@pytest.mark.parametrize("query", ["page_size=100", "page_size=100&team=true", "page_size=100&over=false"])
@pytest.mark.long
def test_a_hundred_events_cost_as_many_queries_as_one(owner: User, query: str) -> None:
    make.confirmed(make.event(owner=owner, capacity=1))
    one = queries_of(owner, f"{MINE}?{query}")
    for _ in range(99):
        event = make.event(owner=owner, capacity=1)
        make.confirmed(event)
        make.pending(event)
    assert queries_of(owner, f"{MINE}?{query}") == one
    assert one <= 7


# --- One at a glance ---------------------------------------------------------------------------------------------


def test_an_overview_counts_who_stands_where(owner: User) -> None:
    event = make.event(owner=owner, by_type={"on_site": 2, "online": None})
    for kind in ("on_site", "on_site", "on_site", "online"):
        make.confirmed(event, attendance_type=kind)
    make.pending(event)
    cancel(make.confirmed(event, attendance_type="online"))
    found = overview(owner, event)
    days = found.pop("registrations_per_day")
    assert sum(day["registered"] for day in days) == 6
    assert found == {
        "event": str(event.pk),
        "registered": 6,
        "by_status": {
            "pending": 1,
            "in_review": 0,
            "confirmed": 3,
            "waitlisted": 1,
            "offered": 0,
            "declined": 0,
            "cancelled": 1,
            "expired": 0,
        },
        "confirmed": 3,
        "waiting": 1,
        "offered": 0,
        "in_review": 0,
        "cancelled": 1,
        "attended": 0,
        "certified": 0,
        "seats": {"capacity": None, "taken": 3, "offered": 0, "available": None, "waiting": 1},
        "seats_by_type": {
            "on_site": {"capacity": 2, "taken": 2, "offered": 0, "available": 0, "waiting": 1},
            "online": {"capacity": None, "taken": 1, "offered": 0, "available": None, "waiting": 0},
        },
    }


def test_types_that_share_their_seats_show_how_many_are_left_for_each(owner: User) -> None:
    event = make.event(owner=owner, capacity=5)
    make.confirmed(event, attendance_type="on_site")
    make.confirmed(event, attendance_type="online")
    offer_to(make.confirmed(event, attendance_type="online"))
    by_type = overview(owner, event)["seats_by_type"]
    assert by_type == {
        "on_site": {"capacity": 5, "taken": 1, "offered": 0, "available": 2, "waiting": 0},
        "online": {"capacity": 5, "taken": 2, "offered": 1, "available": 2, "waiting": 0},
    }


def test_an_event_nobody_registered_for_has_no_days(owner: User) -> None:
    found = overview(owner, make.event(owner=owner, capacity=5))
    assert (found["registered"], found["registrations_per_day"]) == (0, [])


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def moved(registration: Registration, **moments: str) -> None:
    """Let it have happened at other times."""
    Registration.objects.filter(pk=registration.pk).update(**{name: at(text) for name, text in moments.items()})


def per_day(user: User, event: Event) -> dict[str, tuple[int, int, int]]:
    days = overview(user, event)["registrations_per_day"]
    return {day["date"]: (day["registered"], day["confirmed"], day["cancelled"]) for day in days}


def test_days_are_those_of_clocks_at_the_event_at_the_last_microsecond(owner: User) -> None:
    # In Kathmandu it is 5:45 later than in UTC: its days begin at 18:15.
    event = make.event(owner=owner, timezone="Asia/Kathmandu")
    moved(make.pending(event), created_at="2026-03-01T18:14:59.999999")
    moved(make.pending(event), created_at="2026-03-01T18:15:00")
    moved(
        make.confirmed(event),
        created_at="2026-03-01T10:00",
        confirmed_at="2026-03-02T18:14:59.999999",
        cancelled_at="2026-03-03T18:15:00",
    )
    assert per_day(owner, event) == {
        "2026-03-01": (2, 0, 0),
        "2026-03-02": (1, 1, 0),
        "2026-03-03": (0, 0, 0),
        "2026-03-04": (0, 0, 1),
    }


def test_a_day_on_which_clocks_change_is_not_24_hours_long(owner: User) -> None:
    # In Paris clocks went forward on 29 March 2026, and back on 25 October.
    event = make.event(owner=owner, timezone="Europe/Paris")
    for moment in ("2026-03-28T22:59:59", "2026-03-28T23:00:00", "2026-03-29T21:59:59", "2026-03-29T22:00:00"):
        moved(make.pending(event), created_at=moment)
    assert per_day(owner, event) == {"2026-03-28": (1, 0, 0), "2026-03-29": (2, 0, 0), "2026-03-30": (1, 0, 0)}
    Registration.objects.all().delete()
    for moment in ("2026-10-24T21:59:59", "2026-10-24T22:00:00", "2026-10-25T22:59:59", "2026-10-25T23:00:00"):
        moved(make.pending(event), created_at=moment)
    assert per_day(owner, event) == {"2026-10-24": (1, 0, 0), "2026-10-25": (2, 0, 0), "2026-10-26": (1, 0, 0)}


def test_of_very_many_days_the_last_four_hundred_are_shown(owner: User) -> None:
    event = make.event(owner=owner, timezone="UTC")
    moved(make.pending(event), created_at="2020-01-01T10:00")
    moved(make.pending(event), created_at="2026-03-01T10:00")
    days = list(per_day(owner, event).items())
    assert len(days) == 400
    assert (days[0][0], days[-1]) == ("2025-01-26", ("2026-03-01", (1, 0, 0)))
    assert overview(owner, event)["registered"] == 2


def test_an_overview_costs_the_same_queries_however_many_there_are(owner: User) -> None:
    event = make.event(owner=owner, capacity=3)
    path = f"/api/events/{event.pk}/overview/"
    none = queries_of(owner, path)
    with time_machine.travel(now() - timedelta(days=3), tick=False):
        make.confirmed(event)
    for _ in range(9):
        make.confirmed(event)
    assert queries_of(owner, path) == none
    assert none <= 9


def test_an_overview_is_for_owner_managers_and_staff(owner: User) -> None:
    event, elsewhere = make.event(owner=owner), make.event(owner=owner)
    manager, scanner, foreign = (make.user(role=Role.SEEKER) for _ in range(3))
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    add_member(elsewhere, foreign.email, TeamMember.Role.MANAGER)
    path = f"/api/events/{event.pk}/overview/"
    statuses = [make.client(user).get(path).status_code for user in (owner, manager, scanner, foreign, make.user())]
    assert statuses == [200, 200, 403, 403, 403]
    assert make.client().get(path).status_code == 401
    assert make.client(make.user(is_staff=True), second_factor=True).get(path).status_code == 200
    draft = make.event(owner=owner, status="draft")
    assert make.client(foreign).get(f"/api/events/{draft.pk}/overview/").status_code == 404


def offer_to(registration: Registration) -> None:
    """Let a seat be kept for them, not theirs yet."""
    kept = Registration.objects.filter(pk=registration.pk)
    kept.update(status="offered", offers=1, offer_expires_at=now() + timedelta(hours=1))
    registration.event.pools.update(offered=1)
