"""Signing in, for programs: tokens, their families, and what ends them."""

import base64
import hmac
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import jwt
import pytest
import time_machine
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from tests.support.people import solve
from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.models import PasswordReset, SignUp, TokenFamily, User
from turnout.accounts.passwords import fitting
from turnout.core.clock import now
from turnout.guard import captcha
from turnout.guard.notation import windows
from turnout.jobs.worker import run_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("owner")


def post(api: APIClient, path: str, **fields: Any) -> tuple[int, Any]:
    answer = api.post(f"/api/{path}/", fields)
    return answer.status_code, answer.json() if answer.content else None


def login(api: APIClient, user: User, password: str = make.PASSWORD, **fields: Any) -> tuple[int, Any]:
    return post(api, "auth/login", email=user.email, password=password, **fields)


def tokens(api: APIClient, user: User, **fields: Any) -> tuple[str, str]:
    status, body = login(api, user, **fields)
    assert status == 200, body
    return body["access"], body["refresh"]


def me(api: APIClient, access: str) -> tuple[int, str]:
    answer = api.get("/api/me/", HTTP_AUTHORIZATION=f"Bearer {access}")
    return answer.status_code, answer.json().get("code", answer.json().get("email"))


def otp_of(user: User, drift: int = 0) -> str:
    otp = TOTP(TOTPDevice.objects.get(user=user).bin_key)
    otp.drift = drift
    return f"{otp.token():06}"


def test_the_answer_says_who_is_signed_in(api: APIClient, owner: User) -> None:
    status, body = login(api, owner)
    assert (status, body["user"]) == (
        200,
        {"id": str(owner.id), "email": "owner@example.org", "name": "Owner", "role": "facilitator"},
    )
    assert me(api, body["access"]) == (200, "owner@example.org")


def test_the_doors_of_seed_a_are_the_same(api: APIClient, owner: User) -> None:
    status, body = post(api, "token", username=owner.email, password=make.PASSWORD)
    assert status == 200
    status, body = post(api, "token/refresh", refresh=body["refresh"])
    assert (status, sorted(body)) == (200, ["access", "refresh"])
    assert me(api, body["access"]) == (200, "owner@example.org")


def test_addresses_are_compared_without_case_and_spaces(api: APIClient, owner: User) -> None:
    assert post(api, "auth/login", email=f" {owner.email.upper()} ", password=make.PASSWORD)[0] == 200


@pytest.mark.parametrize("email", ["owner@example.org", "nobody@example.org"])
@pytest.mark.usefixtures("owner")
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer_for_one_hash(api: APIClient, email: str) -> None:
    hashed = "turnout.accounts.hashers.Argon2Hasher"
    with (
        patch(f"{hashed}.verify", autospec=True, return_value=False) as checked,
        patch(f"{hashed}.encode", autospec=True, return_value="x") as made,
    ):
        status, body = post(api, "auth/login", email=email, password="not this one")
    assert (status, body["code"], body["detail"]) == (401, "invalid_credentials", "Address or password is wrong.")
    assert checked.call_count + made.call_count == 1


def test_a_password_fits_any_attempt_of_its_address_by_one_hash() -> None:
    hashes = {uuid4(): f"argon2$no{number}" for number in range(3)}
    assert fitting("argon2$no2", hashes) == list(hashes)[2:]


def test_a_hash_made_with_less_work_still_opens_and_is_renewed(api: APIClient, owner: User) -> None:
    with patch("turnout.accounts.hashers.Argon2Hasher.memory_cost", 16):
        owner.set_password(make.PASSWORD)
    owner.save()
    before = owner.password
    assert login(api, owner, "not this one")[1]["code"] == "invalid_credentials"
    assert login(api, owner)[0] == 200
    owner.refresh_from_db()
    assert owner.password != before
    assert login(api, owner)[0] == 200


def test_an_attempt_to_sign_up_does_not_tell_at_the_login_whether_there_is_an_account(
    api: APIClient, owner: User
) -> None:
    """A stranger knows the password of an attempt they made, with whatever address."""
    codes = []
    for email in (owner.email, "nobody@example.org"):
        assert post(api, "auth/signup", email=email, password="violet tram 88", role="seeker")[0] == 201
        status, body = post(api, "auth/login", email=email, password="violet tram 88")
        codes.append((status, sorted(body), body["code"]))
    assert codes[0] == codes[1]
    assert codes[0][2] == "email_unverified"
    assert login(api, owner)[0] == 200


