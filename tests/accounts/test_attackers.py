"""Attackers, each with one aim: to keep somebody out, or to get in."""

from typing import Any
from unittest.mock import patch

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import PasswordReset, SignUp, User
from turnout.guard.notation import windows
from turnout.notifications.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def victim() -> User:
    return make.user("victim")


@pytest.fixture(autouse=True)
def _as_in_production(settings: Settings) -> None:
    settings.THROTTLE_MAILBOX = windows("5/day")
    settings.THROTTLES = {
        "registration": windows("60/minute,600/hour,3000/day"),
        "confirm": windows("120/minute,1200/hour"),
        "login": windows("60/minute,600/hour"),
        "signup": windows("20/minute,100/hour,500/day"),
        "verify": windows("30/minute,200/hour"),
    }


def post(path: str, fields: dict[str, Any], *, network: str) -> tuple[int, str]:
    client = APIClient(SERVER_NAME="localhost", raise_request_exception=False, REMOTE_ADDR=network)
    answer = client.post(f"/api/{path}/", fields)
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


def mails(address: str, kind: str) -> int:
    return Message.objects.filter(recipient=address, kind=kind).count()


@pytest.mark.parametrize("networks", [1, 9])
def test_forged_registrations_leave_the_victim_able_to_reset_a_password(victim: User, networks: int) -> None:
    event = make.event()
    forged = {"event": str(event.id), "full_name": "X", "email": victim.email, "attendance_type": "on_site"}
    for number in range(9):
        assert post("registrations", forged, network=f"203.0.113.{number % networks}")[0] == 201
    assert mails(victim.email, "registration.confirm") == min(networks + 3, 5)  # one network gets all but one

    assert post("auth/password/reset", {"email": victim.email}, network="192.0.2.1") == (202, "")

    assert mails(victim.email, "account.reset") == 1
    new = {"token": PasswordReset.objects.get().token, "password": "a quite different one"}
    assert post("auth/password/reset/confirm", new, network="192.0.2.1") == (204, "")


def test_resets_asked_for_by_an_attacker_leave_one_to_the_victim(victim: User) -> None:
    for _ in range(9):
        assert post("auth/password/reset", {"email": victim.email}, network="203.0.113.1") == (202, "")
    assert mails(victim.email, "account.reset") == 4
    post("auth/password/reset", {"email": victim.email}, network="192.0.2.1")
    assert mails(victim.email, "account.reset") == 5


def test_plus_tags_and_dots_are_one_mailbox() -> None:
    fields = {"password": "violet tram 88", "role": "seeker"}
    for number in range(9):
        address = f"{'v.ictim' if number % 2 else 'victim'}+{number}@example.org"
        assert post("auth/signup", {"email": address, **fields}, network=f"203.0.113.{number}")[0] == 201
    assert Message.objects.filter(kind="account.code").count() == 5


def test_wrong_logins_from_many_networks_leave_the_owner_able_to_sign_in(victim: User) -> None:
    sent = {"email": victim.email, "password": "a guess"}
    with patch("turnout.accounts.actions.sessions.hashed_for", return_value="x"):  # a million hashes take long
        answers = {post("auth/login", sent, network=f"203.0.113.{n}") for n in range(200)}
    assert answers == {(401, "invalid_credentials")}

    sent["password"] = make.PASSWORD
    assert post("auth/login", sent, network="192.0.2.1") == (200, "")


def test_wrong_codes_from_elsewhere_are_bounded_and_leave_some_to_the_owner(settings: Settings) -> None:
    settings.THROTTLES |= {"verify": (), "signup": ()}
    fields = {"email": "victim@example.org", "password": "violet tram 88", "role": "seeker"}
    answers = []
    for _ in range(11):
        post("auth/signup", fields, network="203.0.113.1")
        theirs = SignUp.objects.order_by("id").last()
        assert theirs is not None
        guess = {"email": theirs.email, "signup_id": str(theirs.id), "otp": f"{(int(theirs.code) + 1) % 10**6:06}"}
        answers += [post("auth/verify", guess, network="203.0.113.1") for _ in range(5)]
    assert answers == [(400, "otp_invalid")] * 40 + [(429, "throttled")] * 15

    post("auth/signup", fields, network="192.0.2.1")
    mine = SignUp.objects.order_by("id").last()
    assert mine is not None
    right = {"email": mine.email, "signup_id": str(mine.id), "otp": mine.code}
    assert post("auth/verify", right, network="192.0.2.1") == (200, "")


def test_no_account_is_a_way_to_fill_a_strangers_mailbox(victim: User) -> None:
    """Neither by inviting and removing, nor by asking for their address."""
    for name in ("one", "two"):
        attacker = make.user(name)
        client, event = make.client(attacker), make.event(owner=attacker)
        for _ in range(5):
            team = f"/api/events/{event.id}/team/"
            invited = client.post(team, {"email": victim.email, "role": "scanner"})
            assert invited.status_code == 201
            assert client.delete(f"{team}{invited.json()['id']}/").status_code == 204
            assert client.patch("/api/me/", {"email": victim.email}).status_code == 202
        assert (
            mails(victim.email, "team.added")
            == mails(victim.email, "account.address_known")
            == (4 if name == "one" else 5)
        )


def test_guesses_at_nothing_use_up_nothing_of_the_owners(settings: Settings) -> None:
    settings.THROTTLES |= {"verify": ()}
    for number in range(60):
        guess = {"email": "victim@example.org", "otp": "000000"}
        assert post("auth/verify", guess, network=f"203.0.113.{number}") == (400, "otp_invalid")
    post("auth/signup", {"email": "victim@example.org", "password": "violet tram 88"}, network="192.0.2.1")
    right = {"email": "victim@example.org", "otp": SignUp.objects.get().code}
    assert post("auth/verify", right, network="192.0.2.1") == (200, "")
