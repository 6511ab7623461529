"""Codes and tokens, when many show the same one at once over two server processes."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.races.processes import Place
from tests.races.visitors import Site, at_once
from tests.support import make
from turnout.accounts.actions.sign_up import Newcomer, sign_up
from turnout.accounts.models import MOST_TRIES, AddressChange, SignUp, TokenFamily, User

pytestmark = pytest.mark.servers


def attempt_of(email: str) -> SignUp:
    return sign_up(Newcomer(email, "violet tram 88"), client="192.0.2.1")


def show(site: Site, path: str, times: int, **fields: Any) -> Counter[tuple[int, str]]:
    """Send the same so many times at once; return how often each answer was given."""

    def send() -> tuple[int, str]:
        answer = site.client.post(f"/api/auth/{path}/", json=fields)
        return answer.status_code, answer.json().get("code", "")

    return Counter(at_once([send] * times))


def test_of_twenty_right_codes_at_once_one_makes_the_account(site: Site, rows: Place) -> None:
    attempt = attempt_of(f"right-{rows.kind}@example.org")

    answers = show(site, "verify", 20, email=attempt.email, otp=attempt.code)

    assert answers[200, ""] == 1
    assert {status for status, _ in answers} <= {200, 400, 429}
    assert User.objects.filter(email=attempt.email).count() == 1


def test_of_fifty_wrong_codes_at_once_five_are_compared(site: Site, rows: Place) -> None:
    attempt = attempt_of(f"wrong-{rows.kind}@example.org")
    wrong = f"{(int(attempt.code) + 1) % 10**6:06}"

    answers = show(site, "verify", 50, email=attempt.email, otp=wrong)

    attempt.refresh_from_db()
    assert attempt.tries == MOST_TRIES
    assert answers[400, "otp_invalid"] == MOST_TRIES
    assert sum(answers.values()) == 50
    assert {status for status, _ in answers} == {400, 429}


def test_a_refresh_token_shown_twenty_times_at_once_is_taken_once_and_ends_the_family(site: Site) -> None:
    for _ in range(5):
        user = make.user()
        signed_in = site.client.post("/api/auth/login/", json={"email": user.email, "password": make.PASSWORD}).json()

        answers = show(site, "refresh", 20, refresh=signed_in["refresh"])

        assert answers[200, ""] <= 1
        assert set(answers) <= {(200, ""), (401, "token_reused"), (401, "token_invalid")}
        assert TokenFamily.objects.get(user=user).ended_at is not None
        shown = site.client.get("/api/me/", headers={"Authorization": f"Bearer {signed_in['access']}"})
        assert shown.status_code == 401


def test_of_five_new_addresses_asked_for_at_once_one_stands(site: Site, rows: Place) -> None:
    user = make.user()
    signed_in = site.client.post("/api/auth/login/", json={"email": user.email, "password": make.PASSWORD}).json()
    headers = {"Authorization": f"Bearer {signed_in['access']}"}

    def ask(number: int) -> int:
        sent = {"email": f"new{number}-{rows.kind}@example.org"}
        return site.client.patch("/api/me/", json=sent, headers=headers).status_code

    assert at_once([partial(ask, number) for number in range(5)]) == [202] * 5
    assert AddressChange.objects.filter(user=user).count() == 1


def test_of_two_attempts_for_one_address_verified_at_once_one_makes_the_account(site: Site, rows: Place) -> None:
    attempts = [attempt_of(f"twice-{rows.kind}@example.org") for _ in range(2)]

    def send(attempt: SignUp) -> int:
        fields = {"email": attempt.email, "otp": attempt.code, "signup_id": str(attempt.id)}
        return site.client.post("/api/auth/verify/", json=fields).status_code

    assert sorted(at_once([partial(send, attempt) for attempt in attempts])) == [200, 400]
