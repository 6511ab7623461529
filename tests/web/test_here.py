"""Self check-in on pages: the room's screen, the guest's own phone, the page of a registration, and the rules."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.attendance.actions.stays import set_door_rules
from turnout.attendance.models import DoorRules, Scan
from turnout.attendance.room_codes import room_code
from turnout.core import audit
from turnout.events.actions import Parts
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Session, TeamMember
from turnout.privacy.actions import erase
from turnout.registrations.actions import cancel
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

START = datetime(2030, 5, 6, 9, 2, tzinfo=UTC)  # 10:02 in Algiers
ASKED = "<button>I'm here"
UNKNOWN = "Open your ticket from your mail on this phone"


@pytest.fixture(autouse=True)
def at_the_event() -> Any:
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    talk = Session(title="Talk", starts_at=START, ends_at=START + timedelta(hours=1))
    new = make.event(owner=owner, starts_at=START, hours=3, parts=Parts(languages=["en"], sessions=[talk]))
    set_door_rules(new, {"self_check_in": True}, actor=audit.SYSTEM)
    return new


@pytest.fixture
def guest(event: Event) -> Registration:
    return make.confirmed(event, "amina")


@pytest.fixture
def phone() -> Client:
    return Client(SERVER_NAME="localhost", enforce_csrf_checks=True)


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content.decode()
    return str(answer.content.decode())


def here(event: Event, session: Session | None = None) -> str:
    return room_code(event.pk, session.pk if session else None).link.removeprefix("http://127.0.0.1:8000")


def say(phone: Client, path: str, **fields: str) -> Any:
    """Press the button on the page."""
    shown = phone.get(path).content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(csrfmiddlewaretoken|code)" value="(\w+)"', shown)) | fields
    return phone.post(path, fields)


# --- The guest's own phone -----------------------------------------------------------------------------------------


def test_who_opened_their_ticket_on_this_phone_is_known_in_the_room(
    event: Event, guest: Registration, phone: Client
) -> None:
    ticket = phone.get(guest.page_path())
    cookie = ticket.cookies["here"]
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == (f"/here/{event.pk}/", "Lax", True)
    assert cookie["max-age"] == 3 * 60 * 60
    assert guest.manage_token not in cookie.value
    assert ASKED in text(phone.get(here(event)))
    assert not Scan.objects.exists()  # to open it changes nothing
    said = say(phone, here(event))
    assert (said.status_code, said["Location"]) == (302, f"/here/{event.pk}/")
    assert "You are checked in, since 10:02." in text(phone.get(said["Location"]))
    assert Scan.objects.get().registration_id == guest.pk


def test_nobody_is_checked_in_by_a_form_that_showed_somebody_else(
    event: Event, guest: Registration, phone: Client
) -> None:
    """As where two of a family open their tickets on one phone."""
    page = f"/here/{event.pk}/?code={room_code(event.pk).code}"
    phone.get(guest.page_path())
    token = phone.get(page).cookies["csrftoken"].value
    phone.get(make.confirmed(event, "karim").page_path())
    answer = phone.post(page, {"code": room_code(event.pk).code, "who": str(guest.pk), "csrfmiddlewaretoken": token})
    assert "another person" in text(answer)
    assert not Scan.objects.exists()


def test_in_the_room_of_a_session_one_checks_in_to_it(event: Event, guest: Registration, phone: Client) -> None:
    talk = event.sessions.get()
    phone.get(guest.page_path())
    said = say(phone, here(event, talk))
    assert said["Location"] == f"/here/{event.pk}/?session={talk.pk}"
    assert "You are checked in, since 10:02." in text(phone.get(said["Location"]))
    assert Scan.objects.get().session_id == talk.pk


def test_who_is_signed_in_needs_no_ticket_at_hand(event: Event, phone: Client) -> None:
    seeker = make.user(role=Role.SEEKER)
    own = make.enrolled(event, seeker)
    phone.force_login(seeker)
    assert say(phone, here(event)).status_code == 302
    assert Scan.objects.get().registration_id == own.pk


def test_a_form_of_another_site_checks_in_nobody(event: Event, guest: Registration, phone: Client) -> None:
    phone.get(guest.page_path())
    assert phone.post(here(event), {"code": room_code(event.pk).code}).status_code == 403
    assert not Scan.objects.exists()


def test_an_unknown_phone_learns_nothing_of_who_is_registered(event: Event, guest: Registration) -> None:
    for client in (Client(), Client(headers={"Cookie": "here=AAAA.1:x:y"})):
        shown = text(client.get(here(event)))
        assert UNKNOWN in shown
        assert guest.full_name not in shown
        assert UNKNOWN in text(client.post(here(event), {"code": room_code(event.pk).code}))
    signed_in = Client()
    signed_in.force_login(make.user())
    assert UNKNOWN in text(signed_in.get(here(event)))
    assert not Scan.objects.exists()


def test_the_cookie_of_another_event_or_of_an_older_key_opens_nothing(
    event: Event, guest: Registration, phone: Client
) -> None:
    cookie = phone.get(guest.page_path()).cookies["here"].value
    other = make.event(owner=event.owner, starts_at=START)
    set_door_rules(other, {"self_check_in": True}, actor=audit.SYSTEM)
    phone.cookies["here"] = cookie
    assert UNKNOWN in text(phone.get(here(other)))
    assert ASKED in text(phone.get(here(event)))
    Registration.objects.filter(pk=guest.pk).update(key_version=guest.key_version + 1)
    assert UNKNOWN in text(phone.get(here(event)))


def test_a_code_that_is_too_old_says_look_again(
    event: Event, guest: Registration, phone: Client, at_the_event: Any
) -> None:
    phone.get(guest.page_path())
    path = here(event)
    at_the_event.shift(61)
    said = text(say(phone, path), 400)
    assert "look at the screen again" in said
    assert 'id="id_code"' in said
    assert say(phone, path, code=room_code(event.pk).code).status_code == 302


def test_who_cancelled_and_where_it_is_off_nobody_checks_in(event: Event, guest: Registration, phone: Client) -> None:
    phone.get(guest.page_path())
    cancel(guest)
    assert UNKNOWN in text(phone.get(here(event)))
    set_door_rules(event, {"self_check_in": False}, actor=audit.SYSTEM)
    assert "Nobody checks in themselves here" in text(phone.get(here(event)))


def test_a_draft_and_an_unknown_session_are_unknown(event: Event, phone: Client) -> None:
    draft = make.event(status="draft")
    assert phone.get(here(draft)).status_code == 404
    assert phone.get(f"/here/{event.pk}/?session=nonsense").status_code == 404


# --- The page of a registration ------------------------------------------------------------------------------------


def test_the_code_can_be_typed_on_the_page_of_the_registration(event: Event, guest: Registration) -> None:
    page = Client()
    assert "Code in the room" in text(page.get(guest.page_path()))
    body = {"token": guest.manage_token, "deed": "check_in"}
    refused = page.post(guest.page_path(), body | {"code": "nonsense"})
    assert "look at the screen again" in text(refused, 400)
    said = page.post(guest.page_path(), body | {"code": room_code(event.pk, event.sessions.get().pk).code})
    assert said.status_code == 302
    assert "You are checked in, since 10:02." in text(page.get(guest.page_path()))


def test_the_field_is_there_only_while_it_can_be_used(event: Event, guest: Registration, at_the_event: Any) -> None:
    def is_there() -> bool:
        return "Code in the room" in text(Client().get(guest.page_path()))

    set_door_rules(event, {"self_check_in": False}, actor=audit.SYSTEM)
    assert not is_there()
    set_door_rules(event, {"self_check_in": True}, actor=audit.SYSTEM)
    at_the_event.move_to(START - timedelta(minutes=61))
    assert not is_there()
    at_the_event.move_to(START - timedelta(minutes=60))
    assert is_there()
    at_the_event.move_to(event.ends_at)
    assert not is_there()


def test_too_many_tries_are_said(guest: Registration) -> None:
    body = {"token": guest.manage_token, "deed": "check_in", "code": "nonsense"}
    statuses = [Client().post(guest.page_path(), body).status_code for _ in range(6)]
    assert statuses == [400] * 5 + [429]


# --- The room's screen, and the rules ------------------------------------------------------------------------------


def test_the_screen_shows_the_code_and_its_link(owner: User, event: Event) -> None:
    scanner = make.user(role=Role.SEEKER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    for person in (owner, scanner):
        client = Client()
        client.force_login(person)
        shown = client.get(f"/organise/{event.pk}/room/")
        assert room_code(event.pk).code in text(shown)
        assert "<svg" in text(shown)
        assert "no-store" in shown["Cache-Control"]
        talk = event.sessions.get()
        in_session = text(client.get(f"/organise/{event.pk}/room/?session={talk.pk}"))
        assert room_code(event.pk, talk.pk).code in in_session
        assert "Talk" in in_session


def test_where_it_is_off_the_screen_says_so(owner: User, event: Event) -> None:
    set_door_rules(event, {"self_check_in": False}, actor=audit.SYSTEM)
    client = Client()
    client.force_login(owner)
    shown = text(client.get(f"/organise/{event.pk}/room/"))
    assert "Nobody checks in themselves at this event yet." in shown
    assert f"/organise/{event.pk}/door/rules/" in shown


def test_the_rules_are_changed_on_their_page(owner: User, event: Event) -> None:
    client = Client()
    client.force_login(owner)
    path = f"/organise/{event.pk}/door/rules/"
    assert f"/organise/{event.pk}/room/?session={event.sessions.get().pk}" in text(client.get(path))
    body = {"min_minutes": "20", "min_percent": "50", "names_offline": "on"}
    assert "The rules are saved." in text(client.post(path, body, follow=True))
    kept = DoorRules.objects.values("min_minutes", "min_percent", "names_offline", "self_check_in").get()
    assert kept == {"min_minutes": 20, "min_percent": 50, "names_offline": True, "self_check_in": False}
    assert "id_min_percent" in text(client.post(path, body | {"min_percent": "101"}), 400)


def test_who_is_erased_is_known_in_no_room(event: Event, phone: Client) -> None:
    seeker = make.user(role=Role.SEEKER)
    own = make.enrolled(event, seeker)
    phone.get(own.page_path())
    assert say(phone, here(event)).status_code == 302
    erase(seeker)
    assert UNKNOWN in text(phone.get(here(event)))
    (scan,) = Scan.objects.select_related("registration")
    assert scan.registration is not None
    assert (scan.registration.full_name, scan.device) == ("Erased", "Room code")
