"""The form with which a guest registers."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import make
from tests.support.pages import token_on
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

AMINA = {"full_name": "Amina Bouzid", "email": "amina@example.org", "phone": "", "attendance_type": "on_site"}


def send(browser: Client, event: Event, **fields: Any) -> Any:
    """Open the form, fill it in, and send it."""
    path = f"/events/{event.id}/register/"
    token = token_on(browser, path)
    return browser.post(path, {**AMINA, **fields, "csrfmiddlewaretoken": token})


def test_a_guest_registers_and_a_mail_is_owed(browser: Client) -> None:
    event = make.event()
    answer = send(browser, event, phone="+213 555 12 34 56", attendance_type="online")
    assert (answer.status_code, answer["Location"]) == (302, f"/events/{event.id}/registered/")
    registration = Registration.objects.get()
    assert (registration.full_name, registration.email, registration.phone, registration.attendance_type) == (
        "Amina Bouzid",
        "amina@example.org",
        "+213555123456",
        "online",
    )
    assert (registration.status, registration.language) == ("pending", "en")
    assert Message.objects.filter(kind="registration.confirm", subject=registration.id).count() == 1
    following = browser.get(answer["Location"]).content.decode()
    assert "<bdi>amina@example.org</bdi>" in following
    assert "amina" not in browser.get(answer["Location"]).content.decode()  # shown once


def test_the_guests_language_is_that_of_the_page(browser: Client) -> None:
    event = make.event()
    browser.post("/language/", {"language": "ar", "next": "/"})
    send(browser, event)
    assert Registration.objects.get().language == "ar"


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({"full_name": " "}, {"full_name"}),
        ({"full_name": "A\u2028B"}, {"full_name"}),
        ({"full_name": "x" * 201}, {"full_name"}),
        ({"email": "amina"}, {"email"}),
        ({"email": ""}, {"email"}),
        ({"email": "a\0@example.org", "phone": "call me"}, {"email", "phone"}),
        ({"attendance_type": "asleep"}, {"attendance_type"}),
    ],
)
def test_what_is_wrong_is_marked_and_nothing_typed_is_lost(
    browser: Client, fields: dict[str, str], faulty: set[str]
) -> None:
    answer = send(browser, make.event(), **fields)
    html = answer.content.decode()
    marked = {
        re.search(r'name="(\w+)"', tag)[1]  # type: ignore[index]  # each has one
        for tag in re.findall(r"<input[^>]+>", html)
        if 'aria-invalid="true"' in tag
    }
    assert (answer.status_code, marked) == (400, faulty)
    if "full_name" not in fields:
        assert 'value="Amina Bouzid"' in html
    assert not Registration.objects.exists()


def test_a_rule_that_says_no_says_it_in_the_form(browser: Client) -> None:
    event = make.event(capacity=1, waitlist_enabled=False)
    path = f"/events/{event.id}/register/"
    token = token_on(browser, path)
    make.confirmed(event)
    answer = browser.post(path, {**AMINA, "csrfmiddlewaretoken": token})
    assert (answer.status_code, "<li>Every seat is taken.</li>" in answer.content.decode()) == (409, True)


def test_who_comes_too_late_is_told_so(browser: Client) -> None:
    event = make.event(registration_closes_at=now() + timedelta(seconds=30))
    path = f"/events/{event.id}/register/"
    browser.get(path)
    Event.objects.update(registration_closes_at=now())
    answer = browser.post(path, {**AMINA, "csrfmiddlewaretoken": browser.cookies["csrftoken"].value})
    assert (answer.status_code, "is closed." in answer.content.decode()) == (409, True)


def test_a_form_of_another_site_registers_nobody(browser: Client) -> None:
    event = make.event()
    assert browser.post(f"/events/{event.id}/register/", AMINA).status_code == 403
    assert not Registration.objects.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(fields=st.dictionaries(st.sampled_from([*AMINA, "csrfmiddlewaretoken", "x"]), st.text(max_size=300)))
@pytest.mark.long
def test_nothing_anybody_sends_fails(fields: dict[str, str]) -> None:
    event = Event.objects.first() or make.event()
    sound = {name: text.encode("utf-8", "replace").decode() for name, text in fields.items()}
    assert Client(SERVER_NAME="localhost").post(f"/events/{event.id}/register/", sound).status_code in {302, 400}


def test_an_impatient_finger_registers_once_and_a_friend_is_another_deed(browser: Client) -> None:
    event = make.event()
    path = f"/events/{event.id}/register/"
    html = browser.get(path).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', html))
    assert {"csrfmiddlewaretoken", "once"} <= hidden.keys()
    for _ in range(2):
        assert browser.post(path, {**AMINA, **hidden}).status_code == 302
    assert Registration.objects.count() == 1
    browser.post(path, {**AMINA, **hidden, "email": "friend@example.org"})
    assert Registration.objects.count() == 2


def test_the_form_says_which_way_to_take_part_is_full(browser: Client) -> None:
    event = make.event(by_type={"on_site": 1, "online": None}, waitlist_enabled=False)
    make.confirmed(event)
    html = browser.get(f"/events/{event.id}/register/").content.decode()
    assert ("On site (full)" in html, "Online (full)" in html) == (True, False)


def test_a_full_event_without_a_line_offers_none(browser: Client) -> None:
    event = make.event(capacity=1, waitlist_enabled=False)
    make.confirmed(event)
    html = browser.get(f"/events/{event.id}/register/").content.decode()
    assert [text in html for text in ("Every seat is taken.", "waiting list", 'method="post" class="form"')] == [
        True,
        False,
        False,
    ]
