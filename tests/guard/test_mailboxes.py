"""How many mails one mailbox gets that strangers asked for."""

from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from tests.support.databases import redis_address
from turnout.events.models import Event
from turnout.guard import actions, counting
from turnout.guard.addresses import block
from turnout.guard.mailboxes import mailbox, within_mail_budget
from turnout.guard.models import Counter
from turnout.guard.notation import windows
from turnout.notifications.models import Message
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db
AMINA = "amina@example.org"
HERE, THERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture(autouse=True, params=["database", "redis"])
def _five_a_day(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    counting._script.cache_clear()
    monkeypatch.setattr(actions._redis, "rests_until", float("-inf"))
    settings.REDIS_URL = ""
    if request.param == "redis":
        settings.REDIS_URL = redis_address(database=2)
        counting._script().registered_client.flushdb()
    settings.THROTTLE_MAILBOX = windows("5/day")


def got(purpose: Any, client: str, times: int, address: str = AMINA) -> int:
    return sum(within_mail_budget(address, client, purpose=purpose) for _ in range(times))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("amina@example.org", "amina@example.org"),
        (" Amina@Example.ORG", "amina@example.org"),
        ("a.mi.na+anything+else@example.org", "amina@example.org"),
        ("amina@googlemail.com", "amina@gmail.com"),
        ("+213@example.org", "+213@example.org"),
        ("...@example.org", "...@example.org"),
        ("josé@example.org", "josé@example.org"),
        ("amina@sub.example.org", "amina@sub.example.org"),
    ],
)
def test_however_an_address_is_written_it_is_one_mailbox(address: str, found: str) -> None:
    assert mailbox(address) == found


@pytest.mark.parametrize(
    ("client", "found"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_a_block_is_what_is_rented_together(client: str, found: str) -> None:
    assert block(client) == found


def test_a_mailbox_gets_five_a_day_from_wherever_they_are_asked_for() -> None:
    assert [within_mail_budget(AMINA, f"203.0.113.{number}", purpose="registration") for number in range(7)] == [
        *[True] * 5,
        *[False] * 2,
    ]
    assert got("registration", HERE, 1, "bilal@example.org") == 1


def test_tags_and_dots_make_no_other_mailbox() -> None:
    spellings = [f"a.mina+{number}@EXAMPLE.org" for number in range(9)]
    assert sum(got("registration", f"203.0.113.{n}", 1, spelling) for n, spelling in enumerate(spellings)) == 5


def test_one_network_alone_leaves_one_mail_for_everybody_else() -> None:
    assert got("registration", HERE, 20) == 4
    assert got("registration", THERE, 20) == 1


def test_who_spends_the_budget_of_registrations_leaves_codes_and_resets_as_they_are() -> None:
    assert sum(got("registration", f"203.0.113.{number}", 9) for number in range(9)) == 5
    assert [got("code", HERE, 1), got("reset", HERE, 1)] == [1, 1]
    assert [got("code", HERE, 9), got("reset", THERE, 9)] == [3, 4]


def test_a_budget_within_an_action_is_refused_alone_and_what_else_it_did_stands(settings: Settings) -> None:
    settings.REDIS_URL = ""
    event = make.event()
    with transaction.atomic(), transaction.atomic():  # the first joins the test's own
        registration = make.pending(event)
        assert got("registration", HERE, 6) == 4
    assert Registration.objects.filter(pk=registration.pk).exists()
    assert Counter.objects.count() == 4  # each of the two mailboxes, and each with its network


def test_beyond_the_budget_the_answer_is_the_same_and_no_mail_is_owed(api: APIClient) -> None:
    event = make.event()
    answers = [register(api, event, f"203.0.113.{number}") for number in range(6)]
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(201, "pending")}
    assert len({frozenset(answer.json()) for answer in answers}) == 1
    assert Registration.objects.count() == 6
    assert Message.objects.filter(kind="registration.confirm").count() == 5


def test_the_page_counts_with_the_api(api: APIClient, browser: Any) -> None:
    event = make.event()
    for number in range(5):
        register(api, event, f"203.0.113.{number}")
    path = f"/events/{event.id}/register/"
    browser.get(path)
    form = {"full_name": "Amina", "email": AMINA, "attendance_type": "on_site"}
    answer = browser.post(path, {**form, "csrfmiddlewaretoken": browser.cookies["csrftoken"].value})
    assert (answer.status_code, Registration.objects.count(), Message.objects.count()) == (302, 6, 5)


def test_an_event_that_owes_very_many_lets_them_wait_and_a_network_that_asks_for_many_longest(
    api: APIClient, settings: Settings
) -> None:
    settings.THROTTLE_MAILBOX, settings.THROTTLE_EVENT_MAIL = (), windows("4/hour")
    event, other = make.event(), make.event()
    for _ in range(5):
        register(api, event, HERE)
    for _ in range(2):
        register(api, event, THERE)
    register(api, other, HERE)
    usual, patient, last = Message.Urgency.USUAL, Message.Urgency.PATIENT, Message.Urgency.LAST
    owed = list(Message.objects.order_by("id").values_list("urgency", flat=True))
    assert owed == [usual, usual, usual, last, last, usual, patient, usual]


def register(api: APIClient, event: Event, client: str) -> Any:
    sent = {"event": str(event.id), "full_name": "Amina", "email": AMINA, "attendance_type": "on_site"}
    return api.post("/api/registrations/", sent, REMOTE_ADDR=client)
