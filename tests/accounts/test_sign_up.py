"""Signing up: codes, attempts, and what a stranger can learn or spoil."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import SignUp, User
from turnout.core.clock import now
from turnout.notifications.mail import compose
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db
AMINA = "amina@example.org"
PASSWORD = "violet tram 88"


def post(api: APIClient, path: str, **fields: Any) -> tuple[int, Any]:
    answer = api.post(f"/api/auth/{path}/", fields)
    return answer.status_code, answer.json() if answer.content else None


def signed_up(api: APIClient, email: str = AMINA, password: str = PASSWORD, **fields: Any) -> SignUp:
    status, body = post(api, "signup", email=email, password=password, role="seeker", **fields)
    assert status == 201, body
    return SignUp.objects.get(pk=body["signup_id"])


def code_of(answer: tuple[int, Any]) -> tuple[int, str]:
    status, body = answer
    return status, body.get("code", "")


def mailed(attempt: SignUp) -> str:
    """Return the text of the newest mail owed for an attempt."""
    mail = compose(Message.objects.filter(subject=attempt.pk).order_by("version").last() or Message())
    return str(mail.body) if mail else ""


def wrong(attempt: SignUp) -> str:
    return f"{(int(attempt.code) + 1) % 10**6:06}"


def test_the_answer_says_where_the_code_went_and_for_how_long_it_is_worth_something(api: APIClient) -> None:
    status, body = post(api, "signup", email=" Amina@Example.org ", password=PASSWORD, role="facilitator", name="Amina")

    attempt = SignUp.objects.get()
    assert (status, body) == (
        201,
        {
            "email": AMINA,
            "role": "facilitator",
            "signup_id": str(attempt.id),
            "verification": {"channel": "email", "expires_in": 300},
        },
    )
    assert not User.objects.exists()


def test_the_code_in_the_mail_makes_the_account(api: APIClient) -> None:
    attempt = signed_up(api, name="Amina")
    assert attempt.code in mailed(attempt).split()

    assert post(api, "verify", email=AMINA, otp=attempt.code) == (200, {"email": AMINA, "verified": True})

    user = User.objects.get()
    assert (user.email, user.name, user.role, user.is_staff, user.address_verified) == (
        AMINA,
        "Amina",
        "seeker",
        False,
        True,
    )
    assert user.check_password(PASSWORD)
    assert not SignUp.objects.exists()


def test_neither_code_nor_password_lies_in_the_database(api: APIClient) -> None:
    attempt = signed_up(api)
    stored = repr(list(SignUp.objects.values())) + repr(list(Message.objects.values()))
    assert PASSWORD not in stored
    assert attempt.code not in stored


def test_a_code_works_once(api: APIClient) -> None:
    attempt = signed_up(api)
    code = attempt.code
    post(api, "verify", email=AMINA, otp=code)
    assert code_of(post(api, "verify", email=AMINA, otp=code)) == (400, "otp_invalid")


def test_a_code_dies_after_five_minutes(api: APIClient) -> None:
    attempt = signed_up(api)
    with time_machine.travel(now() + timedelta(minutes=5, seconds=1)):
        assert code_of(post(api, "verify", email=AMINA, otp=attempt.code)) == (400, "otp_expired")


def test_a_code_dies_after_five_wrong_tries(api: APIClient) -> None:
    attempt = signed_up(api)
    answers = [code_of(post(api, "verify", email=AMINA, otp=wrong(attempt))) for _ in range(6)]
    assert answers == [(400, "otp_invalid")] * 5 + [(429, "otp_attempts_exceeded")]
    assert code_of(post(api, "verify", email=AMINA, otp=attempt.code)) == (429, "otp_attempts_exceeded")


def test_a_new_code_makes_the_old_one_void_and_may_be_tried_anew(api: APIClient) -> None:
    attempt = signed_up(api)
    old = attempt.code
    for _ in range(5):
        post(api, "verify", email=AMINA, otp=wrong(attempt))
    with time_machine.travel(now() + timedelta(minutes=1, seconds=1)):
        assert post(api, "verify/resend", email=AMINA) == (202, None)
        attempt.refresh_from_db()
        assert old not in mailed(attempt)
        assert code_of(post(api, "verify", email=AMINA, otp=old)) == (400, "otp_invalid")
        assert post(api, "verify", email=AMINA, otp=attempt.code)[0] == 200


def test_a_new_code_is_mailed_once_a_minute_and_the_answer_is_always_the_same(api: APIClient) -> None:
    attempt = signed_up(api)
    assert [post(api, "verify/resend", email=email) for email in (AMINA, "nobody@example.org")] == [(202, None)] * 2
    assert Message.objects.filter(subject=attempt.pk).count() == 1


def test_a_known_address_gets_the_same_answer_and_another_mail(api: APIClient) -> None:
    known, unknown = make.user("karim"), "karima@example.org"
    answers = [post(api, "signup", email=email, password=PASSWORD, role="seeker") for email in (known.email, unknown)]

    for _, body in answers:
        UUID(body.pop("signup_id"))
        body.pop("email")
    assert answers[0] == answers[1]
    first, second = SignUp.objects.order_by("id")
    assert "has an account already" in mailed(first)
    assert second.code in mailed(second)


def test_no_code_opens_an_account_that_is_there_already(api: APIClient) -> None:
    known = make.user("karim")
    attempt = signed_up(api, known.email)
    assert code_of(post(api, "verify", email=known.email, otp=attempt.code)) == (400, "otp_invalid")
    known.refresh_from_db()
    assert known.check_password(make.PASSWORD)


def test_a_known_and_an_unknown_address_cost_the_same_statements(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    known = make.user("karim")
    for email in (known.email, "nobody@example.org"):
        with django_assert_num_queries(7):  # with the savepoint
            post(api, "signup", email=email, password=PASSWORD, role="seeker")


def test_a_stranger_who_signs_up_first_with_my_address_gains_nothing(api: APIClient) -> None:
    stranger, mine = signed_up(api, password="the stranger's own"), signed_up(api, name="Amina")

    # Without saying which, neither code is taken: mine can't be spent on the stranger's attempt.
    assert code_of(post(api, "verify", email=AMINA, otp=mine.code)) == (409, "signup_id_required")
    wrong_one = post(api, "verify", email=AMINA, otp=mine.code, signup_id=str(stranger.id))
    assert code_of(wrong_one) == (400, "otp_invalid")
    assert post(api, "verify", email=AMINA, otp=mine.code, signup_id=str(mine.id))[0] == 200

    assert code_of(post(api, "login", email=AMINA, password="the stranger's own")) == (401, "invalid_credentials")
    assert post(api, "login", email=AMINA, password=PASSWORD)[0] == 200
    late = post(api, "verify", email=AMINA, otp=stranger.code, signup_id=str(stranger.id))
    assert code_of(late) == (400, "otp_invalid")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short1!", "password_too_short"),
        ("password", "password_too_common"),
        ("2718281828459", "password_entirely_numeric"),
        ("amina@example.org", "password_too_similar"),
    ],
)
def test_a_weak_password_is_refused_where_it_was_typed(api: APIClient, password: str, code: str) -> None:
    status, body = post(api, "signup", email=AMINA, password=password, role="seeker")
    assert status == 400
    assert (code, "/password") in {(fault["code"], fault["pointer"]) for fault in body["errors"]}


@pytest.mark.parametrize("role", ["staff", "admin", "", None, ["seeker"]])
def test_no_other_role_can_be_asked_for(api: APIClient, role: Any) -> None:
    status, body = post(api, "signup", email=AMINA, password=PASSWORD, role=role)
    assert (status, [fault["pointer"] for fault in body["errors"]]) == (400, ["/role"])


GRABS: dict[str, Any] = {
    "is_staff": True,
    "is_superuser": True,
    "is_active": True,
    "is_verified": True,
    "address_verified": True,
    "verified": True,
    "known": False,
    "tries": -100,
    "id": "00000000-0000-7000-8000-000000000000",
    "user": {"is_staff": True},
    "groups": [1],
}


def test_nothing_else_in_the_body_changes_anything(api: APIClient) -> None:
    attempt = signed_up(api, **GRABS)
    assert str(attempt.id) != GRABS["id"]
    assert not User.objects.exists()
    post(api, "verify", email=AMINA, otp=attempt.code, **GRABS)
    user = User.objects.get()
    assert (user.role, user.is_staff, user.is_superuser) == ("seeker", False, False)


def test_of_a_key_sent_twice_one_counts(api: APIClient) -> None:
    body = '{"email": "amina@example.org", "password": "violet tram 88", "role": "staff", "role": "seeker"}'
    assert api.generic("POST", "/api/auth/signup/", body, "application/json").status_code == 201
    assert SignUp.objects.get().role == "seeker"


def test_a_form_is_no_json(api: APIClient) -> None:
    body = "email=amina@example.org&password=violet+tram+88&role=seeker&is_staff=1"
    assert api.generic("POST", "/api/auth/signup/", body, "application/x-www-form-urlencoded").status_code == 415
    assert not SignUp.objects.exists()


@pytest.mark.parametrize("path", ["signup", "password/reset"])
def test_where_a_captcha_is_switched_on_it_is_wanted(api: APIClient, settings: Settings, path: str) -> None:
    settings.CAPTCHA = "altcha"
    fields = {"email": AMINA, "password": PASSWORD, "role": "seeker"}
    assert code_of(post(api, path, **fields)) == (400, "captcha_required")
    assert code_of(post(api, path, **fields, captcha="not one")) == (400, "captcha_invalid")
    assert not Message.objects.exists()
