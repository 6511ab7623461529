"""A forgotten password."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import PasswordReset, User
from turnout.core.clock import now
from turnout.notifications.mail import compose
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db
NEW = "a quite different one"


def post(api: APIClient, path: str, **fields: Any) -> tuple[int, str]:
    answer = api.post(f"/api/auth/{path}/", fields)
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


def asked(api: APIClient, user: User) -> PasswordReset:
    assert post(api, "password/reset", email=user.email) == (202, "")
    return PasswordReset.objects.order_by("id").last() or PasswordReset()


def test_the_link_in_the_mail_sets_a_new_password_once_and_ends_all_sessions(api: APIClient) -> None:
    amina = make.user("amina")
    session = api.post("/api/auth/login/", {"email": amina.email, "password": make.PASSWORD}).json()
    reset = asked(api, amina)
    mail = compose(Message.objects.get(subject=reset.id))
    link = f"http://127.0.0.1:8000/password/reset/?token={reset.token}"
    assert mail is not None
    assert [link in str(part) for part in (mail.body, mail.alternatives[0][0])] == [True, True]

    assert post(api, "password/reset/confirm", token=reset.token, password=NEW) == (204, "")

    assert post(api, "login", email=amina.email, password=make.PASSWORD) == (401, "invalid_credentials")
    assert post(api, "login", email=amina.email, password=NEW) == (200, "")
    assert post(api, "refresh", refresh=session["refresh"]) == (401, "token_invalid")
    assert post(api, "password/reset/confirm", token=reset.token, password=NEW) == (410, "token_expired")
    assert Message.objects.filter(kind="account.password_changed", recipient=amina.email).count() == 1


def test_a_link_used_makes_the_others_void(api: APIClient) -> None:
    amina = make.user("amina")
    first, second = asked(api, amina), asked(api, amina)
    assert post(api, "password/reset/confirm", token=second.token, password=NEW) == (204, "")
    assert post(api, "password/reset/confirm", token=first.token, password="the thief's") == (410, "token_expired")


def test_a_link_is_worth_nothing_after_an_hour(api: APIClient) -> None:
    reset = asked(api, make.user("amina"))
    with time_machine.travel(now() + timedelta(hours=1, seconds=1)):
        assert post(api, "password/reset/confirm", token=reset.token, password=NEW) == (410, "token_expired")
        assert compose(Message.objects.get(subject=reset.id)) is None


@pytest.mark.parametrize("token", ["", "nonsense", "äöü", "a.b.c", "x" * 200])
def test_a_token_that_is_not_ours_is_said_to_be_none(api: APIClient, token: str) -> None:
    assert post(api, "password/reset/confirm", token=token, password=NEW)[0] == 400


def test_a_confirmation_token_of_another_kind_sets_no_password(api: APIClient) -> None:
    registration = make.pending(make.event())
    sent = post(api, "password/reset/confirm", token=registration.confirmation_token, password=NEW)
    assert sent == (400, "token_invalid")


def test_a_weak_password_is_refused_and_the_link_stays_good(api: APIClient) -> None:
    reset = asked(api, make.user("amina"))
    answer = api.post("/api/auth/password/reset/confirm/", {"token": reset.token, "password": "12345678"})
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/password"}
    assert post(api, "password/reset/confirm", token=reset.token, password=NEW) == (204, "")


def test_an_unknown_address_gets_the_same_answer_and_a_mail_that_says_so(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    amina = make.user("amina")
    for email in (amina.email, "nobody@example.org"):
        with django_assert_num_queries(6):  # with the savepoint
            assert post(api, "password/reset", email=email) == (202, "")
    assert list(Message.objects.order_by("id").values_list("recipient", "kind")) == [
        (amina.email, "account.reset"),
        ("nobody@example.org", "account.unknown"),
    ]
    mail = compose(Message.objects.get(kind="account.unknown"))
    assert mail is not None
    assert "token=" not in str(mail.message())
