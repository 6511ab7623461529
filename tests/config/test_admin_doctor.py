"""The doctor's page in the admin."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from tests.support import make
from turnout.accounts.models import User
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db
PAGE = "/admin/doctor/"


@pytest.fixture
def staff() -> User:
    return make.staff()


@pytest.fixture
def desk(staff: User, settings: Settings) -> Client:
    """Return the browser of somebody on staff who has shown a second factor, where mail is sent."""
    reverse("admin:doctor")  # addresses are read once, and /mail/ is among them only on one's own machine
    settings.MAIL_SHOWN = False
    return make.client(staff, second_factor=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def test_staff_see_what_was_found_the_worst_first_and_what_to_do(desk: Client, settings: Settings) -> None:
    settings.MAIL_DELIVERED = False
    answer = desk.get(PAGE)
    page = answer.content.decode()
    assert page.index("No mail server is named") < page.index("All migrations are applied.")
    assert "Set EMAIL_URL to your provider" in page
    levels = [finding.level for finding, _ in answer.context["findings"]]
    assert levels == sorted(levels, key=["error", "warning", "unknown", "ok"].index)
    assert "no-store" in answer["Cache-Control"]


def test_the_page_is_found_in_the_menu_and_on_the_first_page(desk: Client) -> None:
    assert desk.get("/admin/").content.decode().count(f'href="{PAGE}"') >= 2
    assert f'href="{PAGE}"' in desk.get("/admin/events/event/").content.decode()


def test_staff_without_a_second_factor_and_strangers_stay_outside(browser: Client, staff: User) -> None:
    browser.handler.enforce_csrf_checks = False
    for somebody in (None, make.user(), staff):
        if somebody:
            browser.force_login(somebody)
        assert (browser.get(PAGE).status_code, browser.post(PAGE).status_code) == (302, 302)
    assert mail.outbox == []


def test_a_test_mail_goes_to_who_asks_whatever_the_form_says(desk: Client, staff: User) -> None:
    answer = desk.post(PAGE, {"to": "victim@example.org", "email": "victim@example.org"}, format="multipart")
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert [sent.to for sent in mail.outbox] == [[staff.email]]
    assert f"The mail to {staff.email} was taken" in said(answer)[0]
    assert not Message.objects.exists()


def test_a_forged_form_sends_nothing(desk: Client) -> None:
    desk.handler.enforce_csrf_checks = True
    assert (desk.post(PAGE).status_code, mail.outbox) == (403, [])


def test_test_mails_are_limited_for_each_of_the_staff(desk: Client) -> None:
    answers = [said(desk.post(PAGE))[-1] for _ in range(4)]
    assert [answer.startswith("Too many requests.") for answer in answers] == [False, False, False, True]
    assert len(mail.outbox) == 3
    make.client(make.staff(), second_factor=True).post(PAGE)
    assert len(mail.outbox) == 4


def test_a_mail_server_that_is_away_is_said_on_the_page(desk: Client, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "turnout.notifications.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = desk.post(PAGE, follow=True)
    assert (answer.status_code, "ConnectionRefusedError" in answer.content.decode()) == (200, True)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_else_is_done_there(desk: Client, method: str) -> None:
    assert getattr(desk, method)(PAGE).status_code == 405


def test_however_much_waits_the_page_asks_as_many_queries(desk: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert desk.get(PAGE).status_code == 200
        return len(asked)

    make.pending(make.event())
    queries()  # the first one fills caches
    few = queries()
    for _ in range(3):
        make.pending(make.event())
    assert queries() == few
