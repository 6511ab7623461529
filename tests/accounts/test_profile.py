"""One's own account."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import AddressChange, PasswordReset, User
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture
def amina() -> User:
    return make.user("amina")


@pytest.fixture
def hers(amina: User) -> APIClient:
    return make.client(amina)


def verify(client: APIClient, email: str, otp: str) -> tuple[int, Any]:
    answer = client.post("/api/auth/verify/", {"email": email, "otp": otp})
    return answer.status_code, answer.json().get("code", answer.json().get("verified"))


def test_one_sees_and_changes_oneself(hers: APIClient, amina: User) -> None:
    answer = hers.patch("/api/me/", {"name": "Amina B.", "language": "ar"})
    shown = answer.json()
    del shown["date_joined"]
    assert (answer.status_code, shown) == (
        200,
        {
            "id": str(amina.id),
            "email": "amina@example.org",
            "name": "Amina B.",
            "role": "facilitator",
            "language": "ar",
            "two_factor": False,
        },
    )
    assert hers.get("/api/me/").json()["name"] == "Amina B."


def test_a_stranger_has_no_account_to_see(api: APIClient) -> None:
    answers = [api.get("/api/me/"), api.patch("/api/me/", {}), api.delete("/api/me/", {}), api.get("/api/me/export/")]
    assert [answer.status_code for answer in answers] == [401] * 4


def test_nothing_else_can_be_changed(hers: APIClient, amina: User) -> None:
    before = User.objects.filter(pk=amina.pk).values().get()
    grabs = {"role": "staff", "is_staff": True, "id": "x", "password": "x", "address_verified": True, "user": {"a": 1}}
    assert hers.patch("/api/me/", grabs).status_code == 200
    assert User.objects.filter(pk=amina.pk).values().get() == before


def test_a_new_address_counts_once_its_code_is_shown_and_the_old_one_is_told(hers: APIClient) -> None:
    assert hers.patch("/api/me/", {"email": "Amina@New.example"}).status_code == 202
    assert hers.get("/api/me/").json()["email"] == "amina@example.org"
    change = AddressChange.objects.get()

    assert verify(hers, "amina@new.example", "000000" if change.code != "000000" else "000001") == (400, "otp_invalid")
    assert verify(hers, "amina@new.example", change.code) == (200, True)

    assert hers.get("/api/me/").json()["email"] == "amina@new.example"
    assert list(Message.objects.order_by("id").values_list("kind", "recipient")) == [
        ("account.address", "amina@new.example"),
        ("account.address_changed", "amina@example.org"),
    ]


def test_a_link_in_the_old_mailbox_sets_no_password_once_the_address_is_another(
    hers: APIClient, api: APIClient, amina: User
) -> None:
    assert api.post("/api/auth/password/reset/", {"email": amina.email}).status_code == 202
    token = PasswordReset.objects.get().token
    assert hers.patch("/api/me/", {"email": "amina@new.example"}).status_code == 202
    assert verify(hers, "amina@new.example", AddressChange.objects.get().code) == (200, True)

    sent = {"token": token, "password": "violet tram 88"}
    assert api.post("/api/auth/password/reset/confirm/", sent).status_code == 410


def test_a_code_for_somebody_elses_new_address_is_worth_nothing_to_me(hers: APIClient) -> None:
    teammate = make.client(make.user("teammate"))
    teammate.patch("/api/me/", {"email": "theirs@new.example"})
    assert verify(hers, "theirs@new.example", AddressChange.objects.get().code) == (400, "otp_invalid")


def test_an_address_that_has_an_account_is_not_told_apart_and_not_taken(hers: APIClient) -> None:
    other = make.user("other")
    answers = [hers.patch("/api/me/", {"email": email}) for email in (other.email, "free@new.example")]
    assert [(answer.status_code, answer.json()["email"]) for answer in answers] == [(202, "amina@example.org")] * 2

    hers.patch("/api/me/", {"email": other.email})
    assert verify(hers, other.email, AddressChange.objects.get().code) == (400, "otp_invalid")


def test_one_cannot_have_codes_mailed_to_whomever_as_often_as_one_likes(hers: APIClient) -> None:
    answers = [hers.patch("/api/me/", {"email": f"{number}@new.example"}).status_code for number in range(6)]
    assert answers == [202] * 5 + [429]
    assert hers.patch("/api/me/", {"email": "7@new.example", "name": "Half done"}).status_code == 429
    assert hers.get("/api/me/").json()["name"] != "Half done"


def test_ones_own_address_again_changes_nothing(hers: APIClient) -> None:
    assert hers.patch("/api/me/", {"email": "AMINA@example.org"}).status_code == 200
    assert not AddressChange.objects.exists()
