"""Who shows that they are no program, how often that counts, and what happens when nobody can tell."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from tests.support.people import solve
from turnout.core.clock import now
from turnout.core.errors import InvalidError, ThrottledError
from turnout.core.ids import new_id
from turnout.guard import captcha
from turnout.guard.captcha import altcha, remote
from turnout.guard.models import SpentChallenge
from turnout.jobs.worker import run_once
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _easy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(altcha, "_COST", 10)
    monkeypatch.setattr(altcha, "_GUESSES", range(5, 10))


@pytest.fixture
def asking(settings: Settings) -> None:
    """Switch ALTCHA on."""
    settings.CAPTCHA = "altcha"


def changed(answer: str, *steps: str, to: Any) -> str:
    """Return the answer with one of its parts changed."""
    whole = json.loads(base64.b64decode(answer))
    inner = whole
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = to
    return base64.b64encode(json.dumps(whole).encode()).decode()


def outcome(answer: str | None, *, client: str = "", purpose: str = "registration", always: bool = False) -> str:
    """Return the code of the refusal; empty for who passes."""
    try:
        captcha.check(answer, client or f"somewhere {new_id()}", purpose=purpose, always=always)
    except (InvalidError, ThrottledError) as error:
        return error.code
    return ""


# --- ALTCHA


@pytest.mark.usefixtures("asking")
def test_who_solves_a_challenge_passes_once() -> None:
    answer = solve(captcha.challenge())
    assert [outcome(answer), outcome(answer), outcome(solve(captcha.challenge()))] == ["", "captcha_invalid", ""]


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("answer", ["", None])
def test_who_shows_nothing_is_asked(answer: str | None) -> None:
    with pytest.raises(InvalidError) as refused:
        captcha.check(answer, "somewhere", purpose="signup")
    assert (refused.value.code, refused.value.faults[0].pointer) == ("captcha_required", "/captcha")


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize(
    ("steps", "value"),
    [
        (("challenge", "parameters", "expiresAt"), 4_000_000_000),
        (("challenge", "parameters", "expiresAt"), None),
        (("challenge", "parameters", "nonce"), "00" * 16),
        (("challenge", "parameters", "keyPrefix"), "00"),
        (("challenge", "parameters", "keySignature"), None),
        (("challenge", "parameters", "cost"), 1),
        (("challenge", "signature"), "00" * 32),
        (("challenge", "signature"), None),
        (("challenge",), {}),
        (("challenge",), []),
        (("solution", "derivedKey"), "00" * 32),
        (("solution", "derivedKey"), 7),
        (("solution",), None),
    ],
)
def test_what_was_tampered_with_does_not_count_and_burns_nothing(steps: tuple[str, ...], value: Any) -> None:
    answer = solve(captcha.challenge())
    assert outcome(changed(answer, *steps, to=value)) == "captcha_invalid"
    assert outcome(answer) == ""


@pytest.mark.usefixtures("asking")
def test_an_answer_dressed_otherwise_is_the_same_answer() -> None:
    answer = solve(captcha.challenge())
    assert outcome(answer) == ""
    for other in (changed(answer, "solution", "counter", to=1), changed(answer, "challenge", "x", to=1), answer + "\t"):
        assert outcome(other) == "captcha_invalid"


@pytest.mark.usefixtures("asking")
def test_a_challenge_lives_ten_minutes() -> None:
    with time_machine.travel(now(), tick=False) as clock:
        early, late = solve(captcha.challenge()), solve(captcha.challenge())
        clock.shift(timedelta(minutes=9, seconds=59))
        assert outcome(early) == ""
        clock.shift(timedelta(seconds=2))
        assert outcome(late) == "captcha_invalid"


@pytest.mark.usefixtures("asking")
def test_another_sites_challenge_is_none_of_ours_and_one_of_before_the_key_was_changed_is(settings: Settings) -> None:
    former, answers = settings.SECRET_KEY, [solve(captcha.challenge()) for _ in range(2)]
    settings.SECRET_KEY = "another secret"
    assert outcome(answers[0]) == "captcha_invalid"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert outcome(answers[1]) == ""


@pytest.mark.usefixtures("asking", "db")
@budget(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(answer=st.text() | st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists).map(json.dumps))
def test_no_text_but_an_answer_passes(answer: str) -> None:
    for text in (answer, base64.b64encode(answer.encode(errors="replace")).decode()):
        assert outcome(text) in {"captcha_invalid", "captcha_required"}


@pytest.mark.usefixtures("asking")
def test_what_is_spent_is_forgotten_once_it_has_expired() -> None:
    assert outcome(solve(captcha.challenge())) == ""
    for minutes, kept in ((0, 1), (14, 1), (16, 0)):  # clocks of several machines differ
        with time_machine.travel(now() + timedelta(minutes=minutes)):
            run_once()
        assert SpentChallenge.objects.count() == kept


def test_where_none_is_switched_on_nothing_is_asked_unless_always() -> None:
    assert (captcha.challenge(), captcha.widget()) == ({"provider": "none"}, None)
    assert [outcome(None), outcome("rubbish")] == ["", ""]
    assert outcome(None, always=True) == "captcha_required"
    assert outcome(solve(captcha.challenge(always=True)), always=True) == ""


# --- Others' CAPTCHAs, played by a server here


class Provider(ThreadingHTTPServer):
    """A provider: says what it is told to, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.says: Any = {}
        self.status = 200
        self.seconds = 0.0
        self.asked: list[dict[str, list[str]]] = []


