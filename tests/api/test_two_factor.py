"""One's own second factor over the API."""

import base64
from typing import Any

import pytest
from django_otp.oath import totp
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.models import User
from turnout.accounts.queries import has_second_factor, second_factor_of

pytestmark = pytest.mark.django_db
PATH = "/api/me/two-factor/"


def shown(secret: str, *, steps: int = 0) -> str:
    return f"{totp(base64.b32decode(secret), drift=steps):06}"


def code_of(user: User, *, steps: int = 0) -> str:
    device = second_factor_of(user)
    assert device is not None
    return shown(base64.b32encode(device.bin_key).decode(), steps=steps)


def brief(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_it_is_switched_on_used_and_switched_off() -> None:
    user = make.user()
    client = make.client(user)

    begun = client.post(PATH, {})
    assert begun.status_code == 200
    assert set(begun.json()) == {"otpauth_url", "secret"}
    assert not has_second_factor(user)

    secret = begun.json()["secret"]
    confirmed = client.post(f"{PATH}confirm/", {"otp": shown(secret)})
    assert confirmed.status_code == 200
    assert [len(code) for code in confirmed.json()["recovery_codes"]] == [19] * 10
    assert has_second_factor(user)

    assert brief(client.delete(PATH, {"otp": shown(secret)})) == (400, "otp_invalid")  # it was used already
    assert client.delete(PATH, {"otp": confirmed.json()["recovery_codes"][0]}).status_code == 204
    assert not has_second_factor(user)


def test_one_that_is_on_is_replaced_by_a_code_of_it() -> None:
    user = make.user()
    client = make.client(user)
    enrol_second_factor(user)
    assert brief(client.post(PATH, {})) == (409, "second_factor_on")
    assert brief(client.post(PATH, {"otp": "000000x"})) == (400, "otp_invalid")
    assert client.post(PATH, {"otp": code_of(user)}).status_code == 200


def test_staff_keep_theirs() -> None:
    staff = make.staff()
    client = make.client(staff, second_factor=True)
    assert brief(client.delete(PATH, {"otp": code_of(staff)})) == (403, "second_factor_needed")


@pytest.mark.parametrize(("method", "path"), [("post", PATH), ("delete", PATH), ("post", f"{PATH}confirm/")])
def test_strangers_are_asked_who_they_are(api: APIClient, method: str, path: str) -> None:
    answer = getattr(api, method)(path, {"otp": "123456"})
    assert brief(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    "body", [{}, {"otp": None}, {"otp": ["123456"]}, {"otp": ""}, {"otp": "1" * 41}, {"otp": {"a": "b"}}]
)
def test_what_is_no_code_is_said_to_be_none(body: dict[str, Any]) -> None:
    user = make.user()
    client = make.client(user)
    client.post(PATH, {})
    for answer in (client.post(f"{PATH}confirm/", body), client.delete(PATH, body)):
        assert brief(answer) == (400, "invalid")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/otp"]


def test_what_was_not_begun_is_not_confirmed_and_what_is_off_not_switched_off() -> None:
    client = make.client(make.user())
    assert brief(client.post(f"{PATH}confirm/", {"otp": "123456"})) == (409, "second_factor_not_begun")
    assert brief(client.delete(PATH, {"otp": "123456"})) == (409, "second_factor_off")


def test_nobody_reaches_anothers() -> None:
    owner = make.user()
    enrol_second_factor(owner)
    stranger = make.client(make.user())
    stranger.post(PATH, {})
    assert brief(stranger.post(f"{PATH}confirm/", {"otp": code_of(owner)})) == (400, "otp_invalid")
    assert brief(stranger.delete(PATH, {"otp": code_of(owner)})) == (409, "second_factor_off")
    assert has_second_factor(owner)


def test_staff_come_to_a_second_factor_by_a_link_and_not_by_a_password_alone() -> None:
    answer = make.client(make.staff()).post("/api/me/two-factor/", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_by_link")
