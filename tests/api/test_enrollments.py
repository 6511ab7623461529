"""Enrollments over the API: a seeker's own, and what the team decides."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, SeatPool
from turnout.registrations.actions import cancel
from turnout.registrations.actions.events import remove_event
from turnout.registrations.actions.offers import lapse_offers
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def seeker() -> User:
    return make.user("seeker", role=Role.SEEKER)


def enroll(user: User, event: Event, **body: object) -> Any:
    return make.client(user).post(f"/api/events/{event.pk}/enroll/", body, format="json")


def brief(answer: Any) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, body.get("code") or body.get("status")


def decide(client: APIClient, registration: Registration, verb: str, **body: object) -> tuple[int, str]:
    return brief(client.post(f"/api/registrations/{registration.pk}/{verb}/", body, format="json"))


def test_a_seeker_enrolls_with_nothing_but_a_click_and_cancels_as_simply(seeker: User, owner: User) -> None:
    event = make.event(owner=owner, capacity=1)
    first = enroll(seeker, event)
    registration = Registration.objects.get()
    assert first.status_code == 201
    assert first.json() == {
        "id": str(registration.pk),
        "status": "confirmed",
        "event": str(event.pk),
        "event_info": {
            "title": event.title,
            "starts_at": event.starts_at.isoformat().replace("+00:00", "Z"),
            "ends_at": event.ends_at.isoformat().replace("+00:00", "Z"),
            "timezone": "Africa/Algiers",
            "location": "Algiers",
            "status": "published",
        },
        "full_name": "Seeker",
        "email": "seeker@example.org",
        "phone": "",
        "attendance_type": "on_site",
        "answers": {},
        "position": None,
        "online_url": None,
        "created_at": first.json()["created_at"],
        "confirmed_at": first.json()["confirmed_at"],
        "cancelled_at": None,
        "decided_at": None,
        "reason": "",
        "offer_expires_at": None,
        "asked_at": None,
        "answer_by": None,
        "coming_at": None,
    }
    second = make.user(role=Role.SEEKER)
    assert (brief(enroll(second, event)), enroll(second, event).json()["code"]) == (
        (201, "waitlisted"),
        "already_enrolled",
    )
    waiting = make.client(second).get("/api/me/enrollments/upcoming/").json()["results"]
    assert [(row["status"], row["position"]) for row in waiting] == [("waitlisted", 1)]

    assert brief(make.client(seeker).post(f"/api/events/{event.pk}/cancel/")) == (200, "cancelled")
    promoted = make.client(second).get("/api/me/enrollments/upcoming/").json()["results"]
    assert [(row["status"], row["position"]) for row in promoted] == [("confirmed", None)]
    assert make.client(seeker).post(f"/api/events/{event.pk}/cancel/").status_code == 404
    assert brief(enroll(seeker, event)) == (201, "waitlisted")
    assert make.client(seeker).get("/api/me/enrollments/past/").json()["results"] == []


def test_every_reason_not_to_be_let_in_has_its_code(seeker: User, owner: User) -> None:
    full = make.event(capacity=0, waitlist_enabled=False)
    closed = make.event(registration_closes_at=now() - timedelta(seconds=1))
    early = make.event(registration_opens_at=now() + timedelta(hours=1))
    over, draft = make.event(starts_at=now() - timedelta(days=2)), make.event(owner=owner, status="draft")
    cancelled = make.event()
    make.confirmed(cancelled)
    remove_event(cancelled)
    online = make.event(offers_on_site=False)
    assert brief(enroll(seeker, full)) == (409, "event_full")
    assert brief(enroll(seeker, closed)) == (409, "registration_closed")
    assert brief(enroll(seeker, early)) == (409, "registration_not_open")
    assert brief(enroll(seeker, over)) == (409, "registration_closed")
    assert brief(enroll(seeker, cancelled)) == (409, "registration_closed")
    assert brief(enroll(seeker, draft)) == (404, "not_found")
    assert brief(enroll(owner, full)) == (403, "forbidden")
    assert enroll(seeker, online, attendance_type="on_site").json()["errors"][0]["pointer"] == "/attendance_type"
    assert not Registration.objects.filter(email=seeker.email).exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"attendance_type": "by_post"}, "/attendance_type"),
        ({"full_name": "x" * 201}, "/full_name"),
        ({"phone": "12"}, "/phone"),
        ({"full_name": ["a"]}, "/full_name"),
    ],
)
def test_what_is_not_valid_is_said_where(seeker: User, body: dict[str, object], pointer: str) -> None:
    answer = enroll(seeker, make.event(), **body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


def test_what_one_may_not_say_is_not_heard(seeker: User) -> None:
    event = make.event(capacity=0)
    body = {"status": "confirmed", "email": "other@example.org", "place": 0, "ticket_id": str(new_id())}
    shown = enroll(seeker, event, **body).json()
    assert (shown["status"], shown["email"]) == ("waitlisted", "seeker@example.org")


def test_without_a_choice_one_takes_part_where_there_is_a_seat(seeker: User) -> None:
    event = make.event(by_type={"on_site": 0, "online": 1})
    assert enroll(seeker, event).json()["attendance_type"] == "online"


def test_the_same_key_is_one_deed(seeker: User) -> None:
    event, client = make.event(capacity=5), make.client(seeker)
    path = f"/api/events/{event.pk}/enroll/"
    answers = [client.post(path, {}, format="json", HTTP_IDEMPOTENCY_KEY="k").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert SeatPool.objects.get(event=event).taken == 1


def test_a_guests_registration_stands_under_the_account_once_its_address_is_verified(owner: User) -> None:
    event = make.event(owner=owner, capacity=5)
    guest, elsewhere = make.confirmed(event, "amina"), make.pending(make.event(), "amina")
    amina = make.user("amina", role=Role.SEEKER, address_verified=False)
    assert make.client(amina).get("/api/me/enrollments/upcoming/").status_code == 401
    User.objects.filter(pk=amina.pk).update(address_verified=True)
    client = make.client(User.objects.get(pk=amina.pk))
    shown = client.get("/api/me/enrollments/upcoming/").json()["results"]
    assert {row["id"]: row["status"] for row in shown} == {str(guest.pk): "confirmed", str(elsewhere.pk): "pending"}
    assert brief(client.post(f"/api/events/{event.pk}/enroll/")) == (409, "already_enrolled")
    ticket = client.get(f"/api/registrations/{guest.pk}/ticket/")
    assert ticket.json()["registration"] == str(guest.pk)
    assert client.patch(f"/api/registrations/{guest.pk}/", {"full_name": "Amina B."}).status_code == 200
    stranger = make.client(make.user(role=Role.SEEKER))
    assert stranger.get(f"/api/registrations/{guest.pk}/").status_code == 404
    assert brief(client.post(f"/api/events/{event.pk}/cancel/")) == (200, "cancelled")


def test_ones_own_are_paged_by_key_soonest_first_with_as_many_queries_for_one_as_for_many(
    seeker: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client, start = make.client(seeker), now() + timedelta(days=1)
    asked, page = [], {}
    for count in (1, 24):
        for number in range(count):
            make.enrolled(make.event(capacity=number % 2, starts_at=start + timedelta(hours=count - number)), seeker)
        with django_assert_num_queries(3) as queries:
            page = client.get("/api/me/enrollments/upcoming/").json()
        asked.append(len(queries))
    assert asked[0] == asked[1]
    second = client.get(page["next"]).json()
    starts = [row["event_info"]["starts_at"] for row in page["results"] + second["results"]]
    assert (len(page["results"]), len(second["results"]), second["next"]) == (20, 5, None)
    assert starts == sorted(starts)
    assert client.get(second["previous"]).json()["results"] == page["results"]


def test_the_team_decides_and_nobody_else(owner: User, seeker: User) -> None:
    event = make.event(owner=owner, capacity=1, approval_required=True)
    manager, scanner = make.user(role=Role.SEEKER), make.user(role=Role.SEEKER)
    add_member(event, manager.email, "manager")
    add_member(event, scanner.email, "scanner")
    assert brief(enroll(seeker, event)) == (201, "in_review")
    mine, other = Registration.objects.get(), make.confirmed(event)
    for user in (seeker, scanner, make.user()):
        assert decide(make.client(user), mine, "approve") == (404, "not_found")
        assert decide(make.client(user), mine, "decline") == (404, "not_found")
    assert decide(make.client(), other, "approve", token=other.manage_token) == (401, "not_authenticated")
    assert decide(make.client(manager), mine, "approve", reason="To fill the room.") == (200, "confirmed")
    assert make.client(seeker).get(f"/api/registrations/{mine.pk}/").json()["reason"] == ""  # the team's own note
    assert decide(make.client(owner), mine, "approve") == (200, "confirmed")
    assert decide(make.client(owner), mine, "decline") == (409, "not_in_review")
    assert decide(make.client(owner), other, "decline", reason="x" * 501) == (400, "invalid")
    assert decide(make.client(owner), other, "decline", reason="Full.") == (200, "declined")
    shown = make.client().get(f"/api/registrations/{other.pk}/?token={other.manage_token}").json()
    assert (shown["status"], shown["reason"]) == ("declined", "Full.")


def test_an_offer_is_accepted_by_its_holder_with_key_or_account(owner: User, seeker: User) -> None:
    event = make.event(owner=owner, capacity=2, offer_hours=24, starts_at=now() + timedelta(days=9))
    holders = [make.enrolled(event) for _ in range(2)]
    guest, mine, last = make.confirmed(event), make.enrolled(event, seeker), make.confirmed(event)
    for holder in holders:
        cancel(holder)
    shown = make.client().get(f"/api/registrations/{guest.pk}/", {"token": guest.manage_token}).json()
    assert shown["status"] == "offered"
    assert parse_datetime(shown["offer_expires_at"]) is not None
    assert decide(make.client(), guest, "accept") == (404, "not_found")
    assert decide(make.client(), guest, "accept", token=last.manage_token) == (404, "not_found")
    assert decide(make.client(), guest, "accept", token=guest.manage_token) == (200, "confirmed")
    assert decide(make.client(), last, "accept", token=last.manage_token) == (409, "not_offered")
    Registration.objects.filter(pk=mine.pk).update(offer_expires_at=now())
    assert decide(make.client(seeker), mine, "accept") == (410, "offer_expired")
    assert lapse_offers() == 1
    assert decide(make.client(seeker), mine, "accept") == (410, "offer_expired")
    assert decide(make.client(), last, "accept", token=last.manage_token) == (200, "confirmed")


def test_who_is_asked_says_that_they_come(seeker: User) -> None:
    event = make.event(capacity=1, ask_hours=48)
    mine = make.enrolled(event, seeker)
    Registration.objects.filter(pk=mine.pk).update(asked_at=now(), coming_at=None)
    assert decide(make.client(make.user(role=Role.SEEKER)), mine, "still-coming") == (404, "not_found")
    answer = make.client(seeker).post(f"/api/registrations/{mine.pk}/still-coming/")
    assert answer.json()["coming_at"] is not None


def test_the_team_sees_who_changed_the_order_and_why(
    owner: User, seeker: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    event = make.event(owner=owner, capacity=0)
    _first, second = make.enrolled(event), make.enrolled(event)
    client = make.client(owner)
    assert decide(client, second, "move", position=1) == (400, "invalid")
    assert decide(client, second, "move", position=0, reason="x") == (400, "invalid")
    assert decide(make.client(seeker), second, "move", position=1, reason="Mine.") == (404, "not_found")
    path = f"/api/events/{event.pk}/waiting-list/changes/"
    asked, rows = [], []
    for count in (1, 9):
        for _ in range(count):
            assert decide(client, second, "move", position=1, reason="Came from far.") == (200, "waitlisted")
        with django_assert_num_queries(5) as queries:
            rows = client.get(path).json()["results"]
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert rows[-1] == {
        "registration": str(second.pk),
        "full_name": second.full_name,
        "was": 2,
        "became": 1,
        "reason": "Came from far.",
        "by": "Owner",
        "at": rows[-1]["at"],
    }
    assert make.client(seeker).get(path).status_code == 403


def test_junk_is_no_fault_of_ours(seeker: User) -> None:
    event, client = make.event(capacity=1), make.client(seeker)
    bodies: list[Any] = [[], "x", None, 1, {"attendance_type": None}, {"phone": {}}, {"full_name": None}]
    for body in bodies:
        answer = client.post(f"/api/events/{event.pk}/enroll/", body, format="json")
        assert answer.status_code in {201, 400, 409}, body
    for path in ("upcoming", "past"):
        assert client.get(f"/api/me/enrollments/{path}/?cursor=x").status_code == 400
