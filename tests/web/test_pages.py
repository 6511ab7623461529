import re
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from tests.support import make
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


def test_opening_the_link_changes_nothing_and_the_button_confirms(browser: Client) -> None:
    registration = make.pending(make.event())
    link = f"/confirm/?token={registration.confirmation_token}"
    browser.get(link)
    page = browser.get(link)
    registration.refresh_from_db()
    assert (page.status_code, registration.status) == (200, "pending")
    token = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    assert token is not None
    answer = browser.post("/confirm/", {"token": token[1]})
    registration.refresh_from_db()
    assert (answer.status_code, registration.status) == (302, "confirmed")
    assert answer["Location"] == registration.page_path()
    shown = browser.get(answer["Location"]).content.decode()
    assert "You have a seat." in shown
    assert "<svg" in shown


def test_a_page_with_a_key_in_its_address_keeps_it(browser: Client) -> None:
    mine = make.confirmed(make.event())
    for path in (mine.page_url(), f"/confirm/?token={mine.confirmation_token}"):
        page = browser.get(path)
        assert page["Referrer-Policy"] == "no-referrer"
        assert page["X-Robots-Tag"] == "noindex"
        assert "no-store" in page["Cache-Control"]


def test_the_holder_cancels_on_the_page_and_the_next_in_line_has_the_seat(browser: Client) -> None:
    event = make.event(capacity=1)
    holder, waiting = make.confirmed(event), make.confirmed(event)
    assert "You are number 1 in line." in browser.get(waiting.page_url()).content.decode()
    browser.post(f"/registrations/{holder.id}/", {"token": holder.manage_token})
    assert "This registration is cancelled." in browser.get(holder.page_url()).content.decode()
    assert "You have a seat." in browser.get(waiting.page_url()).content.decode()


def test_a_stranger_finds_no_registration(browser: Client) -> None:
    mine, other = make.confirmed(make.event()), make.confirmed(make.event())
    for call in (
        browser.get(f"/registrations/{mine.id}/"),
        browser.get(f"/registrations/{mine.id}/?token={other.manage_token}"),
        browser.post(f"/registrations/{mine.id}/", {"token": other.manage_token}),
        browser.post(f"/registrations/{mine.id}/?token={mine.manage_token}"),
    ):
        assert call.status_code == 404
    assert Registration.objects.get(pk=mine.pk).status == "confirmed"


@pytest.mark.parametrize("token", ["", "x", "é" * 3000, "a.b"])
def test_a_broken_link_says_what_to_do(browser: Client, token: str) -> None:
    for answer in (browser.get("/confirm/", {"token": token}), browser.post("/confirm/", {"token": token})):
        assert (answer.status_code, "Open it again from the mail" in answer.content.decode()) == (400, True)


def test_the_home_page_shows_what_is_on_and_where_everything_is(browser: Client) -> None:
    make.event(title="Tomorrow's <workshop>")
    page = browser.get("/").content.decode()
    assert "Tomorrow&#x27;s &lt;workshop&gt;" in page
    for address in ("/api/docs/", "/api/schema/", "/api/health/", "/admin/", "/mail/"):
        assert f'href="{address}"' in page


@pytest.mark.parametrize("path", ["/nothing/", "/registrations/1/"])
def test_an_unknown_page_is_a_page(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert (answer.status_code, "<h1>" in answer.content.decode()) == (404, True)


@pytest.mark.parametrize(
    ("asked", "lang", "direction"), [("fr", "fr", "ltr"), ("ar", "ar", "rtl"), ("de", "en", "ltr")]
)
def test_a_page_says_its_language_and_direction(browser: Client, asked: str, lang: str, direction: str) -> None:
    page = browser.get("/", headers={"Accept-Language": asked}).content.decode()
    assert f'<html lang="{lang}" dir="{direction}">' in page


def test_a_host_that_is_not_ours_is_refused(browser: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    assert browser.get("/", SERVER_NAME="evil.example").status_code == 400
    answer = browser.get("/api/events/", SERVER_NAME="evil.example")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_the_holders_page_knows_that_the_event_is_cancelled_or_over(browser: Client) -> None:
    mine = make.confirmed(make.event())
    Event.objects.update(status=Event.Status.CANCELLED)
    page = browser.get(mine.page_url()).content.decode()
    assert [text in page for text in ("This event is cancelled.", "You have a seat.", "<svg")] == [True, False, False]
    Event.objects.update(status=Event.Status.PUBLISHED, starts_at=now() - timedelta(days=2), ends_at=now())
    page = browser.get(mine.page_url()).content.decode()
    assert ("You had a seat." in page, "Cancel, and give" in page) == (True, False)


def test_who_cancelled_may_register_again_while_that_is_open(browser: Client) -> None:
    mine = make.confirmed(make.event())
    browser.post(f"/registrations/{mine.id}/", {"token": mine.manage_token})
    assert "Register again" in browser.get(mine.page_url()).content.decode()
    Event.objects.update(registration_closes_at=now())
    assert "Register again" not in browser.get(mine.page_url()).content.decode()


def test_a_dead_link_says_so_at_once(browser: Client) -> None:
    late = make.pending(make.event())
    Registration.objects.update(expires_at=now())
    page = browser.get(f"/confirm/?token={late.confirmation_token}")
    assert (page.status_code, "older than seven days" in page.content.decode()) == (410, True)
