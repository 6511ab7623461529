"""Webhooks, as those who run events set them up."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries, Settings
from standardwebhooks import Webhook as Verifier

from tests.support import make
from tests.support.receiver import Names, Receiver, receiving
from turnout.accounts.models import Role, User
from turnout.core.models import IdempotentRequest
from turnout.events.actions.teams import add_member, remove_member
from turnout.events.models import Event
from turnout.notifications.feed.actions import number_new
from turnout.notifications.webhooks.actions.sending import send_to_any
from turnout.notifications.webhooks.models import Delivery, Webhook

pytestmark = pytest.mark.django_db

HOOK = "https://93.184.215.14/hook"


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go")


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    with receiving() as there:
        yield there


def of(event: Event) -> str:
    return f"/api/events/{event.pk}/webhooks/"


def added(user: User, path: str, url: str = HOOK, **fields: Any) -> Any:
    answer = make.client(user).post(path, {"url": url, **fields})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def send() -> None:
    number_new()
    while send_to_any():
        pass


def test_an_organiser_adds_an_address_and_sees_its_secret_once(owner: User, event: Event) -> None:
    new = added(owner, of(event), events=["registration.confirmed"], label="CRM")
    webhook = Webhook.objects.get()
    assert new == {
        "id": str(webhook.pk),
        "url": HOOK,
        "label": "CRM",
        "events": ["registration.confirmed"],
        "enabled": True,
        "disabled_at": None,
        "disabled_reason": "",
        "failing_since": None,
        "previous_secret_until": None,
        "created_at": webhook.created_at.isoformat().replace("+00:00", "Z"),
        "secret": webhook.secret,
    }
    assert webhook.secret.startswith("whsec_")
    shown = {name: value for name, value in new.items() if name != "secret"}
    assert make.client(owner).get(f"{of(event)}{webhook.pk}/").json() == shown
    assert make.client(owner).get(of(event)).json()["results"] == [shown]
    changed = make.client(owner).patch(f"{of(event)}{webhook.pk}/", {"events": [], "enabled": False}).json()
    assert (changed["events"], changed["enabled"], changed["disabled_reason"]) == ([], False, "team")
    assert make.client(owner).delete(f"{of(event)}{webhook.pk}/").status_code == 204
    assert make.client(owner).get(of(event)).json()["results"] == []


def test_a_facilitator_hears_of_all_their_events(owner: User, event: Event, receiver: Receiver) -> None:
    new = added(owner, "/api/webhooks/", f"http://127.0.0.1:{receiver.port}/")
    make.confirmed(event)
    make.confirmed(make.event(owner=owner))
    make.confirmed(make.event(owner=make.user()))
    send()
    heard = {Verifier(new["secret"]).verify(got.body, got.headers)["data"]["event"]["title"] for got in receiver.got}
    assert len(receiver.got) == len(heard) == 2


@pytest.mark.parametrize(
    ("sent", "code", "pointer"),
    [
        ({"url": "https://10.0.0.1/"}, "not_public", "/url"),
        ({"url": "https://inside.example.org/"}, "not_public", "/url"),
        ({"url": "https://unknown.example.org/"}, "not_public", "/url"),
        ({"url": "nowhere"}, "invalid", "/url"),
        ({"url": HOOK + "a" * 500}, "max_length", "/url"),
        ({"url": None}, "null", "/url"),
        ({}, "required", "/url"),
        ({"url": HOOK, "events": ["registration.confirmed", "event.born"]}, "unknown_kind", "/events/1"),
        ({"url": HOOK, "events": "all"}, "not_a_list", "/events"),
        ({"url": HOOK, "label": "a" * 101}, "max_length", "/label"),
    ],
)
def test_what_is_no_webhook_is_400(owner: User, names: Names, sent: dict[str, Any], code: str, pointer: str) -> None:
    names.say("inside.example.org", ["10.0.0.1"])
    answer = make.client(owner).post("/api/webhooks/", sent)
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert (fault["code"], fault["pointer"]) == (code, pointer)


def test_a_change_of_address_is_checked_like_a_new_one(owner: User, event: Event) -> None:
    path = f"{of(event)}{added(owner, of(event))['id']}/"
    refused = make.client(owner).patch(path, {"url": "https://[::ffff:127.0.0.1]/"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "not_public")
    assert make.client(owner).patch(path, {"url": f"{HOOK}/new"}).json()["url"] == f"{HOOK}/new"
    assert Webhook.objects.get().url == f"{HOOK}/new"


def test_nobody_reaches_anothers_webhook_by_any_way(owner: User, event: Event) -> None:
    foreign_owner = make.user()
    theirs = added(foreign_owner, "/api/webhooks/")["id"]
    elsewhere = make.event(owner=foreign_owner)
    at_theirs = added(foreign_owner, of(elsewhere))["id"]
    browser = make.client(owner)
    for path in (f"/api/webhooks/{theirs}/", f"{of(event)}{theirs}/", f"{of(event)}{at_theirs}/"):
        answers = [
            browser.get(path),
            browser.patch(path, {"label": "mine"}),
            browser.delete(path),
            browser.post(f"{path}rotate/"),
            browser.post(f"{path}test/"),
            browser.get(f"{path}deliveries/"),
            browser.post(f"{path}deliveries/{uuid4()}/replay/"),
        ]
        assert {answer.status_code for answer in answers} == {404}
    assert browser.get(of(elsewhere)).status_code == 403  # it is published: they know of it


def test_the_same_key_is_one_webhook_and_the_kept_answer_holds_no_secret(owner: User, event: Event) -> None:
    browser = make.client(owner)
    first, second = (browser.post(of(event), {"url": HOOK}, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    webhook = Webhook.objects.get()
    assert first.json()["secret"] == webhook.secret
    assert webhook.secret not in str(IdempotentRequest.objects.get().reply)
    path = f"{of(event)}{webhook.pk}/rotate/"
    turned = [browser.post(path, headers={"Idempotency-Key": "two"}).json()["secret"] for _ in range(2)]
    webhook.refresh_from_db()
    assert turned == [webhook.secret] * 2
    assert webhook.previous_secret == first.json()["secret"]


def test_whoever_left_the_team_learns_no_secret_by_the_key_of_before(event: Event) -> None:
    manager = make.user(role=Role.SEEKER)
    member = add_member(event, manager.email, "manager")
    browser, key = make.client(manager), {"Idempotency-Key": "one"}
    assert browser.post(of(event), {"url": HOOK}, headers=key).status_code == 201
    remove_member(member, actor="system")
    refused = browser.post(of(event), {"url": HOOK}, headers=key)
    assert (refused.status_code, "secret" in refused.json()) == (403, False)


def test_the_twenty_first_is_refused(owner: User, event: Event) -> None:
    for _ in range(20):
        added(owner, of(event))
    refused = make.client(owner).post(of(event), {"url": HOOK})
    assert (refused.status_code, refused.json()["code"], refused.json()["most"]) == (409, "too_many_webhooks", 20)


def test_the_log_says_how_each_attempt_went_and_what_failed_is_sent_again(
    owner: User, event: Event, receiver: Receiver
) -> None:
    path = f"{of(event)}{added(owner, of(event), f'http://127.0.0.1:{receiver.port}/')['id']}/"
    browser = make.client(owner)
    receiver.say(500, body=b"broken")
    tested = browser.post(f"{path}test/")
    assert (tested.status_code, tested.json()["state"], tested.json()["attempts"]) == (201, "due", [])
    send()
    (logged,) = browser.get(f"{path}deliveries/?state=dead").json()["results"]
    delivery = Delivery.objects.get()
    attempt = delivery.tries.get()
    assert logged == {
        "id": str(delivery.pk),
        "type": "webhook.test",
        "timestamp": delivery.at.isoformat().replace("+00:00", "Z"),
        "subject": str(delivery.subject),
        "state": "dead",
        "next_attempt_at": None,
        "sent_at": None,
        "attempts": [
            {
                "at": attempt.at.isoformat().replace("+00:00", "Z"),
                "status": 500,
                "error": "",
                "duration_ms": attempt.duration_ms,
                "answer": "broken",
            }
        ],
    }
    assert browser.get(f"{path}deliveries/?state=sent").json()["results"] == []
    assert browser.get(f"{path}deliveries/?state=lost").status_code == 400
    receiver.say(200)
    again = browser.post(f"{path}deliveries/{delivery.pk}/replay/")
    assert (again.status_code, again.json()["state"]) == (200, "due")
    assert browser.post(f"{path}deliveries/{delivery.pk}/replay/").json()["code"] == "delivery_due"
    send()
    (logged,) = browser.get(f"{path}deliveries/").json()["results"]
    assert (logged["state"], [each["status"] for each in logged["attempts"]]) == ("sent", [200, 500])
    browser.patch(path, {"enabled": False})
    for what in ("test/", f"deliveries/{delivery.pk}/replay/"):
        refused = browser.post(f"{path}{what}")
        assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")


def test_what_others_are_sent_on_demand_is_limited(owner: User, event: Event) -> None:
    path = f"{of(event)}{added(owner, of(event))['id']}/test/"
    browser = make.client(owner)
    answers = [browser.post(path).status_code for _ in range(11)]
    assert answers == [201] * 10 + [429]


def test_lists_ask_as_much_for_many_as_for_one(
    owner: User, event: Event, receiver: Receiver, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser = make.client(owner)
    path = f"{of(event)}{added(owner, of(event), f'http://127.0.0.1:{receiver.port}/')['id']}/deliveries/"
    for count in (1, 3):
        while Delivery.objects.count() < count:
            make.confirmed(event)
            send()
        if Webhook.objects.count() < count:
            added(owner, of(event))
        with django_assert_num_queries(6):
            assert len(browser.get(path).json()["results"]) == count
        with django_assert_num_queries(4):
            browser.get(of(event))
