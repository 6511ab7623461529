"""Attack mode over HTTP: for staff with a second factor, and for nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.models import Event
from turnout.guard.captcha import altcha
from turnout.guard.captcha.altcha import Solved
from turnout.registrations.actions import register
from turnout.registrations.attacks.actions import switch_event
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> APIClient:
    return make.client(make.staff(), second_factor=True)


@pytest.fixture
def event() -> Event:
    """Return an event under attack, with three forged registrations."""
    event = make.event(capacity=2)
    switch_event(event, "on", actor="user:x")
    for n in range(3):
        register(event, make.guest(email=f"x{n}@domain{n % 2}.example"), client=f"203.0.{n}.1")
    return event


def routes(event: Event) -> list[tuple[str, str, dict[str, Any]]]:
    at = f"/api/events/{event.id}"
    return [
        ("get", "/api/attack-mode/", {}),
        ("put", "/api/attack-mode/", {"on": True}),
        ("put", f"{at}/attack-mode/", {"mode": "on"}),
        ("get", f"{at}/burst/", {}),
        ("post", f"{at}/burst/rollback/", {}),
        ("post", f"{at}/burst/rollback/{new_id()}/undo/", {}),
    ]


def test_strangers_owners_and_staff_without_a_second_factor_stay_outside(event: Event) -> None:
    owner = make.user()
    Event.objects.filter(pk=event.pk).update(owner=owner)
    outside = [
        (make.client(), 401, "not_authenticated"),
        (make.client(make.user(role="seeker")), 403, "forbidden"),
        (make.client(owner), 403, "forbidden"),
        (make.client(make.staff()), 403, "second_factor_required"),
    ]
    for client, status, code in outside:
        for method, path, body in routes(event):
            answer = getattr(client, method)(path, body)
            assert (path, answer.status_code, answer.json()["code"]) == (path, status, code)
    assert set(Registration.objects.values_list("status", flat=True)) == {"pending"}


def test_the_platforms_switch(staff: APIClient) -> None:
    assert staff.get("/api/attack-mode/").json() == {"on": False, "since": None}
    on = staff.put("/api/attack-mode/", {"on": True}).json()
    assert (on["on"], on["since"] is not None) == (True, True)
    assert staff.get("/api/attack-mode/").json() == on
    assert staff.put("/api/attack-mode/", {"on": False}).json() == {"on": False, "since": None}
    assert staff.put("/api/attack-mode/", {}).json()["errors"][0]["pointer"] == "/on"


def test_an_events_switch(staff: APIClient, event: Event) -> None:
    path = f"/api/events/{event.id}/attack-mode/"
    assert staff.put(path, {"mode": "off"}).json()["mode"] == "off"
    assert staff.put(path, {"mode": "automatic"}).json() == {"mode": "automatic", "since": None}
    assert staff.put(path, {"mode": "detected"}).status_code == 400
    assert staff.put(f"/api/events/{new_id()}/attack-mode/", {"mode": "on"}).status_code == 404


def test_a_burst_is_seen_rolled_back_and_returned(staff: APIClient, event: Event) -> None:
    path = f"/api/events/{event.id}/burst/"
    shown = staff.get(path).json()
    assert shown["total"] == {"registered": 3, "confirmed": 0, "quarantined": 3, "rolled_back": 0}
    assert (shown["event"], shown["attack"]["mode"], shown["rollbacks"]) == (str(event.id), "on", [])
    assert shown["domains"] == [
        {"registered": 2, "confirmed": 0, "quarantined": 2, "rolled_back": 0, "domain": "domain0.example"},
        {"registered": 1, "confirmed": 0, "quarantined": 1, "rolled_back": 0, "domain": "domain1.example"},
    ]
    assert [row["block"] for row in shown["blocks"]] == ["203.0.0.0/24", "203.0.1.0/24", "203.0.2.0/24"]

    first = staff.post(f"{path}rollback/", {"domains": ["domain1.example"]})
    assert (first.status_code, first.json()["count"], first.json()["undone_at"]) == (201, 1, None)
    key = {"Idempotency-Key": "once"}
    second, again = [staff.post(f"{path}rollback/", {}, headers=key) for _ in range(2)]
    assert (second.status_code, second.json()["count"], again.json()) == (201, 2, second.json())
    nothing = staff.post(f"{path}rollback/", {})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_quarantined")

    undo = f"{path}rollback/{second.json()['id']}/undo/"
    undone, twice = [staff.post(undo) for _ in range(2)]
    assert (undone.status_code, undone.json()["undone_at"] is not None, twice.json()) == (200, True, undone.json())
    shown = staff.get(path).json()
    assert shown["total"] == {"registered": 3, "confirmed": 0, "quarantined": 2, "rolled_back": 1}
    assert [row["count"] for row in shown["rollbacks"]] == [2, 1]


def test_a_rollback_belongs_to_its_event(staff: APIClient, event: Event) -> None:
    rollback = staff.post(f"/api/events/{event.id}/burst/rollback/", {}).json()["id"]
    other = make.event()
    assert staff.post(f"/api/events/{other.id}/burst/rollback/{rollback}/undo/").status_code == 404
    assert staff.post(f"/api/events/{event.id}/burst/rollback/{new_id()}/undo/").status_code == 404
    assert staff.get(f"/api/events/{new_id()}/burst/").status_code == 404


@pytest.mark.parametrize("sent", [{"blocks": "x"}, {"domains": [None]}, {"blocks": ["x" * 44]}])
def test_what_makes_no_sense_is_refused(staff: APIClient, event: Event, sent: dict[str, Any]) -> None:
    assert staff.post(f"/api/events/{event.id}/burst/rollback/", sent).status_code == 400


def test_a_burst_takes_as_many_queries_whoever_came(staff: APIClient, event: Event) -> None:
    path = f"/api/events/{event.id}/burst/"
    with CaptureQueriesContext(connection) as few:
        staff.get(path)
    for n in range(5):
        register(event, make.guest(email=f"y{n}@other{n}.example"), client=f"198.51.{n}.1")
    with CaptureQueriesContext(connection) as many:
        staff.get(path)
    assert len(few) == len(many)


def test_under_attack_a_captcha_is_asked_for_where_else_none_is(api: APIClient, event: Event) -> None:
    sent = {"full_name": "Amina", "email": "amina@example.org", "attendance_type": "on_site"}
    refused = api.post("/api/registrations/", {**sent, "event": str(event.id)})
    assert (refused.status_code, refused.json()["code"]) == (400, "captcha_required")
    other = make.event()
    assert api.post("/api/registrations/", {**sent, "event": str(other.id)}).status_code == 201
    providers = [
        api.get("/api/captcha/", asked_for).json()["provider"]
        for asked_for in ({}, {"event": str(other.id)}, {"event": str(event.id)})
    ]
    assert providers == ["none", "none", "altcha"]
    assert "altcha" in api.get(f"/events/{event.id}/register/").content.decode()
    assert "altcha" not in api.get(f"/events/{other.id}/register/").content.decode()


def test_a_guest_is_not_told_that_they_are_quarantined(
    api: APIClient, event: Event, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CAPTCHA = "altcha"
    monkeypatch.setattr(altcha, "solved", lambda _: Solved(new_id().hex, now() + timedelta(minutes=1)))
    sent = {"full_name": "Amina", "email": "amina@example.org", "attendance_type": "on_site", "captcha": "solved"}
    there = api.post("/api/registrations/", {**sent, "event": str(event.id)}).json()
    elsewhere = api.post("/api/registrations/", {**sent, "event": str(make.event().id)}).json()
    assert (set(there), there["status"]) == (set(elsewhere), "pending")


def test_under_the_platforms_switch_a_captcha_is_asked_for_where_people_sign_up_too(
    api: APIClient, staff: APIClient
) -> None:
    assert api.get("/api/captcha/").json()["provider"] == "none"
    staff.put("/api/attack-mode/", {"on": True})
    assert api.get("/api/captcha/").json()["provider"] == "altcha"
    sent = {"email": "amina@example.org", "password": make.PASSWORD, "role": "seeker"}
    answers = [api.post(f"/api/auth/{path}/", sent).json()["code"] for path in ("signup", "password/reset")]
    assert answers == ["captcha_required"] * 2