@pytest.mark.usefixtures("owner")
def test_a_known_and_an_unknown_address_cost_the_same_statements(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    for email in ("owner@example.org", "nobody@example.org"):
        with django_assert_num_queries(5):  # counting the failure with its savepoint, the attempts, the account
            post(api, "auth/login", email=email, password="not this one")


def test_who_has_not_confirmed_the_address_is_told_so_after_the_right_password_only(api: APIClient) -> None:
    post(api, "auth/signup", email="amina@example.org", password="violet tram 88", role="seeker")
    wrong = post(api, "auth/login", email="amina@example.org", password="violet tram 89")
    right = post(api, "auth/login", email="amina@example.org", password="violet tram 88")
    assert [(status, body["code"]) for status, body in (wrong, right)] == [
        (401, "invalid_credentials"),
        (403, "email_unverified"),
    ]


def test_who_has_not_confirmed_the_address_learns_which_attempt_is_theirs(api: APIClient) -> None:
    ids = {
        password: post(api, "auth/signup", email="amina@example.org", password=password, role="seeker")[1]["signup_id"]
        for password in ("violet tram 88", "seven green bicycles", "a third person here")
    }
    for password, signup_id in ids.items():
        assert post(api, "auth/login", email="amina@example.org", password=password)[1]["signup_id"] == signup_id


def test_a_refresh_token_works_once_and_twice_ends_the_family(api: APIClient, owner: User) -> None:
    access, refresh = tokens(api, owner)
    status, renewed = post(api, "auth/refresh", refresh=refresh)
    assert status == 200
    assert me(api, renewed["access"])[0] == 200

    assert post(api, "auth/refresh", refresh=refresh)[1]["code"] == "token_reused"
    assert post(api, "auth/refresh", refresh=renewed["refresh"])[1]["code"] == "token_invalid"
    assert [me(api, each) for each in (access, renewed["access"])] == [(401, "token_invalid")] * 2


def test_another_signing_in_is_another_family(api: APIClient, owner: User) -> None:
    (phone, refresh), (laptop, _) = tokens(api, owner), tokens(api, owner)
    assert post(api, "auth/logout", refresh=refresh) == (204, None)
    assert post(api, "auth/logout", refresh=refresh) == (204, None)
    assert (me(api, phone)[0], me(api, laptop)[0]) == (401, 200)


def deactivate(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)


def unverify(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(address_verified=False)


def remove(owner: User) -> None:
    owner.delete()


@pytest.mark.parametrize("end", [deactivate, unverify, remove])
def test_what_befalls_an_account_counts_at_once(api: APIClient, owner: User, end: Any) -> None:
    access, refresh = tokens(api, owner)
    end(owner)
    assert me(api, access) == (401, "token_invalid")
    assert post(api, "auth/refresh", refresh=refresh)[1]["code"] == "token_invalid"
    assert login(api, User(email="owner@example.org"))[0] in {401, 403}


def test_a_family_ends_after_thirty_days_unused(api: APIClient, owner: User) -> None:
    _, refresh = tokens(api, owner)
    with time_machine.travel(now() + timedelta(days=30, seconds=1)):
        assert post(api, "auth/refresh", refresh=refresh)[1]["code"] == "token_invalid"


def test_an_access_token_ends_after_a_quarter_of_an_hour(api: APIClient, owner: User) -> None:
    access, _ = tokens(api, owner)
    with time_machine.travel(now() + timedelta(minutes=15, seconds=1)):
        assert me(api, access) == (401, "token_invalid")


def forged(access: str, key: str = "", algorithm: str = "HS256", **claims: Any) -> str:
    """Return the token with other claims, signed with another key or algorithm."""
    known = jwt.decode(access, options={"verify_signature": False})
    return jwt.encode(known | claims, key, algorithm=algorithm)


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_no_token_counts_but_ours_of_its_type(api: APIClient, owner: User) -> None:
    access, refresh = tokens(api, owner)
    key = str(configured.SIMPLE_JWT["SIGNING_KEY"])
    head, claims, _signature = access.split(".")
    fakes = {
        "none": forged(access, algorithm="none"),
        "no signature": f"{head}.{claims}.",
        "another algorithm": forged(access, key, "HS512"),
        "another key": forged(access, "another key of at least 32 bytes!"),
        "the site's secret": forged(access, configured.SECRET_KEY),
        "another type": refresh,
        "no type": forged(access, key, token_type=""),
        "no family": forged(access, key, family=None),
        "a family of nobody": forged(access, key, family="00000000-0000-7000-8000-000000000000"),
        "garbage": "garbage",
        "nothing": "",
        "umlauts": "äöü",
    }
    assert me(api, forged(access, key))[0] == 200  # the forger's tools work
    assert {name: me(api, fake) for name, fake in fakes.items()} == dict.fromkeys(fakes, (401, "token_invalid"))
    assert post(api, "auth/refresh", refresh=access)[1]["code"] == "token_invalid"


def test_a_token_signed_with_an_empty_key_counts_for_nothing(api: APIClient, owner: User) -> None:
    access, _ = tokens(api, owner)
    signed = access.rpartition(".")[0]
    signature = base64.urlsafe_b64encode(hmac.digest(b"", signed.encode(), "sha256")).rstrip(b"=").decode()
    assert me(api, f"{signed}.{signature}") == (401, "token_invalid")


def test_a_bad_token_is_refused_where_strangers_are_welcome(api: APIClient) -> None:
    answer = api.get("/api/events/", HTTP_AUTHORIZATION="Bearer nonsense")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_with_a_second_factor_the_password_alone_is_not_enough(api: APIClient, owner: User) -> None:
    enrol_second_factor(owner)
    for otp in ({}, {"otp": "000000"}, {"otp": "nonsense"}):
        status, body = login(api, owner, **otp)
        assert (status, body["code"]) == (401, "second_factor_required")
    assert login(api, owner, "not this one", otp=otp_of(owner))[1]["code"] == "invalid_credentials"

    assert login(api, owner, otp=otp_of(owner))[0] == 200
    assert TokenFamily.objects.get().second_factor


def test_a_second_factor_once_shown_stays_with_the_family(api: APIClient, owner: User) -> None:
    enrol_second_factor(owner)
    _, refresh = tokens(api, owner, otp=otp_of(owner))
    status, _ = post(api, "auth/refresh", refresh=refresh)
    assert (status, TokenFamily.objects.get().second_factor) == (200, True)


def test_wrong_passwords_from_elsewhere_leave_the_owner_able_to_sign_in(
    api: APIClient, owner: User, settings: Settings
) -> None:
    settings.THROTTLES |= {"login": windows("")}

    def attack(times: int) -> list[int]:
        answers = (login(api, owner, f"guess {number}") for number in range(times))
        return [status for status, _ in answers]

    with patch("turnout.api.accounts.network", return_value="192.0.2.66"):
        assert attack(13) == [401] * 10 + [429] * 3
        # The right password does not help there: else guessing would go on.
        status, body = login(api, owner)
        assert (status, body["code"]) == (429, "throttled")
        assert 0 < body["retry_after"] <= 900

    assert login(api, owner)[0] == 200


def test_where_a_captcha_is_switched_on_it_is_asked_for_instead_of_time(
    api: APIClient, owner: User, settings: Settings
) -> None:
    for _ in range(10):
        login(api, owner, "not this one")
    settings.CAPTCHA = "altcha"
    assert login(api, owner)[1]["code"] == "captcha_required"
    assert login(api, owner, captcha="not one")[1]["code"] == "captcha_invalid"
    assert login(api, owner, captcha=solve(captcha.challenge()))[0] == 200
    # Success forgets the failures.
    assert login(api, owner)[0] == 200


def test_who_signs_in_rightly_is_never_made_to_wait(api: APIClient, owner: User) -> None:
    assert [login(api, owner)[0] for _ in range(15)] == [200] * 15


def test_staff_rights_need_the_second_factor(api: APIClient) -> None:
    staff = make.staff()
    draft = make.event(status="draft")
    path = f"/api/events/{draft.id}/"

    without, _ = tokens(api, staff)
    assert api.get(path, HTTP_AUTHORIZATION=f"Bearer {without}").status_code == 404
    enrol_second_factor(staff)
    with_it, _ = tokens(api, staff, otp=otp_of(staff))
    assert api.get(path, HTTP_AUTHORIZATION=f"Bearer {with_it}").status_code == 200
    User.objects.filter(pk=staff.pk).update(is_staff=False)
    assert api.get(path, HTTP_AUTHORIZATION=f"Bearer {with_it}").status_code == 404


def test_what_has_expired_is_forgotten(api: APIClient, owner: User) -> None:
    make.client(owner)  # a browser's session
    tokens(api, owner)
    post(api, "auth/signup", email="amina@example.org", password="violet tram 88", role="seeker")
    post(api, "auth/password/reset", email=owner.email)
    kept = (Session, TokenFamily, SignUp, PasswordReset)
    assert [model.objects.count() for model in kept] == [1, 1, 1, 1]
    with time_machine.travel(now() + timedelta(days=31)):
        run_once()
    assert [model.objects.count() for model in kept] == [0, 0, 0, 0]
