"""The devices at an event's doors, on pages for whoever runs it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries
from time_machine import travel

from tests.support import make
from tests.support.pages import send, text
from turnout.accounts.models import Role, User
from turnout.attendance.actions.devices import add_device, note_seen, pair, revoke
from turnout.attendance.models import Device
from turnout.core.clock import now
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.web.organise.door_devices import _duration, _words

pytestmark = pytest.mark.django_db

CODE = r"(?:[2-9A-Z]{4}-){2}[2-9A-Z]{4}"


@pytest.fixture
def owner() -> User:
    return make.user("farid")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go")


@pytest.fixture
def desk(browser: Client, owner: User) -> Client:
    browser.force_login(owner)
    return browser


def of(event: Event) -> str:
    return f"/organise/{event.pk}/door/devices/"


def code_on(page: Any) -> str:
    found = set(re.findall(rf"(?<=>){CODE}(?=<)", page.content.decode()))
    return found.pop() if found else ""


def paired(event: Event, name: str = "Tablet 1") -> Device:
    return pair(add_device(event, name, "North", actor="user:1")[1])[0]


def test_a_device_is_added_and_its_code_shown_until_it_is_paired(desk: Client, event: Event) -> None:
    assert of(event) in desk.get(f"/organise/{event.pk}/door/").content.decode()
    added = send(desk, of(event), name="Tablet <b>", door="North & south")
    device = Device.objects.get()
    page = added["Location"]
    assert page == f"{of(event)}{device.pk}/"
    shown = desk.get(page)
    code = code_on(shown)
    assert "no-store" in shown["Cache-Control"]
    assert f"/scan/#pair={code}" in shown.content.decode()
    assert "<svg" in shown.content.decode()
    assert "Not paired yet" in text(shown)
    assert "Open with the phone's camera." in text(shown).replace("&#x27;", "'")
    assert code_on(desk.get(page)) == code  # loading it again makes no other
    pair(code)
    after = desk.get(page)
    assert (code_on(after), "<svg" in after.content.decode()) == ("", False)
    assert "Paired not seen yet" in text(after)
    listed = desk.get(of(event)).content.decode()
    assert ("Tablet &lt;b&gt;" in listed, "North &amp; south" in listed, code in listed) == (True, True, False)


def test_the_code_is_for_the_browser_that_asked_and_kept_nowhere_else(desk: Client, event: Event, owner: User) -> None:
    added = send(desk, of(event), name="Tablet")
    cookie = added.cookies["device_code"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (
        added["Location"],
        True,
        "Strict",
        3600,
    )
    other = Client(SERVER_NAME="localhost")
    other.force_login(owner)
    assert code_on(other.get(added["Location"])) == ""
    assert code_on(desk.get(added["Location"])) == cookie.value
    other.cookies["device_code"] = "AAAA-AAAA-AAAA"  # left from before another one was made
    assert code_on(other.get(added["Location"])) == ""
    with travel(now() + timedelta(minutes=61)):
        desk.cookies["device_code"] = cookie.value  # however long a browser keeps it
        late = desk.get(added["Location"])
        assert (code_on(late), "its code has expired" in text(late)) == ("", True)


def test_a_new_code_takes_the_place_of_the_old_one_and_of_the_pairing(desk: Client, event: Event) -> None:
    device = paired(event)
    page = f"{of(event)}{device.pk}/"
    assert send(desk, page, deed="code")["Location"] == page
    device.refresh_from_db()
    assert device.token_hash is None
    assert pair(code_on(desk.get(page)))[0] == device


def test_one_is_revoked_after_a_second_word(desk: Client, event: Event) -> None:
    device = paired(event)
    page = f"{of(event)}{device.pk}/"
    asked = desk.get(page).content.decode()
    assert asked.index("<details><summary>Revoke it") < asked.index('value="revoke"')
    assert send(desk, page, deed="revoke")["Location"] == of(event)
    assert "“Tablet 1” is revoked: it scans nothing more." in text(desk.get(of(event)))
    told = desk.get(page).content.decode()
    assert ("Revoked" in told, 'name="deed"' in told) == (True, False)


def test_a_list_says_in_words_how_each_stands(desk: Client, event: Event) -> None:
    device = paired(event)
    revoke(paired(event, "Old one"), actor="user:1")
    with travel(now() - timedelta(minutes=2, seconds=5)):
        note_seen(device, battery=40, queued=12, clock_error_ms=185_000)
    said = text(desk.get(of(event))).replace("\N{NO-BREAK SPACE}", " ")
    assert "Paired seen 2 minutes ago · battery 40 % · 12 scans waiting · its clock is 3 minutes ahead" in said
    assert "Revoked" in said


def test_words_for_each_state() -> None:
    at = now()
    with travel(at, tick=False), translation.override("en"):
        usual = {"paired_at": at, "seen_at": at}
        assert _words(Device(code_expires_at=at + timedelta(hours=1))) == []
        assert _words(Device(code_expires_at=at)) == ["its code has expired"]
        assert _words(Device(paired_at=at)) == ["not seen yet"]
        assert _words(Device(**usual, battery=0, queued=0, clock_error_ms=30_000)) == ["seen just now", "battery 0 %"]
        assert _words(Device(**usual, queued=1)) == ["seen just now", "1 scan waiting"]
        assert _words(Device(**usual, clock_error_ms=-45_000)) == ["seen just now", "its clock is 45 seconds behind"]
        assert _duration(timedelta(days=3)).replace("\N{NO-BREAK SPACE}", " ") == "3 days"
        assert _words(Device(**usual, revoked_at=at)) == []


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_pages_open_in_every_language(desk: Client, event: Event, language: str) -> None:
    note_seen(paired(event), battery=40, queued=12, clock_error_ms=185_000)
    page = send(desk, of(event), name="لوح")["Location"]
    for path in (of(event), page):
        assert desk.get(path, headers={"Accept-Language": language}).status_code == 200


def test_what_is_no_deed_is_refused_and_a_device_of_another_event_is_not_there(
    desk: Client, event: Event, owner: User
) -> None:
    device = paired(event)
    for fields in ({}, {"deed": "shout"}):
        assert send(desk, f"{of(event)}{device.pk}/", **fields).status_code == 400
    assert desk.get(f"{of(make.event(owner=owner))}{device.pk}/").status_code == 404
    assert send(desk, of(event), name="").status_code == 400
    assert send(desk, of(event), name="x" * 101).status_code == 400


def test_managers_open_it_and_scanners_do_not(browser: Client, event: Event) -> None:
    device, statuses = paired(event), {}
    for role in (TeamMember.Role.MANAGER, TeamMember.Role.SCANNER):
        user = make.user(role=Role.SEEKER)
        add_member(event, user.email, role)
        browser.force_login(user)
        statuses[role] = [browser.get(path).status_code for path in (of(event), f"{of(event)}{device.pk}/")]
    assert statuses == {TeamMember.Role.MANAGER: [200, 200], TeamMember.Role.SCANNER: [403, 403]}


def test_too_many_are_said_in_the_form(desk: Client, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.attendance.actions.devices.MOST", 1)
    paired(event)
    refused = send(desk, of(event), name="One more")
    assert (refused.status_code, 'value="One more"' in refused.content.decode()) == (409, True)
    assert "There may be 1 devices at most." in text(refused)


def test_the_list_asks_as_much_for_many_as_for_one(
    desk: Client, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 3):
        while Device.objects.count() < count:
            paired(event)
        with django_assert_num_queries(5):
            desk.get(of(event))
