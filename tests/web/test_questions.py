"""What an event asks, on its form; and what was answered, on the registration's page."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from pytest_django import Settings

from tests.support import make
from tests.support.files import PDF
from turnout.events.actions.questions import Condition, QuestionDraft
from turnout.events.models import Event, Question
from turnout.media.vault import PRIVATE
from turnout.registrations.answers import values_of
from turnout.registrations.models import Registration, Upload

pytestmark = pytest.mark.django_db

AMINA = {"full_name": "Amina Bouzid", "email": "amina@example.org", "phone": "", "attendance_type": "on_site"}
EVERY = [
    QuestionDraft("One line", "text"),
    QuestionDraft("Text", "long_text"),
    QuestionDraft("One", "choice", choices=("S", "M"), required=True),
    QuestionDraft("Any", "choices", choices=("a", "b")),
    QuestionDraft("Vegan?", "yes_no", help_text="Lunch is included."),
    QuestionDraft("How many?", "number"),
    QuestionDraft("When?", "date"),
    QuestionDraft("Passport", "file"),
]
ANSWERS = ["Hello", "a\r\nb", "M", ["b"], "no", "٣", "2030-05-06"]


@pytest.fixture
def browser() -> Client:
    return Client(SERVER_NAME="localhost")


def field(question: Question) -> str:
    return f"answers/{question.key}"


def send(browser: Client, event: Event, answers: dict[str, Any], **fields: Any) -> Any:
    return browser.post(f"/events/{event.pk}/register/", {**AMINA, **fields, **answers})


def named(html: str, name: str) -> str:
    """Return the field of this name with all that stands around it."""
    return next(part for part in html.split('<div class="field"') if f'name="{name}"' in part)


def file(content: bytes = PDF, name: str = "passport.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "application/pdf")


def test_a_guest_answers_every_type_of_question_and_reads_it_on_their_page(browser: Client) -> None:
    event, questions = make.asking(*EVERY)
    given = dict(zip(map(field, questions), [*ANSWERS, file()], strict=True))
    assert send(browser, event, given).status_code == 302
    held, upload = Registration.objects.get(), Upload.objects.get()
    assert list(values_of(held).values()) == ["Hello", "a\nb", "M", ["b"], False, 3, "2030-05-06", str(upload.pk)]
    html = browser.get(held.page_url()).content.decode()
    shown = dict(re.findall(r'<dt dir="auto">(.*?)</dt><dd dir="auto">(.*?)</dd>', html))
    link = shown.pop("Passport")
    assert shown == {
        "One line": "Hello",
        "Text": "a<br>b",
        "One": "M",
        "Any": "<bdi>b</bdi>",
        "Vegan?": "No",
        "How many?": "3",
        "When?": "May 6, 2030",
    }
    href = re.search(r'href="([^"]+)"', link)
    assert href
    assert browser.get(href[1]).content == PDF


def test_what_is_typed_is_shown_as_text(browser: Client) -> None:
    evil = "<script>alert(1)</script>"
    event, questions = make.asking(QuestionDraft(evil, "text"), QuestionDraft("?", "choices", choices=(evil,)))
    assert evil not in browser.get(f"/events/{event.pk}/register/").content.decode()
    send(browser, event, {field(questions[0]): evil, field(questions[1]): [evil]})
    html = browser.get(Registration.objects.get().page_url()).content.decode()
    assert (evil in html, html.count("&lt;script&gt;")) == (False, 3)


def test_a_required_question_without_an_answer_is_marked_and_the_others_keep_theirs(browser: Client) -> None:
    event, questions = make.asking(*EVERY)
    given = dict(zip(map(field, questions), ANSWERS, strict=False))
    del given[field(questions[2])]
    page = send(browser, event, given)
    html = page.content.decode()
    assert page.status_code == 400
    assert [question.label for question in questions if 'aria-invalid="true"' in named(html, field(question))] == [
        "One"
    ]
    assert "This question needs an answer." in named(html, field(questions[2]))
    assert 'value="Hello"' in named(html, field(questions[0]))
    assert re.search(r'value="b"[^>]* checked', named(html, field(questions[3])))
    assert not Registration.objects.exists()


def test_what_is_wrong_with_answers_is_said_together_with_all_else(browser: Client) -> None:
    event, questions = make.asking(*EVERY)
    html = send(browser, event, {field(questions[5]): "many"}, email="amina").content.decode()
    marked = [name for name in ("email", *map(field, questions)) if 'aria-invalid="true"' in named(html, name)]
    assert marked == ["email", field(questions[2]), field(questions[5])]


def test_labels_say_what_is_optional_and_what_helps(browser: Client) -> None:
    event, questions = make.asking(*EVERY)
    html = browser.get(f"/events/{event.pk}/register/").content.decode()
    assert "One line (optional)</bdi></label>" in html
    assert "<legend><bdi>One</bdi></legend>" in html
    assert "Lunch is included." in named(html, field(questions[4]))
    assert 'enctype="multipart/form-data"' in html


def test_an_event_that_asks_nothing_has_a_form_without_script_or_files(browser: Client) -> None:
    html = browser.get(f"/events/{make.event().pk}/register/").content.decode()
    assert ("questions.js" in html, "multipart" in html) == (False, False)


def test_a_condition_is_said_in_words_and_in_data_and_decided_by_the_server(browser: Client) -> None:
    event, (vegan, cheese) = make.asking(
        QuestionDraft("Vegan?", "yes_no"),
        QuestionDraft(
            "Which cheese?", "choice", required=True, choices=("A", "B"), condition=Condition("on_site", 0, (False,))
        ),
    )
    html = browser.get(f"/events/{event.pk}/register/").content.decode()
    part = named(html, field(cheese))
    assert "Only if you take part: On site. Only if your answer to “Vegan?” is: No." in unescape(part)
    condition = re.search(r'data-condition="([^"]+)"', html)
    assert condition
    assert json.loads(unescape(condition[1])) == {"attendance_type": ["on_site"], field(vegan): ["no"]}
    assert send(browser, event, {field(vegan): "no"}).status_code == 400
    assert send(browser, event, {field(vegan): "yes", field(cheese): "A"}).status_code == 302
    assert list(values_of(Registration.objects.get()).values()) == [True]


def test_a_file_is_not_asked_for_again_where_something_else_was_wrong(browser: Client) -> None:
    event, (passport,) = make.asking(QuestionDraft("Passport", "file", required=True))
    Event.objects.update(waitlist_enabled=False)
    event.pools.update(capacity=0)
    refused = send(browser, event, {field(passport): file()})
    kept = re.search(r'type="hidden" name="answers/[^"]+" value="([^"]+)"', refused.content.decode())
    assert (refused.status_code, kept is not None) == (409, True)
    assert kept
    assert kept[1] == str(Upload.objects.get().pk)
    event.pools.update(capacity=1)
    assert send(browser, event, {field(passport): kept[1]}).status_code == 302
    assert Upload.objects.get().registration == Registration.objects.get()


def test_a_file_that_we_do_not_take_is_said_at_its_question(browser: Client) -> None:
    event, (passport,) = make.asking(QuestionDraft("Passport", "file"))
    for wrong in (file(b"MZ\x90\0\0"), file(PDF + b" " * 10 * 1024**2), "0190163d-8694-739b-aea5-966c26f8ad91", "x"):
        page = send(browser, event, {field(passport): wrong})
        part = named(page.content.decode(), field(passport))
        assert (page.status_code, 'aria-invalid="true"' in part, "hidden" in part) == (400, True, False)
    assert not Registration.objects.exists()


def test_while_files_are_away_nothing_typed_is_lost(browser: Client, settings: Settings, tmp_path: Path) -> None:
    event, (passport, why) = make.asking(QuestionDraft("Passport", "file"), QuestionDraft("Why?", "text"))
    (tmp_path / "file").touch()  # nothing can lie below it, whoever runs this
    here = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "file"}}
    settings.STORAGES = settings.STORAGES | {PRIVATE: here}
    page = send(browser, event, {field(passport): file(), field(why): "For the cheese"})
    html = page.content.decode()
    assert (page.status_code, "Files can&#x27;t be reached now." in html) == (503, True)
    assert all(f'value="{typed}"' in html for typed in (AMINA["full_name"], AMINA["email"], "For the cheese"))
    assert not Registration.objects.exists()


def test_an_impatient_finger_sends_one_file_and_registers_once(browser: Client) -> None:
    event, (passport,) = make.asking(QuestionDraft("Passport", "file"))
    once = re.search(r'name="once" value="([^"]+)"', browser.get(f"/events/{event.pk}/register/").content.decode())
    assert once
    for _ in range(2):
        assert send(browser, event, {field(passport): file()}, once=once[1]).status_code == 302
    assert (Registration.objects.count(), Upload.objects.count()) == (1, 1)
    send(browser, event, {field(passport): file(PDF + b"%")}, once=once[1])
    assert (Registration.objects.count(), Upload.objects.count()) == (2, 2)


def test_the_form_asks_as_few_queries_whatever_an_event_asks(browser: Client) -> None:
    def asked(number: int) -> int:
        event, _questions = make.asking(*EVERY[:3] * number)
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/events/{event.pk}/register/")
        return len(queries)

    assert asked(1) == asked(10)


@tries(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(sent=st.lists(st.text(max_size=50) | st.lists(st.text(max_size=5), max_size=3), min_size=8, max_size=8))
@pytest.mark.long
def test_whatever_is_typed_is_an_answer_or_marked(sent: list[Any]) -> None:
    event = Event.objects.first() or make.asking(*EVERY)[0]
    questions = Question.objects.asked_at(event.pk)
    typed = [[one] if isinstance(one, str) else one for one in sent]
    sound = [[text.encode("utf-8", "replace").decode() for text in texts] for texts in typed]
    answers = dict(zip(map(field, questions), sound, strict=True))
    assert send(Client(SERVER_NAME="localhost"), event, answers).status_code in {302, 400}
