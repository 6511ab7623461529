"""How often somebody may do something, and what happens when that is too often."""

import contextlib
import socket
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, transaction
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from tests.support.databases import redis_address
from turnout.core.clock import now
from turnout.core.errors import ThrottledError, UnavailableError
from turnout.core.ids import new_id
from turnout.guard import actions, counting
from turnout.guard.actions import Claim, admit, admitted, forget_closed
from turnout.guard.addresses import network
from turnout.guard.models import Counter
from turnout.guard.notation import Window, windows
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db
NOBODY = "redis://127.0.0.1:9/0"


@pytest.fixture(params=["database", "redis"])
def place(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """Count in the database, or in Redis where there is one."""
    _forget_redis(monkeypatch)
    settings.REDIS_URL = ""
    if request.param == "redis":
        settings.REDIS_URL = redis_address()
    return str(request.param)


def _forget_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    counting._script.cache_clear()
    monkeypatch.setattr(actions._redis, "rests_until", float("-inf"))


def somebody(text: str, scope: str = "test") -> Claim:
    return Claim(scope, f"somebody {new_id()}", windows(text))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ()),
        (" ", ()),
        ("5/minute", (Window(5, 60),)),
        ("5/minute,20/hour,100/day", (Window(5, 60), Window(20, 3600), Window(100, 86400))),
        ("10 per 5 minutes", (Window(10, 300),)),
    ],
)
def test_limits_are_written_as_everybody_writes_them(text: str, read: tuple[Window, ...]) -> None:
    assert windows(text) == read