class _Answer(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(parse_qs(body))
        time.sleep(self.server.seconds)
        said = self.server.says if isinstance(self.server.says, bytes) else json.dumps(self.server.says).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def provider(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    settings.CAPTCHA_SITE_KEY, settings.CAPTCHA_SECRET_KEY = "shown", "hidden"
    settings.PUBLIC_BASE_URL = "https://events.example.org"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(remote._provider, "rests_until", float("-inf"))
    remote._client.cache_clear()
    with Provider() as server:
        address = f"http://127.0.0.1:{server.server_port}/siteverify"
        monkeypatch.setattr(remote, "ENDPOINTS", dict.fromkeys(remote.ENDPOINTS, address))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()
    remote._client().close()
    remote._client.cache_clear()


SOUND = {"success": True, "hostname": "events.example.org", "action": "registration", "score": 0.9}


@pytest.mark.parametrize(
    ("name", "version", "says", "code"),
    [
        ("recaptcha", 2, {"success": True, "hostname": "events.example.org"}, ""),
        ("recaptcha", 2, {"success": True, "hostname": "evil.example"}, "captcha_invalid"),
        ("recaptcha", 2, {"success": True}, "captcha_invalid"),
        ("recaptcha", 2, {"success": False, "error-codes": ["timeout-or-duplicate"]}, "captcha_invalid"),
        ("recaptcha", 3, SOUND, ""),
        ("recaptcha", 3, SOUND | {"score": 0.5}, ""),
        ("recaptcha", 3, SOUND | {"score": 0.4}, "captcha_invalid"),
        ("recaptcha", 3, SOUND | {"score": "0.9"}, "captcha_invalid"),
        ("recaptcha", 3, SOUND | {"action": "login"}, "captcha_invalid"),
        ("recaptcha", 3, SOUND | {"hostname": "evil.example"}, "captcha_invalid"),
        ("recaptcha", 3, {"success": True, "hostname": "events.example.org"}, "captcha_invalid"),
        ("turnstile", 2, {name: SOUND[name] for name in ("success", "hostname", "action")}, ""),
        ("turnstile", 2, SOUND | {"action": "signup"}, "captcha_invalid"),
        ("turnstile", 2, SOUND | {"action": ""}, "captcha_invalid"),
        ("turnstile", 2, SOUND | {"hostname": "evil.example"}, "captcha_invalid"),
        ("turnstile", 2, {"success": False, "error-codes": ["invalid-input-response"]}, "captcha_invalid"),
    ],
)
def test_a_provider_is_believed_about_our_site_and_this_purpose(  # noqa: PLR0913, PLR0917  # a row of the table
    settings: Settings, provider: Provider, name: str, version: int, says: dict[str, Any], code: str
) -> None:
    settings.CAPTCHA, settings.RECAPTCHA_VERSION = name, version
    provider.says = says
    assert outcome("an answer") == code
    assert provider.asked == [{"secret": ["hidden"], "response": ["an answer"]}]


@pytest.mark.parametrize("answer", ["", "\ud800", "é", "a\nb", "x" * (captcha.LONGEST + 1)])
def test_what_no_provider_hands_out_is_not_sent_to_one(settings: Settings, provider: Provider, answer: str) -> None:
    settings.CAPTCHA = "turnstile"
    assert outcome(answer) == ("captcha_invalid" if answer else "captcha_required")
    assert provider.asked == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (500, {"success": True}),
        (503, b"<html>"),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, []),
        (200, {}),
        (200, {"success": "yes"}),
        (200, {"success": False, "error-codes": ["invalid-input-secret"]}),
        (200, {"success": False, "error-codes": ["internal-error"]}),
    ],
)
def test_while_a_provider_makes_no_sense_few_from_each_network_pass(
    settings: Settings, provider: Provider, status: int, says: Any
) -> None:
    settings.CAPTCHA = "recaptcha"
    provider.status, provider.says = status, says
    here, elsewhere = f"here {new_id()}", f"elsewhere {new_id()}"
    assert [outcome("an answer", client=here) for _ in range(4)] == ["", "", "", "throttled"]
    assert [outcome("an answer", client=elsewhere), outcome(None, client=elsewhere)] == ["", "captcha_required"]


