"""Cloning, series, drafts and an event's settings, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Series, TeamMember

pytestmark = pytest.mark.django_db

START = datetime(2030, 3, 24, 9, tzinfo=UTC)  # 10:00 in Paris; a week later clocks go forward there


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def api(owner: User) -> APIClient:
    return make.client(owner)


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, starts_at=START, timezone="Europe/Paris", title="Go", capacity=2)


def helper(event: Event, role: TeamMember.Role, account: str = Role.SEEKER) -> APIClient:
    user = make.user(role=account)
    add_member(event, user.email, role)
    return make.client(user)


def path(event: Event, door: str) -> str:
    return f"/api/events/{event.pk}/{door}/"


def faults(answer: Any, status: int = 400) -> list[tuple[str, str]]:
    assert answer.status_code == status, answer.json()
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def made(api: APIClient, event: Event, **body: Any) -> dict[str, Any]:
    answer = api.post(path(event, "series"), {"weekly": {"count": 3}} | body)
    assert answer.status_code == 201, answer.json()
    shown: dict[str, Any] = answer.json()
    return shown


# --- Clones ------------------------------------------------------------------------------------------------------


def test_a_clone_is_a_draft_of_who_clones(api: APIClient, event: Event) -> None:
    answer = api.post(path(event, "clone"), {"starts_at": "2030-04-07T10:00", "title": "Go again"})
    assert answer.status_code == 201
    shown = answer.json()
    assert {name: shown[name] for name in ("title", "status", "starts_at", "ends_at", "capacity", "series")} == {
        "title": "Go again",
        "status": "draft",
        "starts_at": "2030-04-07T08:00:00Z",
        "ends_at": "2030-04-07T10:00:00Z",
        "capacity": 2,
        "series": None,
    }
    assert make.client().get(f"/api/events/{shown['id']}/").status_code == 404


def test_a_manager_who_may_own_events_owns_the_clone(event: Event) -> None:
    manager = helper(event, TeamMember.Role.MANAGER, Role.FACILITATOR)
    clone = manager.post(path(event, "clone"), {}).json()
    assert Event.objects.get(pk=clone["id"]).owner != event.owner
    assert manager.delete(f"/api/events/{clone['id']}/").status_code == 204
    assert helper(event, TeamMember.Role.MANAGER).post(path(event, "clone"), {}).status_code == 403
    assert helper(event, TeamMember.Role.SCANNER, Role.FACILITATOR).post(path(event, "clone"), {}).status_code == 403


def test_a_strangers_draft_is_not_there_to_clone(event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(status="draft")
    stranger = make.client(make.user())
    assert {
        stranger.post(path(event, "clone"), {}).status_code,
        stranger.post(path(event, "series"), {"weekly": {"count": 2}}).status_code,
        stranger.post(path(event, "publish")).status_code,
        stranger.get(path(event, "gaps")).status_code,
    } == {404}


def test_the_same_key_clones_once_and_makes_one_series(api: APIClient, event: Event) -> None:
    for door, body in (("clone", {}), ("series", {"weekly": {"count": 2}})):
        answers = [api.post(path(event, door), body, headers={"Idempotency-Key": door}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
    assert Event.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"starts_at": "2030-03-31T02:30"}, ("/starts_at", "skipped_by_clocks")),
        ({"starts_at": "2030-03-31T01:30", "title": "x"}, None),
        ({"starts_at": "2030-03-31T00:30"}, ("/starts_at", "skipped_by_clocks")),  # it would end at 02:30
        ({"starts_at": "9999-12-31T23:59"}, ("/starts_at", "invalid")),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, ("/starts_at", "invalid")),
        ({"starts_at": "2200-12-31T23:30:00-05:00"}, ("/starts_at", "invalid")),
        ({"starts_at": "soon"}, ("/starts_at", "invalid")),
        ({"starts_at": None}, ("/starts_at", "null")),
        ({"title": " "}, ("/title", "blank")),
        ({"title": "x" * 201}, ("/title", "max_length")),
    ],
)
def test_a_fault_in_a_clone_is_named(
    api: APIClient, event: Event, body: dict[str, Any], fault: tuple[str, str] | None
) -> None:
    answer = api.post(path(event, "clone"), body)
    if fault is None:
        assert answer.status_code == 201
    else:
        assert faults(answer) == [fault]
        assert Event.objects.count() == 1


# --- Series ------------------------------------------------------------------------------------------------------


def test_a_series_is_made_shown_filtered_and_known_to_its_events(api: APIClient, event: Event) -> None:
    series = made(api, event, limit_per_person=1)
    assert series == api.get(f"/api/series/{series['id']}/").json()
    assert series["limit_per_person"] == 1
    assert series["events"][0] == {
        "id": str(event.pk),
        "title": "Go",
        "status": "published",
        "timezone": "Europe/Paris",
        "starts_at": "2030-03-24T09:00:00Z",
        "ends_at": "2030-03-24T11:00:00Z",
        "capacity": 2,
        "capacities": None,
        "available_seats": 2,
        "waitlist_length": 0,
    }
    ids = [row["id"] for row in series["events"]]
    assert [row["starts_at"] for row in series["events"]] == [
        "2030-03-24T09:00:00Z",
        "2030-03-31T08:00:00Z",
        "2030-04-07T08:00:00Z",
    ]
    assert {api.get(f"/api/events/{pk}/").json()["series"] for pk in ids} == {series["id"]}
    make.event()
    listed = make.client().get("/api/events/", {"series": series["id"]}).json()["results"]
    assert [row["id"] for row in listed] == ids
    assert make.client().get("/api/events/", {"series": str(new_id())}).json()["results"] == []
    assert faults(make.client().get("/api/events/", {"series": "x"})) == [("/series", "invalid")]


def test_dates_are_days_at_the_same_time_or_times(api: APIClient, event: Event) -> None:
    dates = ["2030-04-07", "2030-04-08T18:30", "2030-04-09T18:30:00Z"]
    answer = api.post(path(event, "series"), {"dates": dates, "status": "draft"}).json()
    assert [(row["starts_at"], row["status"]) for row in answer["events"]] == [
        ("2030-03-24T09:00:00Z", "published"),
        ("2030-04-07T08:00:00Z", "draft"),
        ("2030-04-08T16:30:00Z", "draft"),
        ("2030-04-09T18:30:00Z", "draft"),
    ]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("", "weekly_or_dates")),
        ({"weekly": {"count": 2}, "dates": ["2030-04-07"]}, ("", "weekly_or_dates")),
        ({"weekly": {}}, ("/weekly", "count_or_until")),
        ({"weekly": {"count": 2, "until": "2030-05-01"}}, ("/weekly", "count_or_until")),
        ({"weekly": {"count": 1}}, ("/weekly/count", "min_value")),
        ({"weekly": {"count": 201}}, ("/weekly/count", "max_value")),
        ({"weekly": {"until": "2030-03-30"}}, ("/weekly", "wrong_number")),
        ({"weekly": {"until": "2199-01-01"}}, ("/weekly", "wrong_number")),
        ({"weekly": {"count": 200, "interval": 52}}, ("/weekly", "invalid")),  # beyond 2200
        ({"weekly": {"count": 2, "interval": 0}}, ("/weekly/interval", "min_value")),
        ({"weekly": {"count": 2, "weekdays": ["Monday"]}}, ("/weekly/weekdays/0", "invalid_choice")),
        ({"weekly": {"count": 2, "weekdays": []}}, ("/weekly/weekdays", "empty")),
        ({"weekly": "x"}, ("/weekly", "invalid")),
        ({"dates": []}, ("/dates", "empty")),
        ({"dates": ["2030-04-07", 5]}, ("/dates/1", "invalid")),
        ({"dates": ["2030-04-07", None]}, ("/dates/1", "null")),
        ({"dates": ["2030-04-07T02:00", "2030-03-31T02:30"]}, ("/dates/1", "skipped_by_clocks")),
        ({"dates": ["2030-03-24"]}, ("/dates/0", "twice")),
        ({"dates": ["0001-01-01", "2030-04-01"]}, ("/dates/0", "invalid")),
        ({"dates": ["2030-04-07"], "limit_per_person": 0}, ("/limit_per_person", "min_value")),
        ({"dates": ["2030-04-07"], "status": "cancelled"}, ("/status", "invalid_choice")),
    ],
)
def test_a_fault_in_a_series_is_named_where_it_is(
    api: APIClient, event: Event, body: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert faults(api.post(path(event, "series"), body))[0] == fault
    assert (Event.objects.count(), Series.objects.count()) == (1, 0)


def test_a_series_has_two_hundred_events_at_most(api: APIClient, event: Event) -> None:
    days = [f"{datetime(2031, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}" for day in range(200)]
    assert faults(api.post(path(event, "series"), {"dates": days})) == [("/dates", "max_length")]
    assert len(api.post(path(event, "series"), {"dates": days[:-1]}).json()["events"]) == 200


def test_a_series_is_made_in_as_many_queries_whatever_its_length(api: APIClient) -> None:
    counts = []
    for count in (2, 8):
        event = make.full_event(owner=User.objects.get(email="owner@example.org"), starts_at=START)
        with CaptureQueriesContext(connection) as queries:
            made(api, event, weekly={"count": count})
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_series_is_shown_in_as_many_queries_whatever_its_length(api: APIClient, event: Event) -> None:
    series = made(api, event, weekly={"count": 9})["id"]
    short = made(api, make.event(owner=event.owner), weekly={"count": 2})["id"]
    counts = []
    for pk in (short, series):
        with CaptureQueriesContext(connection) as queries:
            api.get(f"/api/series/{pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_manager_of_all_changes_a_series_and_does_not_remove_it(owner: User, event: Event) -> None:
    manager, scanner = helper(event, TeamMember.Role.MANAGER), helper(event, TeamMember.Role.SCANNER)
    series = f"/api/series/{made(make.client(owner), event)['id']}/"
    assert len(manager.get(series).json()["events"]) == 3  # the team came along
    assert manager.patch(series, {"event": {"title": "Rust"}}).status_code == 200
    assert manager.delete(series).status_code == 403
    assert [scanner.get(series).status_code, scanner.patch(series, {}).status_code] == [404, 404]


def test_a_manager_of_one_event_sees_that_one_and_changes_no_series(api: APIClient, event: Event) -> None:
    series = made(api, event)
    one = Event.objects.get(pk=series["events"][1]["id"])
    manager = helper(one, TeamMember.Role.MANAGER)
    shown = manager.get(f"/api/series/{series['id']}/").json()
    assert [row["id"] for row in shown["events"]] == [str(one.pk)]
    assert manager.patch(f"/api/series/{series['id']}/", {"event": {"title": "x"}}).status_code == 403
    assert manager.delete(f"/api/series/{series['id']}/").status_code == 403


def test_a_strangers_series_is_not_there(api: APIClient, event: Event) -> None:
    series = f"/api/series/{made(api, event)['id']}/"
    for stranger, status in ((make.client(), 401), (make.client(make.user()), 404)):
        answers = [stranger.get(series), stranger.patch(series, {"event": {"title": "x"}}), stranger.delete(series)]
        assert [answer.status_code for answer in answers] == [status] * 3
    assert api.get(f"/api/series/{new_id()}/").status_code == 404


def test_all_of_a_series_is_changed_by_one_request(api: APIClient, event: Event) -> None:
    series = f"/api/series/{made(api, event)['id']}/"
    sent = {
        "limit_per_person": 2,
        "start_time": "18:30",
        "event": {
            "title": "Rust",
            "capacity": 5,
            "languages": ["fr"],
            "ask_hours": 48,
            "starts_at": "2040-01-01T00:00:00Z",
            "sessions": [],
            "timezone": "Asia/Tokyo",
        },
    }
    answer = api.patch(series, sent)
    assert answer.status_code == 200, answer.json()
    shown = answer.json()
    assert shown["limit_per_person"] == 2
    assert [(row["title"], row["capacity"], row["starts_at"], row["timezone"]) for row in shown["events"]] == [
        ("Rust", 5, "2030-03-24T17:30:00Z", "Europe/Paris"),
        ("Rust", 5, "2030-03-31T16:30:00Z", "Europe/Paris"),
        ("Rust", 5, "2030-04-07T16:30:00Z", "Europe/Paris"),
    ]
    each = api.get(f"/api/events/{shown['events'][2]['id']}/").json()
    # What was not sent stays: the waiting list, the place.
    assert (each["languages"], each["ask_hours"], each["location"], each["waitlist_enabled"]) == (
        ["fr"],
        48,
        "Algiers",
        True,
    )


def test_what_is_changed_begins_with_an_event_or_a_moment(api: APIClient, event: Event) -> None:
    series = made(api, event)
    door, third = f"/api/series/{series['id']}/", series["events"][2]
    api.patch(door, {"event": {"title": "Third"}, "from": third["id"]})
    assert [row["title"] for row in api.get(door).json()["events"]] == ["Go", "Go", "Third"]
    # As clocks there show it: the second starts at that minute.
    api.patch(door, {"event": {"title": "Second"}, "from": "2030-03-31T10:00"})
    assert [row["title"] for row in api.get(door).json()["events"]] == ["Go", "Second", "Second"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"from": "x"}, ("/from", "invalid")),
        ({"from": str(new_id())}, ("/from", "does_not_exist")),
        ({"from": "2030-03-31T02:30"}, ("/from", "skipped_by_clocks")),
        ({"event": {"title": ""}}, ("/event/title", "blank")),
        ({"event": {"offer_hours": 0}}, ("/event/offer_hours", "min_value")),
        ({"event": {"speakers": [str(new_id())]}}, ("/event/speakers/0", "does_not_exist")),
        ({"event": "x"}, ("/event", "invalid")),
        ({"shift_minutes": 5, "start_time": "10:00"}, ("", "shift_or_start")),
        ({"shift_minutes": 10**9}, ("/shift_minutes", "max_value")),
        ({"start_time": "25:00"}, ("/start_time", "invalid")),
        ({"limit_per_person": 201}, ("/limit_per_person", "max_value")),
    ],
)
def test_a_fault_in_a_change_is_named_where_it_is(
    api: APIClient, event: Event, body: dict[str, Any], fault: tuple[str, str]
) -> None:
    series = made(api, event)
    assert faults(api.patch(f"/api/series/{series['id']}/", body)) == [fault]


def test_an_event_at_fault_refuses_the_change_of_all(api: APIClient, event: Event) -> None:
    series = made(api, event)
    door, second = f"/api/series/{series['id']}/", Event.objects.get(pk=series["events"][1]["id"])
    for _ in range(2):
        make.confirmed(second)
    answer = api.patch(door, {"event": {"capacity": 1, "title": "x"}})
    assert faults(answer, 409) == [(f"/events/{second.pk}", "capacity_below_taken")]
    assert answer.json()["code"] == "capacity_below_taken"
    assert faults(api.patch(door, {"event": {"release_hours": 5}})) == [
        (f"/events/{row['id']}/release_hours", "not_after_ask") for row in series["events"]
    ]
    assert [row["title"] for row in api.get(door).json()["events"]] == ["Go"] * 3


def test_the_drafts_of_a_series_are_published_together_or_none_is(api: APIClient, event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(status="draft")
    series = made(api, event)
    second = Event.objects.get(pk=series["events"][1]["id"])
    api.patch(f"/api/events/{second.pk}/", {"location": ""})
    door = f"/api/series/{series['id']}/"
    answer = api.patch(door, {"event": {"status": "published"}})
    assert answer.json()["code"] == "event_incomplete"
    assert faults(answer, 409) == [(f"/events/{second.pk}/location", "no_place")]
    answer = api.patch(door, {"event": {"status": "published", "location": "Oran"}})
    assert {row["status"] for row in answer.json()["events"]} == {"published"}


def test_a_series_is_called_off(api: APIClient, event: Event) -> None:
    series = made(api, event)
    make.confirmed(event)
    assert api.delete(f"/api/series/{series['id']}/").status_code == 204
    left = api.get(f"/api/series/{series['id']}/").json()["events"]
    assert [(row["id"], row["status"]) for row in left] == [(str(event.pk), "cancelled")]


def test_an_event_is_in_one_series(api: APIClient, event: Event) -> None:
    made(api, event)
    answer = api.post(path(event, "series"), {"weekly": {"count": 2}})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_in_series")


# --- Drafts ------------------------------------------------------------------------------------------------------


def test_a_draft_is_published_once_nothing_is_missing(api: APIClient, owner: User) -> None:
    draft = make.event(owner=owner, status="draft", location="", capacity=0, waitlist_enabled=False)
    missing = [("/location", "no_place"), ("/capacity", "no_seats")]
    shown = api.get(path(draft, "gaps")).json()
    assert [(fault["pointer"], fault["code"]) for fault in shown["gaps"]] == missing
    assert "/description" in [fault["pointer"] for fault in shown["hints"]]
    refused = api.post(path(draft, "publish"))
    assert refused.json()["code"] == "event_incomplete"
    assert (
        faults(refused, 409) == faults(api.patch(f"/api/events/{draft.pk}/", {"status": "published"}), 409) == missing
    )
    api.patch(f"/api/events/{draft.pk}/", {"location": "Oran", "capacity": 1})
    assert api.get(path(draft, "gaps")).json()["gaps"] == []
    assert [api.post(path(draft, "publish")).json()["status"] for _ in range(2)] == ["published"] * 2
    assert make.client().get(f"/api/events/{draft.pk}/").status_code == 200


def test_managers_publish_and_scanners_do_not(owner: User) -> None:
    draft = make.event(owner=owner, status="draft")
    manager, scanner = helper(draft, TeamMember.Role.MANAGER), helper(draft, TeamMember.Role.SCANNER)
    assert [scanner.get(path(draft, "gaps")).status_code, scanner.post(path(draft, "publish")).status_code] == [
        403,
        403,
    ]
    assert [manager.get(path(draft, "gaps")).status_code, manager.post(path(draft, "publish")).status_code] == [
        200,
        200,
    ]


def test_a_cancelled_event_is_not_published_again(api: APIClient, event: Event) -> None:
    Event.objects.filter(pk=event.pk).update(status="cancelled")
    answer = api.post(path(event, "publish"))
    assert (answer.status_code, answer.json()["code"]) == (409, "event_cancelled")


def test_gaps_are_listed_in_as_many_queries_whatever_the_event_holds(api: APIClient, owner: User) -> None:
    counts = []
    for draft in (make.event(owner=owner, starts_at=now() + timedelta(days=2)), make.full_event(owner=owner)):
        with CaptureQueriesContext(connection) as queries:
            api.get(path(draft, "gaps"))
        counts.append(len(queries))
    assert counts[0] == counts[1] - 1  # the speakers of sessions, where there are any


# --- Settings ----------------------------------------------------------------------------------------------------


SETTINGS = {"approval_required": True, "offer_hours": 24, "ask_hours": 8760, "release_hours": 1}


def test_an_events_settings_are_written_shown_and_kept_by_a_patch(api: APIClient) -> None:
    least = {"title": "Go", "starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T12:00:00Z"}
    created = api.post("/api/events/", least | SETTINGS).json()
    assert {name: created[name] for name in SETTINGS} == SETTINGS
    door = f"/api/events/{created['id']}/"
    assert api.patch(door, {"title": "Rust"}).json() == created | {"title": "Rust"}
    assert api.put(door, created).json() == created
    off = {"approval_required": False, "offer_hours": None, "ask_hours": None, "release_hours": None}
    assert api.put(door, least).json() == created | off


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"offer_hours": 0}, ("/offer_hours", "min_value")),
        ({"offer_hours": 8761}, ("/offer_hours", "max_value")),
        ({"ask_hours": -1}, ("/ask_hours", "min_value")),
        ({"release_hours": "soon"}, ("/release_hours", "invalid")),
        ({"release_hours": 5}, ("/release_hours", "not_after_ask")),
        ({"release_hours": 5, "ask_hours": 5}, ("/release_hours", "not_after_ask")),
        ({"approval_required": "perhaps"}, ("/approval_required", "invalid")),
    ],
)
def test_a_setting_out_of_bounds_is_named(
    api: APIClient, event: Event, fields: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert fault in faults(api.patch(f"/api/events/{event.pk}/", fields))