@pytest.mark.parametrize("text", ["5", "many/minute", "5/fortnight", "-1/minute"])
def test_a_limit_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        windows(text)


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "found"),
    [
        (0, "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (1, "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (1, "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # what a client wrote itself
        (2, "10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (2, "10.0.0.1", "198.51.100.1", "10.0.0.1"),  # it did not come through both proxies
        (1, "10.0.0.1", "", "10.0.0.1"),
        (1, "10.0.0.1", "rubbish", "10.0.0.1"),
        (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (0, "2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
        (0, "::ffff:203.0.113.9", "", "203.0.113.9"),
        (0, "fe80::1%eth0", "", "fe80::/64"),
        (0, "", "", "unknown"),
    ],
)
def test_a_network_is_what_our_own_proxies_say(
    settings: Settings, trusted: int, remote: str, forwarded: str, found: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = trusted
    assert network({"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}) == found


@pytest.mark.usefixtures("place")
def test_so_many_are_admitted_and_no_more_each_on_their_own() -> None:
    one, other = somebody("3/hour"), somebody("3/hour")
    assert [admitted(one) for _ in range(5)] == [True, True, True, False, False]
    assert admitted(other)
    assert admitted(Claim("another deed", one.subject, one.windows))


@pytest.mark.usefixtures("place")
def test_a_window_opens_again_when_its_time_is_over() -> None:
    claim = somebody("1/second")
    assert [admitted(claim), admitted(claim)] == [True, False]
    time.sleep(1.1)  # Redis has a clock of its own
    assert admitted(claim)


@pytest.mark.usefixtures("place")
def test_who_is_refused_by_one_window_uses_up_no_other() -> None:
    claim = somebody("2/second,3/hour")
    assert [admitted(claim) for _ in range(5)] == [True, True, False, False, False]
    time.sleep(1.1)  # Redis has a clock of its own
    assert [admitted(claim) for _ in range(2)] == [True, False]


@pytest.mark.usefixtures("place")
def test_of_two_who_claim_together_both_are_counted_or_neither() -> None:
    strict, lenient = somebody("1/hour"), somebody("3/hour")
    assert [admitted(strict, lenient) for _ in range(5)] == [True, False, False, False, False]
    assert [admitted(lenient) for _ in range(3)] == [True, True, False]


@pytest.mark.usefixtures("place")
def test_who_is_refused_learns_which_window_and_when_to_come_back() -> None:
    claim = somebody("1/minute,2/hour")
    admit(claim)
    with pytest.raises(ThrottledError) as refused:
        admit(claim)
    assert refused.value.data["window"] == "1 in 60 seconds"
    assert 55 <= refused.value.data["retry_after"] <= 60


def test_a_deed_without_a_limit_is_not_counted(settings: Settings) -> None:
    settings.REDIS_URL = NOBODY
    admit(somebody(""))
    assert not Counter.objects.exists()


def test_all_windows_take_one_statement(django_assert_num_queries: Any) -> None:
    claims = [somebody("5/minute,20/hour,100/day") for _ in range(3)]
    with django_assert_num_queries(3):  # and a savepoint before and behind it
        admit(*claims)


def test_without_redis_the_database_counts_and_redis_is_left_alone_for_a_while(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget_redis(monkeypatch)
    settings.REDIS_URL = NOBODY
    claim = somebody("2/hour")
    assert [admitted(claim) for _ in range(3)] == [True, True, False]
    asked: list[object] = []
    monkeypatch.setattr(actions, "take_in_redis", asked.append)
    admitted(claim)
    assert asked == []
    counting._script.cache_clear()


def test_a_redis_that_takes_calls_and_never_answers_costs_less_than_two_seconds_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget_redis(monkeypatch)
    claim = somebody("2/hour")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.REDIS_URL = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        began = time.monotonic()
        assert admitted(claim)
        assert 0.4 < time.monotonic() - began < 2
        began = time.monotonic()
        assert [admitted(claim), admitted(claim)] == [True, False]
        assert time.monotonic() - began < 0.4
    assert Counter.objects.get().count == 2
    counting._script.cache_clear()


def test_within_an_action_a_refusal_undoes_nothing_else_and_an_action_that_fails_was_not_counted(
    settings: Settings,
) -> None:
    settings.REDIS_URL = ""
    claim, other = somebody("1/hour"), somebody("1/hour")
    with transaction.atomic():
        assert [admitted(claim), admitted(claim)] == [True, False]
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        assert admitted(other)
        raise ZeroDivisionError
    assert [admitted(claim), admitted(other)] == [False, True]


def test_within_an_action_a_busy_database_is_worth_repeating_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_places: object) -> None:
        raise OperationalError

    monkeypatch.setattr(actions, "take_in_database", busy)
    with transaction.atomic(), pytest.raises(OperationalError):
        admit(somebody("5/hour"))


def test_where_nothing_can_count_nothing_is_done_and_reading_goes_on(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_places: object) -> None:
        raise OperationalError

    settings.THROTTLES = {**settings.THROTTLES, "registration": windows("5/hour")}
    monkeypatch.setattr(actions, "take_in_database", away)
    with pytest.raises(UnavailableError):
        admit(somebody("5/hour"))
    answer = api.post("/api/registrations/", {})
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "1")
    assert api.get("/api/events/").status_code == 200


def test_what_has_closed_is_forgotten() -> None:
    admit(somebody("5/minute,5/hour"))
    with time_machine.travel(now() + timedelta(minutes=2)):
        assert forget_closed() == 1
    assert Counter.objects.count() == 1


AMINA = {"full_name": "Amina", "email": "amina@example.org", "attendance_type": "on_site"}


def test_a_network_registers_as_often_as_the_setting_says(api: APIClient, settings: Settings) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "registration": windows("2/hour")}
    event = str(make.event().pk)
    answers = [api.post("/api/registrations/", {**AMINA, "event": event}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    problem = answers[-1].json()
    assert (problem["code"], problem["window"]) == ("throttled", "2 in 3600 seconds")
    assert 3595 <= int(answers[-1]["Retry-After"]) == problem["retry_after"] <= 3600
    elsewhere = api.post("/api/registrations/", {**AMINA, "event": event}, REMOTE_ADDR="198.51.100.7")
    assert elsewhere.status_code == 201


def test_the_page_counts_with_the_api_and_loses_nothing_typed(browser: Client, settings: Settings) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "registration": windows("1/hour")}
    event = make.event()
    APIClient(SERVER_NAME="localhost").post("/api/registrations/", {**AMINA, "event": str(event.pk)})
    browser.get(f"/events/{event.id}/register/")
    form = {**AMINA, "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    answer = browser.post(f"/events/{event.id}/register/", form)
    assert (answer.status_code, 'value="Amina"' in answer.content.decode()) == (429, True)
    assert "Too many requests." in answer.content.decode()
    assert Registration.objects.count() == 1


def test_a_network_confirms_as_often_as_the_setting_says(api: APIClient, browser: Client, settings: Settings) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "confirm": windows("1/hour")}
    token = make.pending(make.event()).confirmation_token
    assert api.post("/api/registrations/confirm-email/", {"token": token}).status_code == 200
    assert api.post("/api/registrations/confirm-email/", {"token": token}).status_code == 429
    page = browser.post("/confirm/", {"token": token})
    assert (page.status_code, int(page["Retry-After"]) > 3590) == (429, True)


@pytest.mark.parametrize(
    ("hop", "known_as"), [("192.0.2.1:567", "192.0.2.1"), ("[2001:db8::1]:567", "2001:db8::/64"), ("x:1", "10.0.0.1")]
)
def test_a_port_behind_an_address_is_no_part_of_it(settings: Settings, hop: str, known_as: str) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    assert network({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": hop}) == known_as
