"""The pages on which a team writes to its people, chooses the words of mails, and sees what could not be sent."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support import make
from tests.support.pages import send, text
from turnout.accounts.models import User
from turnout.events.actions.questions import QuestionDraft
from turnout.events.models import Event
from turnout.notifications.actions import deliver_due
from turnout.notifications.models import Message
from turnout.registrations.mailings.models import Mailing
from turnout.registrations.models import MailText, Registration

pytestmark = pytest.mark.django_db

WORDS: dict[str, Any] = {"status": ["confirmed"], "subject": "News of {event}", "body": "Dear **{name}**,\r\n\r\ncome."}


@pytest.fixture
def owner() -> User:
    return make.user("farid")


@pytest.fixture
def desk(browser: Client, owner: User) -> Client:
    """Return the browser of the owner, who is signed in."""
    browser.force_login(owner)
    return browser


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go", capacity=2)


def path(event: Event, more: str = "") -> str:
    return f"/organise/{event.pk}/mail/{more}"


def test_a_mail_is_shown_before_it_is_sent_and_then_goes_once(desk: Client, event: Event) -> None:
    for name in ("ada", "bob"):
        make.confirmed(event, name)
    assert "It goes to 2 people." in text(desk.get(path(event, "new/")))
    key = str(uuid4())
    shown = send(desk, path(event, "new/"), **WORDS, deed="preview", once=key)
    assert "<strong><bdi>Bob</bdi></strong>" in shown.content.decode()
    assert "Send it to 2 people" in text(shown)
    assert not Mailing.objects.exists()
    for _ in range(2):
        done = send(desk, path(event, "new/"), **WORDS, deed="send", once=key)
        assert (done.status_code, done["Location"]) == (302, path(event))
    (mailing,) = Mailing.objects.all()
    assert mailing.body == "Dear **{name}**,\n\ncome."
    assert "The mail goes to 2 people." in text(desk.get(path(event)))


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"body": "{nome}"}, "There is no placeholder {nome} here."),
        ({"subject": "{link}"}, "There is no placeholder {link} here."),
        ({"body": "[x](//evil.example)"}, "A link in a mail leads to"),
        ({"status": []}, "This field is required."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    desk: Client, event: Event, fields: dict[str, Any], fault: str
) -> None:
    make.confirmed(event)
    for deed in ("preview", "send"):
        refused = send(desk, path(event, "new/"), **(WORDS | fields), deed=deed)
        assert refused.status_code == 400
        assert fault in text(refused)
        assert (WORDS | fields)["body"].partition("\r")[0] in refused.content.decode()
    assert not Mailing.objects.exists()


def test_the_count_follows_what_is_chosen(desk: Client, owner: User) -> None:
    drafts = QuestionDraft("Diet", "choice", choices=("vegan", "any")), QuestionDraft("Bus", "yes_no")
    event, (diet, bus) = make.asking(*drafts, owner=owner)
    make.confirmed(event, answers={str(diet.key): "vegan", str(bus.key): True})
    make.confirmed(event, answers={str(diet.key): "any"})

    def count(**fields: Any) -> str:
        page = desk.get(path(event, "new/")).content.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        asked = {"csrfmiddlewaretoken": token[1], **fields}
        return text(desk.post(path(event, "new/"), asked, headers={"HX-Request": "true"}))

    assert count(status=["confirmed"]) == "It goes to 2 people."
    assert count(status=["confirmed"], answer=f"{diet.key} 0") == "It goes to 1 person."
    assert count(status=["confirmed"], answer=f"{bus.key} 1") == "It goes to 0 people."
    assert count(status=["cancelled", "waitlisted"]) == "It goes to 0 people."
    assert count() == ""


def test_what_is_under_way_can_be_stopped(desk: Client, event: Event) -> None:
    make.confirmed(event, "ada")
    send(desk, path(event, "new/"), **WORDS, deed="send")
    (mailing,) = Mailing.objects.all()
    assert "Still to go" in text(desk.get(path(event, f"{mailing.pk}/")))
    assert send(desk, path(event), deed="stop", of=str(mailing.pk)).status_code == 302
    assert "Stopped" in text(desk.get(path(event)))
    page = text(desk.get(path(event, f"{mailing.pk}/")))
    assert "Not sent" in page
    assert "Ada" in page


def test_what_could_not_be_sent_is_seen_and_sent_again(desk: Client, event: Event) -> None:
    make.confirmed(event, "ada")
    make.confirmed(event, "bob")
    Message.objects.filter(kind="registration.confirmed").update(state="dead", last_error="TimeoutError: 10.0.0.7")
    page = text(desk.get(path(event)))
    assert "Could not be sent" in page
    assert "The ticket · The mail server could not be reached." in page
    assert "10.0.0.7" not in page
    one = Message.objects.filter(state="dead")[0]
    send(desk, path(event), deed="again", of=str(one.pk))
    assert Message.objects.filter(state="dead").count() == 1
    send(desk, path(event), deed="again_all")
    assert not Message.objects.filter(state="dead").exists()
    assert "Could not be sent" not in text(desk.get(path(event)))


@pytest.mark.parametrize("fields", [{}, {"deed": "x"}, {"deed": "stop", "of": "x"}, {"deed": "again", "of": ""}])
def test_a_malformed_deed_is_refused(desk: Client, event: Event, fields: dict[str, str]) -> None:
    assert send(desk, path(event), on=path(event, "new/"), **fields).status_code == 400


def test_a_mailing_of_another_event_is_not_there(desk: Client, event: Event) -> None:
    other = make.event(owner=make.user())
    registration = make.confirmed(other)
    message = Message.objects.get(kind="registration.confirmed", subject=registration.pk)
    for deed in ("stop", "again"):
        assert send(desk, path(event), on=path(event, "new/"), deed=deed, of=str(message.pk)).status_code == 404


def test_words_are_chosen_seen_kept_and_given_back(desk: Client, event: Event) -> None:
    address = path(event, "texts/confirmed/en/")
    page = desk.get(address).content.decode()
    assert "Hello {name}," in page
    assert '<code dir="ltr">{where}</code>' in page
    words = {"subject": "Welcome", "body": "Salut *{name}*"}
    assert "<em><bdi>Amina Example</bdi></em>" in send(desk, address, **words, deed="preview").content.decode()
    assert not MailText.objects.exists()
    assert send(desk, address, **words, deed="save")["Location"] == path(event, "texts/")
    assert "Your words" in text(desk.get(path(event, "texts/")))
    make.confirmed(event, "ada")
    while deliver_due():
        pass
    assert mail.outbox[-1].subject == "Welcome"
    assert send(desk, address, **words, deed="forget").status_code == 302
    assert not MailText.objects.exists()
    assert "{nome}" in text(send(desk, address, subject="x", body="{nome}", deed="save"))
    assert desk.get(path(event, "texts/code/en/")).status_code == 404


def test_pages_take_the_same_number_of_queries_at_one_and_at_more(desk: Client, event: Event) -> None:
    def queries() -> list[int]:
        counts = []
        newest = Mailing.objects.order_by("-id")[0].pk
        for more in ("", f"{newest}/", "texts/", "new/"):
            with CaptureQueriesContext(connection) as asked:
                assert desk.get(path(event, more)).status_code == 200
            counts.append(len(asked))
        return counts

    make.confirmed(event)
    send(desk, path(event, "new/"), **WORDS, deed="send")
    Message.objects.filter(kind="registration.confirmed").update(state="dead")
    desk.get(path(event))  # what was told is told
    few = queries()
    make.confirmed(event)
    send(desk, path(event, "new/"), **WORDS, deed="send")
    Message.objects.filter(kind="registration.confirmed").update(state="dead")
    desk.get(path(event))
    assert queries() == few


def test_who_wants_no_more_clicks_once(browser: Client, event: Event) -> None:
    registration = make.confirmed(event)
    address = f"/registrations/{registration.pk}/unsubscribe/?token={registration.unsubscribe_token}"
    page = browser.get(address)
    assert page["Referrer-Policy"] == "no-referrer"
    assert "Do you want no more of these mails?" in text(page)
    assert "write to you no more" in text(browser.post(address))
    assert Registration.objects.get(pk=registration.pk).mailings_off_at is not None
