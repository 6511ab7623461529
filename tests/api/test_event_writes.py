"""Events and workshops, written by those whose they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.api.event_input import EventInputSerializer
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts, save_partner, save_speaker
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Partner, SeatPool, Session, Speaker
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

LEAST = {"title": "Go", "starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T12:00:00Z"}


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def api(owner: User) -> APIClient:
    return make.client(owner)


def path(event: Event) -> str:
    return f"/api/events/{event.pk}/"


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.json()
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def everything() -> dict[str, Any]:
    partner = save_partner(Partner(name="Partner"))
    speakers = [save_speaker(Speaker(name=name)) for name in "AB"]
    return {
        "title": "Go",
        "description": "A language",
        "kind": "conference",
        "status": "draft",
        "language": "fr",
        "languages": ["fr", "ar"],
        "location": "Algiers",
        "website": "https://example.org/go",
        "image": "https://example.org/go.png",
        "online_url": "https://meet.example.org/go",
        "attendance_types": ["on_site", "online"],
        "timezone": "Africa/Algiers",
        "starts_at": "2030-05-06T10:00:00+01:00",
        "ends_at": "2030-05-06T12:00:00+01:00",
        "registration_opens_at": "2030-01-01T00:00:00Z",
        "registration_closes_at": "2030-05-01T00:00:00Z",
        "capacity": None,
        "capacities": {"on_site": 5, "online": None},
        "waitlist_enabled": False,
        "sessions": [
            {"title": "One", "starts_at": "2030-05-06T10:00:00", "ends_at": "2030-05-06T11:00:00", "room": "1"},
            {"title": "Two", "starts_at": "2030-05-06T11:00:00", "ends_at": "2030-05-06T12:00:00"},
        ],
        "speakers": [str(speaker.pk) for speaker in speakers],
        "partner": str(partner.pk),
    }


def test_what_is_created_is_shown_as_it_was_written_and_belongs_to_who_created_it(api: APIClient, owner: User) -> None:
    sent = everything()
    answer = api.post("/api/events/", sent)
    assert answer.status_code == 201, answer.json()
    shown = answer.json()
    same = set(sent) - {"sessions", "speakers", "partner", "starts_at", "ends_at"}
    assert {name: shown[name] for name in same} == {name: sent[name] for name in same}
    assert (shown["starts_at"], shown["ends_at"]) == ("2030-05-06T09:00:00Z", "2030-05-06T11:00:00Z")
    assert [(part["title"], part["starts_at"], part["room"]) for part in shown["sessions"]] == [
        ("One", "2030-05-06T09:00:00Z", "1"),
        ("Two", "2030-05-06T10:00:00Z", ""),
    ]
    assert {person["id"] for person in shown["speakers"]} == set(sent["speakers"])
    assert shown["partner"]["id"] == sent["partner"]
    event = Event.objects.get()
    assert event.owner == owner
    assert [entry.actor for entry in AuditEntry.objects.filter(subject=event.pk)] == [f"user:{owner.pk}"]


@pytest.mark.parametrize("door", ["/api/events/", "/api/events/create/", "/api/workshops/"])
def test_every_door_creates_a_published_event_of_any_number_of_seats(api: APIClient, door: str) -> None:
    answer = api.post(door, LEAST).json()
    assert (answer["status"], answer["kind"], answer["capacity"], answer["timezone"]) == (
        "published",
        "workshop",
        None,
        "UTC",
    )
    assert [row["id"] for row in make.client().get("/api/events/").json()["results"]] == [answer["id"]]


def test_the_same_key_creates_one_event(api: APIClient) -> None:
    answers = [api.post("/api/events/create/", LEAST, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Event.objects.count() == 1
    other = api.post("/api/events/create/", {**LEAST, "title": "Rust"}, headers={"Idempotency-Key": "1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_a_workshop_stays_one_at_its_own_address(api: APIClient, owner: User) -> None:
    created = api.post("/api/workshops/", {**LEAST, "kind": "meetup"}).json()
    assert created["kind"] == "workshop"
    assert api.patch(f"/api/workshops/{created['id']}/", {"kind": "meetup"}).json()["kind"] == "workshop"
    meetup = make.event(owner=owner, kind="meetup")
    assert api.patch(f"/api/workshops/{meetup.pk}/", {"title": "x"}).status_code == 404


# --- Times -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts_at", "moment"),
    [
        ("2030-10-27T02:30:00", "2030-10-27T00:30:00Z"),  # twice: the earlier
        ("2030-10-27T02:30:00+01:00", "2030-10-27T01:30:00Z"),  # the later, by its offset
        ("2030-10-27T02:30:00+02:00", "2030-10-27T00:30:00Z"),
        ("2030-07-01T10:00:00", "2030-07-01T08:00:00Z"),
        ("2030-12-01T10:00", "2030-12-01T09:00:00Z"),
        ("2030-12-01T10:00:00Z", "2030-12-01T10:00:00Z"),
    ],
)
def test_a_time_without_offset_is_what_clocks_at_the_event_show(api: APIClient, starts_at: str, moment: str) -> None:
    sent = {**LEAST, "timezone": "Europe/Paris", "starts_at": starts_at, "ends_at": "2030-12-31T00:00:00Z"}
    assert api.post("/api/events/", sent).json()["starts_at"] == moment


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"starts_at": "2030-03-31T02:30:00"}, ("/starts_at", "skipped_by_clocks")),
        ({"ends_at": "2031-03-30T02:30:00"}, ("/ends_at", "skipped_by_clocks")),
        ({"starts_at": "tomorrow"}, ("/starts_at", "invalid")),
        ({"starts_at": None}, ("/starts_at", "null")),
        ({"starts_at": 5}, ("/starts_at", "invalid")),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, ("/starts_at", "invalid")),
        ({"starts_at": "9999-12-31T23:59:59-14:00"}, ("/starts_at", "invalid")),
        ({"ends_at": LEAST["starts_at"]}, ("/ends_at", "not_after_start")),
        ({"timezone": "Mars/Base"}, ("/timezone", "invalid")),
        ({"title": " "}, ("/title", "blank")),
        ({"title": "x" * 201}, ("/title", "max_length")),
        ({"kind": "party"}, ("/kind", "invalid_choice")),
        ({"status": "secret"}, ("/status", "invalid_choice")),
        ({"language": "Klingon!"}, ("/language", "invalid")),
        ({"languages": ["en", 5.5]}, ("/languages/1", "invalid")),
        ({"capacity": -1}, ("/capacity", "min_value")),
        ({"capacity": 2**31}, ("/capacity", "max_value")),
        ({"capacity": "many"}, ("/capacity", "invalid")),
        ({"capacities": {"on_site": -1}}, ("/capacities/on_site", "min_value")),
        ({"capacities": 5}, ("/capacities", "invalid")),
        ({"attendance_types": []}, ("/attendance_types", "empty")),
        ({"attendance_types": ["asleep"]}, ("/attendance_types/0", "invalid_choice")),
        ({"image": "javascript:alert(1)"}, ("/image", "invalid")),
        ({"website": "ftp://example.org/"}, ("/website", "invalid")),
        ({"online_url": "file:///etc/passwd"}, ("/online_url", "invalid")),
        ({"partner": str(new_id())}, ("/partner", "does_not_exist")),
        ({"partner": "x"}, ("/partner", "invalid")),
        ({"speakers": [str(new_id())]}, ("/speakers/0", "does_not_exist")),
        ({"sessions": [{"title": "x"}]}, ("/sessions/0/starts_at", "required")),
        ({"sessions": "x"}, ("/sessions", "not_a_list")),
        (
            {"registration_opens_at": "2030-05-01T00:00:00Z", "registration_closes_at": "2030-04-01T00:00:00Z"},
            ("", "invalid"),
        ),
    ],
)
def test_a_fault_is_named_where_it_is(api: APIClient, fields: dict[str, Any], fault: tuple[str, str]) -> None:
    assert faults(api.post("/api/events/", {**LEAST, "timezone": "Europe/Paris"} | fields))[0] == fault
    assert not Event.objects.exists()


def test_faults_of_sessions_are_named_by_their_place(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner)
    times = {"starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T11:00:00Z"}
    sessions = [{"title": "fine", **times}, {"title": "back", **times, "ends_at": "2030-05-06T09:00:00Z"}]
    assert faults(api.patch(path(event), {"sessions": sessions})) == [("/sessions/1/ends_at", "not_after_start")]
    strange = make.full_event().sessions.all()[0]
    stolen = api.patch(path(event), {"sessions": [{"id": str(strange.pk), "title": "mine", **times}]})
    assert faults(stolen) == [("/sessions/0/id", "does_not_exist")]
    strange.refresh_from_db()
    assert (strange.title, event.sessions.count()) == ("0", 0)


# --- Changing ----------------------------------------------------------------------------------------------------


def test_patch_changes_only_what_is_sent(api: APIClient) -> None:
    created = api.post("/api/events/", everything()).json()
    changed = api.patch(f"/api/events/{created['id']}/", {"title": "Rust"}).json()
    assert changed == created | {"title": "Rust"}


def test_put_of_what_was_read_changes_nothing(api: APIClient) -> None:
    created = api.post("/api/events/", everything()).json()
    assert api.put(f"/api/events/{created['id']}/", created).json() == created
    assert Session.objects.count() == 2


def test_put_gives_what_is_not_sent_its_default_but_seats_status_kind_and_timezone(api: APIClient) -> None:
    created = api.post("/api/events/", everything()).json()
    empty: dict[str, Any] = dict.fromkeys(["description", "language", "location", "website", "image", "online_url"], "")
    empty |= dict.fromkeys(["registration_opens_at", "registration_closes_at", "partner"])
    empty |= {name: [] for name in ("languages", "sessions", "speakers")}
    times = {"starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T12:00:00Z"}
    assert api.put(f"/api/events/{created['id']}/", LEAST).json() == created | empty | times | {
        "waitlist_enabled": True
    }


def test_sessions_keep_their_ids_and_what_is_not_sent_of_them(api: APIClient, owner: User) -> None:
    event = make.full_event(owner=owner)
    first, second = event.sessions.all()
    Session.objects.filter(pk=first.pk).update(description="Long", source_key="a")
    times = {"starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T11:00:00Z"}
    answer = api.patch(
        path(event), {"sessions": [{"id": str(first.pk), "title": "Renamed"}, {"title": "New", **times}]}
    ).json()
    assert [part["title"] for part in answer["sessions"]] == ["Renamed", "New"]
    kept = Session.objects.get(pk=first.pk)
    assert (kept.title, kept.description, kept.source_key, kept.starts_at) == ("Renamed", "Long", "a", first.starts_at)
    assert not Session.objects.filter(pk=second.pk).exists()


def test_the_main_language_is_changed_alone(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner, parts=Parts(languages=["fr", "ar"]))
    assert api.patch(path(event), {"language": "EN"}).json()["languages"] == ["en", "ar"]


def test_a_draft_is_published_and_taken_back_until_somebody_registers(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner, status="draft")
    assert make.client().get(path(event)).status_code == 404
    assert api.patch(path(event), {"status": "published"}).json()["status"] == "published"
    assert api.patch(path(event), {"status": "draft"}).json()["status"] == "draft"
    api.patch(path(event), {"status": "published"})
    event.refresh_from_db()
    make.pending(event)
    refused = api.patch(path(event), {"status": "draft", "title": "x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "event_has_registrations")


def test_a_draft_is_known_to_its_team_and_staff_alone(owner: User) -> None:
    event = make.event(owner=owner, status="draft")
    scanner, invited = make.user("scanner", role=Role.SEEKER), make.user("invited", address_verified=False)
    add_member(event, "Scanner@Example.org", "scanner")
    add_member(event, invited.email, "manager")
    everybody = {
        "owner": make.client(owner),
        "scanner": make.client(scanner),
        "whose address is not verified": make.client(invited),
        "stranger": make.client(make.user()),
        "nobody": make.client(),
        "staff": make.client(make.user(is_staff=True), second_factor=True),
        "staff without second factor": make.client(make.user(is_staff=True)),
    }
    found = {name: client.get(path(event)).status_code for name, client in everybody.items()}
    changed = {name: client.patch(path(event), {"title": "x"}).status_code for name, client in everybody.items()}
    unknown = dict.fromkeys(everybody, 404)
    assert found == unknown | {"owner": 200, "scanner": 200, "staff": 200}
    assert changed == unknown | {
        "owner": 200,
        "scanner": 403,
        "staff": 200,
        "nobody": 401,
        "whose address is not verified": 401,
    }


def test_where_it_takes_place_online_is_for_the_team(owner: User) -> None:
    event = make.event(owner=owner, online_url="https://meet.example.org/secret")
    add_member(event, make.user("scanner", role=Role.SEEKER).email, "scanner")
    scanner = make.client(User.objects.get(email="scanner@example.org"))
    assert [client.get(path(event)).json().get("online_url") for client in (make.client(owner), scanner)] == [
        "https://meet.example.org/secret"
    ] * 2
    strangers = [make.client(), make.client(make.user()), make.client(make.user(is_staff=True))]
    assert ["online_url" in client.get(path(event)).json() for client in strangers] == [False] * 3


def test_staff_who_left_out_the_second_factor_are_told_so(owner: User) -> None:
    event = make.event(owner=owner)
    answer = make.client(make.user(is_staff=True)).patch(path(event), {"title": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")
    assert make.client(make.user()).patch(path(event), {"title": "x"}).json()["code"] == "forbidden"


# --- Seats -------------------------------------------------------------------------------------------------------


def test_capacity_is_not_lowered_under_the_seats_taken_and_nothing_is_half_written(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner, title="Before", capacity=3)
    for _ in range(2):
        make.confirmed(event)
    refused = api.patch(path(event), {"title": "After", "capacity": 1, "languages": ["fr"], "sessions": []})
    assert (refused.status_code, refused.json()["code"], refused.json()["taken"]) == (409, "capacity_below_taken", 2)
    shown = make.client().get(path(event)).json()
    assert (shown["title"], shown["capacity"], shown["languages"]) == ("Before", 3, ["en"])
    assert api.put(path(event), {**LEAST, "capacity": 1}).status_code == 409
    assert api.patch(path(event), {"capacity": 2}).json()["available_seats"] == 0


def test_a_fault_after_the_seats_were_changed_leaves_them_as_they_were(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner, capacity=1)
    make.confirmed(event)
    waiting = make.confirmed(event)
    assert faults(api.patch(path(event), {"capacity": 5, "ends_at": "2020-01-01T00:00:00Z"}))
    waiting.refresh_from_db()
    assert (SeatPool.objects.get().capacity, waiting.status) == (1, "waitlisted")


def test_new_seats_go_to_who_waits(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner, capacity=1)
    for _ in range(3):
        make.confirmed(event)
    answer = api.patch(path(event), {"capacity": 2}).json()
    assert (answer["available_seats"], answer["waitlist_length"]) == (0, 1)


def test_seats_are_counted_by_type_or_in_all_until_one_is_taken(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner, capacity=5)
    by_type = api.patch(path(event), {"capacities": {"on_site": 1}}).json()
    assert (by_type["capacity"], by_type["capacities"], by_type["attendance_types"]) == (1, {"on_site": 1}, ["on_site"])
    both = api.patch(path(event), {"capacities": {"online": 2}}).json()
    assert (both["capacities"], both["attendance_types"]) == ({"on_site": 1, "online": 2}, ["on_site", "online"])
    make.confirmed(event)
    refused = api.patch(path(event), {"capacity": 5})
    assert (refused.status_code, refused.json()["code"]) == (409, "seats_counted_otherwise")
    assert api.patch(path(event), {"capacities": {"on_site": 0}}).json()["code"] == "capacity_below_taken"


# --- Removing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["/api/events/{}/", "/api/events/{}/delete/", "/api/workshops/{}/"])
def test_without_registrations_it_is_gone(api: APIClient, owner: User, door: str) -> None:
    event = make.full_event(owner=owner)
    assert api.delete(door.format(event.pk)).status_code == 204
    assert not Event.objects.exists()
    assert not SeatPool.objects.exists()
    assert AuditEntry.objects.filter(verb="event.deleted", subject=event.pk).count() == 1
    assert api.delete(door.format(event.pk)).status_code == 404


@pytest.mark.parametrize("door", ["/api/events/{}/", "/api/events/{}/delete/", "/api/workshops/{}/"])
def test_with_registrations_it_is_cancelled_and_no_record_is_lost(api: APIClient, owner: User, door: str) -> None:
    event = make.event(owner=owner)
    held = make.confirmed(event)
    assert [api.delete(door.format(event.pk)).status_code for _ in range(2)] == [204, 204]
    assert make.client().get("/api/events/").json()["results"] == []
    assert make.client().get(path(event)).json()["status"] == "cancelled"
    assert Registration.objects.get().status == held.status == "confirmed"
    assert AuditEntry.objects.filter(verb="event.cancelled", subject=event.pk).count() == 1
    changed = api.patch(path(event), {"title": "x", "status": "published"})
    assert (changed.status_code, changed.json()["code"]) == (409, "event_cancelled")


# --- What nobody may write ---------------------------------------------------------------------------------------


SMUGGLED: dict[str, Any] = {
    "id": str(new_id()),
    "owner": str(new_id()),
    "owner_id": str(new_id()),
    "source_key": "a" * 64,
    "over": True,
    "created_at": "2001-01-01T00:00:00Z",
    "available_seats": 1000,
    "waitlist_length": 7,
    "pools": [{"capacity": 0, "taken": 5}],
    "registrations": [],
    "team": [{"email": "evil@example.org", "role": "manager"}],
    "search_text": "everything",
    "status": "cancelled",
    "is_staff": True,
    "is_verified": True,
    "role": "staff",
}


@pytest.mark.parametrize("method", ["patch", "put"])
def test_what_is_not_the_teams_to_write_is_ignored(api: APIClient, owner: User, method: str) -> None:
    owner.refresh_from_db()
    event = make.event(owner=owner, title="Go", capacity=3)
    before, pools, user = Event.objects.values().get(), list(SeatPool.objects.values()), User.objects.values().get()
    sent = {
        "title": "Go",
        "starts_at": event.starts_at.isoformat(),
        "ends_at": event.ends_at.isoformat(),
        "location": event.location,
        **SMUGGLED,
    }
    assert getattr(api, method)(path(event), sent).status_code == 200
    assert Event.objects.values().get() == before
    assert (list(SeatPool.objects.values()), User.objects.values().get()) == (pools, user)
    assert event.team.count() == 0


def test_what_is_smuggled_into_a_new_event_is_ignored(api: APIClient, owner: User) -> None:
    answer = api.post("/api/events/", {**LEAST, **SMUGGLED}).json()
    event = Event.objects.get()
    assert (event.owner, event.status, event.source_key, event.over) == (owner, "published", None, False)
    assert answer["id"] == str(event.pk) != SMUGGLED["id"]
    assert SeatPool.objects.values_list("capacity", "taken").get() == (None, 0)


def test_of_a_key_sent_twice_one_is_read_and_it_is_checked(api: APIClient, owner: User) -> None:
    event = make.event(owner=owner)
    body = '{"status": "published", "owner": "x", "status": "cancelled", "owner": "y"}'
    assert api.patch(path(event), body, content_type="application/json").status_code == 200
    assert Event.objects.values_list("status", "owner").get() == ("published", owner.pk)


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_forms_are_refused(api: APIClient, owner: User, form: str) -> None:
    event = make.event(owner=owner, title="Go")
    for door, method in (("/api/events/", "post"), (path(event), "put"), (path(event), "patch")):
        assert getattr(api, method)(door, "title=Rust&owner=x", content_type=form).status_code == 415
    assert Event.objects.values_list("title", "owner").get() == ("Go", owner.pk)


# --- Whatever is sent --------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "title", "on_site"]), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(sorted(EventInputSerializer().fields))


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(fields=st.dictionaries(NAMES, JSON, max_size=4))
@pytest.mark.long
def test_nothing_that_is_sent_is_our_fault(owner: User, api: APIClient, fields: dict[str, Any]) -> None:
    event = Event.objects.first() or make.full_event(owner=owner)
    answers = [
        api.post("/api/events/", {**LEAST, **fields}),
        api.patch(path(event), fields),
        api.put(path(event), {**LEAST, **fields}),
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


# --- How often the database is asked -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_writing_asks_as_often_for_many_sessions_and_speakers_as_for_one(
    api: APIClient, owner: User, method: str
) -> None:
    asked = []
    start = datetime(2030, 5, 6, 10, tzinfo=UTC)
    for count in (1, 15):
        event = make.event(owner=owner)
        speakers = [str(save_speaker(Speaker(name=f"{number}")).pk) for number in range(count)]
        sessions = [
            {"title": f"{number}", "starts_at": start, "ends_at": start + timedelta(hours=1)} for number in range(count)
        ]
        body = {**LEAST, "sessions": sessions, "speakers": speakers}
        if method != "post":  # sessions that are there, and new ones
            known = api.patch(path(event), {"sessions": sessions}).json()["sessions"]
            body["sessions"] = [*sessions, *known]
        with CaptureQueriesContext(connection) as queries:
            answer = getattr(api, method)("/api/events/" if method == "post" else path(event), body)
        assert answer.status_code < 300, answer.json()
        asked.append(len(queries))
    assert asked[0] == asked[1]
