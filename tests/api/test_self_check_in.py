"""The code on a room's screen, and checking in oneself by it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.attendance.actions.devices import add_device, pair
from turnout.attendance.actions.stays import set_door_rules
from turnout.attendance.models import Scan
from turnout.attendance.room_codes import places_of, room_code
from turnout.core import audit
from turnout.events.actions import Parts
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Session, TeamMember
from turnout.guard.notation import windows
from turnout.registrations.actions import cancel
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

START = datetime(2030, 5, 6, 9, 0, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_the_event() -> Any:
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    sessions = [
        Session(title="Talk", starts_at=START, ends_at=START + timedelta(hours=1)),
        Session(title="Late", starts_at=START + timedelta(hours=2), ends_at=START + timedelta(hours=3)),
    ]
    new = make.event(owner=owner, starts_at=START, hours=3, parts=Parts(languages=["en"], sessions=sessions))
    set_door_rules(new, {"self_check_in": True}, actor=audit.SYSTEM)
    return new


@pytest.fixture
def guest(event: Event) -> Registration:
    return make.confirmed(event)


def check_in(who: Registration, code: str, **more: Any) -> Any:
    path = f"/api/registrations/{who.pk}/check-in/"
    return make.client().post(path, {"code": code} | more, format="json", HTTP_X_REGISTRATION_TOKEN=who.manage_token)


def code(event: Event, session: Session | None = None) -> str:
    return room_code(event.pk, session.pk if session else None).code


def wrong(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06}"


# --- On the screen -------------------------------------------------------------------------------------------------


def shown(client: Any, event: Event, query: str = "") -> Any:
    return client.get(f"/api/events/{event.pk}/room-code/{query}")


def test_the_team_and_its_devices_get_the_code_to_show(owner: User, event: Event) -> None:
    scanner = make.user(role=Role.SEEKER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    told = {
        "code": code(event),
        "link": f"http://127.0.0.1:8000/here/{event.pk}/?code={code(event)}",
        "expires_at": "2030-05-06T09:00:30Z",
        "every": 30,
    }
    _device, token = pair(add_device(event, "Screen", "", actor=audit.SYSTEM)[1])
    device = make.client()
    device.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    for client in (make.client(owner), make.client(scanner), device):
        answer = shown(client, event)
        assert (answer.status_code, answer.json()) == (200, told)
        assert answer["Cache-Control"] == "no-store"
    assert shown(device, make.event(owner=owner)).status_code == 404
    assert shown(make.client(make.user()), event).status_code == 403


def test_each_room_has_its_own(owner: User, event: Event) -> None:
    talk = event.sessions.get(title="Talk")
    answer = shown(make.client(owner), event, f"?session={talk.pk}").json()
    assert answer["code"] == code(event, talk)
    assert answer["link"].endswith(f"?code={code(event, talk)}&session={talk.pk}")
    for foreign in (make.full_event().sessions.all()[0].pk, "nonsense"):
        assert shown(make.client(owner), event, f"?session={foreign}").status_code == 404


def test_it_changes_every_half_minute_and_the_one_before_still_opens(event: Event, at_the_event: Any) -> None:
    first = code(event)
    at_the_event.shift(25)
    second = code(event)
    assert first != second
    assert [places_of(each, event.pk, [None]) for each in (first, second)] == [[None], [None]]
    at_the_event.shift(29)
    assert places_of(first, event.pk, [None]) == [None]
    at_the_event.shift(1)
    assert places_of(first, event.pk, [None]) == []


def test_where_it_is_off_there_is_none(owner: User, event: Event) -> None:
    set_door_rules(event, {"self_check_in": False}, actor=audit.SYSTEM)
    answer = shown(make.client(owner), event)
    assert (answer.status_code, answer.json()["code"]) == (409, "self_check_in_off")


# --- In the room ---------------------------------------------------------------------------------------------------


def test_who_reads_the_code_is_in_and_stays_so(event: Event, guest: Registration, at_the_event: Any) -> None:
    answer = check_in(guest, code(event))
    told = {"result": "checked_in", "reason": "Checked in", "at": "2030-05-06T09:00:05Z", "session": None}
    assert (answer.status_code, answer.json()) == (200, told)
    at_the_event.shift(70)
    again = check_in(guest, code(event))
    assert (again.status_code, again.json()) == (
        200,
        told | {"result": "already_checked_in", "reason": "Already checked in"},
    )
    (scan,) = Scan.objects.filter(registration=guest)
    assert (scan.result, scan.device, scan.made_by, scan.passed) == ("checked_in", "Room code", audit.GUEST, True)


def test_without_a_session_the_code_says_where_of_what_is_on(event: Event, guest: Registration) -> None:
    talk, late = event.sessions.get(title="Talk"), event.sessions.get(title="Late")
    assert check_in(guest, code(event, talk)).json()["session"] == str(talk.pk)
    assert check_in(guest, code(event, late)).json()["code"] == "code_invalid"
    assert check_in(guest, code(event, late), session=str(late.pk)).json()["session"] == str(late.pk)
    assert check_in(guest, code(event), session=str(talk.pk)).json()["code"] == "code_invalid"


def test_digits_of_another_script_and_spaces_are_the_same(event: Event, guest: Registration) -> None:
    arabic = "".join(chr(0x660 + int(digit)) for digit in code(event))
    assert check_in(guest, f" {arabic[:3]} {arabic[3:]}").json()["result"] == "checked_in"


@pytest.mark.parametrize("text", ["", "abcdef", "12345", "²³¹²³¹", "\N{GRINNING FACE}", "1" * 21])
def test_what_is_no_code_is_refused(guest: Registration, text: str) -> None:
    assert check_in(guest, text).status_code == 400
    assert not Scan.objects.exists()


def test_tries_are_counted_before_they_are_compared(event: Event, guest: Registration) -> None:
    for _ in range(5):
        answer = check_in(guest, wrong(code(event)))
        assert (answer.status_code, answer.json()["code"]) == (400, "code_invalid")
    blocked = check_in(guest, code(event))
    assert (blocked.status_code, blocked.json()["code"]) == (429, "throttled")
    assert int(blocked["Retry-After"]) in range(1, 61)
    assert check_in(make.confirmed(event), code(event)).status_code == 200


def test_a_network_has_its_limit(event: Event, settings: Any) -> None:
    guests = [make.confirmed(event) for _ in range(3)]
    settings.THROTTLES = settings.THROTTLES | {"room_code": windows("2/minute")}
    assert [check_in(each, code(event)).status_code for each in guests] == [200, 200, 429]


def test_where_it_is_off_nobody_checks_in_themselves(event: Event, guest: Registration) -> None:
    set_door_rules(event, {"self_check_in": False}, actor=audit.SYSTEM)
    answer = check_in(guest, code(event))
    assert (answer.status_code, answer.json()["code"]) == (409, "self_check_in_off")


def test_who_has_no_seat_does_not_come_in(event: Event, guest: Registration) -> None:
    cancel(guest)
    answer = check_in(guest, code(event))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_confirmed")
    assert not Scan.objects.exists()


def test_only_the_holder_may(event: Event, guest: Registration) -> None:
    path, body = f"/api/registrations/{guest.pk}/check-in/", {"code": code(event)}
    assert make.client().post(path, body, format="json").status_code == 404
    assert make.client(make.user()).post(path, body, format="json").status_code == 404
    seeker = make.user(role=Role.SEEKER)
    own = make.enrolled(event, seeker)
    answer = make.client(seeker).post(f"/api/registrations/{own.pk}/check-in/", body, format="json")
    assert answer.json()["result"] == "checked_in"
    assert Scan.objects.get().made_by == audit.actor_of(seeker)


def test_another_events_session_is_refused(event: Event, guest: Registration) -> None:
    foreign = make.full_event().sessions.all()[0]
    answer = check_in(guest, code(event), session=str(foreign.pk))
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [("/session", "does_not_exist")]