def test_one_that_hangs_is_waited_for_once_and_then_rests(
    settings: Settings, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_TIMEOUT", 0.3)
    settings.CAPTCHA = "turnstile"
    provider.seconds, provider.says = 2, SOUND
    start = time.monotonic()
    assert [outcome("an answer") for _ in range(3)] == ["", "", ""]
    assert (time.monotonic() - start < 1, len(provider.asked)) == (True, 1)
    provider.seconds = 0
    monkeypatch.setattr(remote._provider, "rests_until", time.monotonic())
    provider.says = SOUND | {"success": False}
    assert outcome("an answer") == "captcha_invalid"


def test_one_that_is_not_there_is_away(settings: Settings, provider: Provider) -> None:
    settings.CAPTCHA = "turnstile"
    provider.shutdown()
    provider.server_close()
    here = f"here {new_id()}"
    assert [outcome("an answer", client=here) for _ in range(4)] == ["", "", "", "throttled"]


# --- The API


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("none", 2, {"provider": "none"}),
        ("turnstile", 2, {"provider": "turnstile", "site_key": "shown"}),
        ("recaptcha", 3, {"provider": "recaptcha", "site_key": "shown", "version": 3}),
    ],
)
def test_a_client_learns_who_asks(
    api: APIClient, settings: Settings, name: str, version: int, said: dict[str, Any]
) -> None:
    settings.CAPTCHA, settings.CAPTCHA_SITE_KEY, settings.RECAPTCHA_VERSION = name, "shown", version
    answer = api.get("/api/captcha/")
    assert (answer.status_code, answer["Cache-Control"], answer.json()) == (200, "no-store", said)


@pytest.mark.usefixtures("asking")
def test_a_challenge_is_a_fresh_one_each_time_and_needs_one_query(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):  # each whether there is an attack, and nothing is kept
        first, second = (api.get("/api/captcha/").json() for _ in range(2))
    assert (first["provider"], first["parameters"]["nonce"] == second["parameters"]["nonce"]) == ("altcha", False)


def registering(**fields: Any) -> dict[str, Any]:
    return {"full_name": "Amina", "email": "amina@example.org", "attendance_type": "on_site"} | fields


@pytest.mark.usefixtures("asking")
def test_a_guest_registers_with_an_answer_and_not_without(api: APIClient) -> None:
    body = registering(event=str(make.event().pk))
    answer = solve(api.get("/api/captcha/").json())
    tries: list[dict[str, Any]] = [{}, {"captcha": None}, {"captcha": "x"}, {"captcha": answer}, {"captcha": answer}]
    answers = [api.post("/api/registrations/", body | each) for each in tries]
    assert [(each.status_code, each.json().get("code")) for each in answers] == [
        (400, "captcha_required"),
        (400, "captcha_required"),
        (400, "captcha_invalid"),
        (201, None),
        (400, "captcha_invalid"),
    ]
    assert Registration.objects.count() == 1


