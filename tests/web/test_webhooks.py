"""The webhooks of an event, on pages for whoever runs it."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from tests.support.pages import send, text
from turnout.accounts.models import User
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.notifications.feed.actions import number_new
from turnout.notifications.webhooks.actions import disable
from turnout.notifications.webhooks.models import Attempt, Delivery, Webhook

pytestmark = pytest.mark.django_db

HOOK = "https://93.184.215.14/hook"


@pytest.fixture
def owner() -> User:
    return make.user("farid")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go")


@pytest.fixture
def desk(browser: Client, owner: User) -> Client:
    browser.force_login(owner)
    return browser


def of(event: Event) -> str:
    return f"/organise/{event.pk}/webhooks/"


def test_one_is_added_and_its_secret_shown_this_once(desk: Client, event: Event) -> None:
    assert of(event) in desk.get(f"/organise/{event.pk}/").content.decode()
    added = send(desk, of(event), url=HOOK, label="CRM <b>", events=["registration.confirmed"])
    shown = desk.get(added["Location"])
    webhook = Webhook.objects.get()
    assert (webhook.topic, webhook.kinds, webhook.label) == (event.pk, ["registration.confirmed"], "CRM <b>")
    assert webhook.secret in text(shown)
    assert "no-store" in shown["Cache-Control"]
    for path in (of(event), f"{of(event)}{webhook.pk}/"):
        page = desk.get(path).content.decode()
        assert ("CRM &lt;b&gt;" in page, webhook.secret in page) == (True, False)


def test_an_address_that_is_not_public_is_said_at_its_field_and_nothing_typed_is_lost(
    desk: Client, event: Event
) -> None:
    refused = send(desk, of(event), url="https://10.0.0.1/", label="CRM", events=["event.changed"])
    assert (refused.status_code, Webhook.objects.count()) == (400, 0)
    assert "The address is not one that everybody on the internet can reach." in text(refused)
    assert 'value="CRM"' in refused.content.decode()


def test_the_page_of_one_does_what_the_api_does(desk: Client, event: Event) -> None:
    send(desk, of(event), url=HOOK)
    webhook = Webhook.objects.get()
    page, old = f"{of(event)}{webhook.pk}/", webhook.secret
    assert send(desk, page, deed="test")["Location"] == page
    assert "A test is on its way." in text(desk.get(page))
    Delivery.objects.update(state="dead")
    Attempt.objects.create(delivery=Delivery.objects.get(), at=now(), status=500, duration_ms=7, answer="<i>broken")
    said = desk.get(page)
    assert "given up" in text(said)
    assert "&lt;i&gt;broken" in said.content.decode()
    send(desk, page, deed="replay", delivery=Delivery.objects.get().pk)
    assert Delivery.objects.get().state == "due"
    turned = desk.get(send(desk, page, deed="rotate")["Location"])
    webhook.refresh_from_db()
    assert (webhook.secret in text(turned), webhook.secret != old) == (True, True)
    assert webhook.secret not in text(desk.get(page))  # nor does loading it again make another
    send(desk, page, deed="off")
    assert send(desk, page, deed="test").status_code == 409
    assert "Off" in text(desk.get(page))
    send(desk, page, deed="on")
    assert "On" in text(desk.get(page))
    assert send(desk, page, deed="remove")["Location"] == of(event)
    assert "There is none yet." in text(desk.get(of(event)))


def test_what_is_no_deed_is_refused_and_one_of_another_event_is_not_there(
    desk: Client, event: Event, owner: User
) -> None:
    send(desk, of(event), url=HOOK)
    webhook = Webhook.objects.get()
    page = f"{of(event)}{webhook.pk}/"
    for fields in ({}, {"deed": "shout"}, {"deed": "replay"}, {"deed": "replay", "delivery": "none"}):
        assert send(desk, page, **fields).status_code == 400
    assert send(desk, page, deed="replay", delivery=event.pk).status_code == 404
    assert desk.get(f"{of(make.event(owner=owner))}{webhook.pk}/").status_code == 404


def test_why_one_is_off_is_said(desk: Client, event: Event) -> None:
    desk.get(send(desk, of(event), url=HOOK)["Location"])  # the secret
    webhook = Webhook.objects.get()
    disable([webhook.pk], Webhook.Reason.FAILING, actor="system")
    for path in (of(event), f"{of(event)}{webhook.pk}/"):
        assert "It failed for three days." in text(desk.get(path))


def test_the_log_asks_as_much_for_many_as_for_one(
    desk: Client, event: Event, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    page = send(desk, of(event), url=HOOK)["Location"]
    desk.get(page)  # the secret
    for count in (1, 3):
        while Delivery.objects.count() < count:
            make.confirmed(event)
            number_new()
            Attempt.objects.create(delivery=Delivery.objects.all()[0], at=now(), status=500, duration_ms=7)
        with django_assert_num_queries(7):
            desk.get(page)