@pytest.mark.usefixtures("asking")
def test_a_fault_of_form_is_named_first_and_burns_no_answer(api: APIClient) -> None:
    body = registering(event=str(make.event().pk), captcha=solve(captcha.challenge()))
    for headers in ({}, {"Idempotency-Key": "one"}):
        refused = api.post("/api/registrations/", body | {"email": "amina"}, headers=headers)
        assert [each["pointer"] for each in refused.json()["errors"]] == ["/email"]
    assert api.post("/api/registrations/", body).status_code == 201


@pytest.mark.usefixtures("asking")
def test_the_same_request_twice_is_answered_twice_though_its_answer_is_spent(api: APIClient) -> None:
    body = registering(event=str(make.event().pk), captcha=solve(captcha.challenge()))
    headers = {"Idempotency-Key": "one"}
    first, again = (api.post("/api/registrations/", body, headers=headers) for _ in range(2))
    fresh = api.post("/api/registrations/", body | {"captcha": solve(captcha.challenge())}, headers=headers)
    assert [each.status_code for each in (first, again, fresh)] == [201, 201, 201]
    assert first.json() == again.json() == fresh.json()
    other = api.post("/api/registrations/", body, headers={"Idempotency-Key": "other"})
    assert (other.status_code, other.json()["code"], Registration.objects.count()) == (400, "captcha_invalid", 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
def test_no_provider_is_asked_within_a_transaction(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    settings.CAPTCHA = "turnstile"
    within: list[bool] = []

    def vouches(*_: str) -> bool:
        within.append(connection.in_atomic_block)
        return True

    monkeypatch.setattr(remote, "vouches", vouches)
    body = registering(event=str(make.event().pk), captcha="an answer")
    assert api.post("/api/registrations/", body, headers=headers).status_code == 201
    assert within == [False]


# --- The page


def test_the_page_shows_nothing_where_nothing_is_asked(browser: Client) -> None:
    page = browser.get(f"/events/{make.event().id}/register/")
    assert ("captcha" in page.content.decode(), "worker-src" in page["Content-Security-Policy"]) == (False, False)


@pytest.mark.parametrize(
    ("name", "host", "directives"),
    [
        ("altcha", "'self'", {"worker-src"}),
        ("recaptcha", "https://www.google.com/recaptcha/", {"script-src", "frame-src", "connect-src"}),
        ("turnstile", "https://challenges.cloudflare.com", {"script-src", "frame-src"}),
    ],
)
def test_the_page_shows_the_widget_and_may_load_what_that_needs(
    browser: Client, settings: Settings, name: str, host: str, directives: set[str]
) -> None:
    settings.CAPTCHA, settings.CAPTCHA_SITE_KEY = name, "shown"
    event = make.event()
    page = browser.get(f"/events/{event.id}/register/")
    policy = dict(part.split(" ", 1) for part in page["Content-Security-Policy"].split("; "))
    assert {each for each in directives if host in policy[each].split()} == directives
    assert "unsafe" not in page["Content-Security-Policy"]
    assert ("altcha-widget" in page.content.decode(), 'data-site-key="shown"' in page.content.decode()) == (
        name == "altcha",
        name != "altcha",
    )
    assert "google" not in browser.get(f"/events/{event.id}/")["Content-Security-Policy"]


@pytest.mark.usefixtures("asking")
def test_the_form_says_what_is_missing_and_an_impatient_finger_registers_once(browser: Client) -> None:
    path = f"/events/{make.event().id}/register/"
    browser.get(path)
    form = registering(csrfmiddlewaretoken=browser.cookies["csrftoken"].value, once=str(new_id()))
    refused = browser.post(path, form)
    assert (refused.status_code, "Show first that you are no program." in refused.content.decode()) == (400, True)
    form["captcha"] = solve(captcha.challenge())
    assert browser.post(path, form | {"email": "amina"}).status_code == 400
    assert [browser.post(path, form).status_code for _ in range(2)] == [302, 302]
    assert browser.post(path, form | {"email": "friend@example.org"}).status_code == 400
    assert Registration.objects.count() == 1
