"""Organisers' own words in the mails of their event."""

from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.notifications.actions import deliver_due
from turnout.notifications.models import Message
from turnout.registrations.models import MailText
from turnout.registrations.texts.writing import placeholders

pytestmark = pytest.mark.django_db

OWN = {"subject": "Welcome, {name}", "body": "Salut **{name}**,\n\nbring a laptop to {where}."}


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go", capacity=1, parts=Parts(languages=["fr", "en"]))


def path(event: Event, *more: str) -> str:
    return "/".join([f"/api/events/{event.pk}/mail-texts", *more, ""])


def put(person: User, event: Event, kind: str, language: str = "fr", **given: str) -> Any:
    return make.client(person).put(path(event, kind, language), OWN | given, format="json")


def mail_to(name: str) -> EmailMessage:
    mail.outbox.clear()
    while deliver_due():
        pass
    return next(message for message in mail.outbox if message.to == [f"{name}@example.org"])


def test_the_organisers_words_stand_for_the_greeting_and_ours_for_the_facts(owner: User, event: Event) -> None:
    assert put(owner, event, "confirmed").status_code == 200
    ada = make.confirmed(event, "ada")
    message = mail_to("ada")
    assert message.subject == "Welcome, Ada"
    assert message.body.startswith("Salut Ada,\n\nbring a laptop to Algiers.\n\nGo\n")
    assert ada.page_url() in message.body
    assert "you have a seat" not in message.body
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]  # EmailMultiAlternatives
    assert "<strong><bdi>Ada</bdi></strong>" in html
    assert ada.page_url() in html.replace("&amp;", "&")
    assert [name for name, *_more in message.attachments if str(name).endswith(".pdf")] == ["ticket.pdf"]


@pytest.mark.parametrize(
    ("set_in", "reads", "expected"),
    [
        (["fr", "ar"], "ar", "ar"),
        (["fr", "ar"], "en", "fr"),  # the event's main language
        (["ar"], "en", ""),
        ([], "en", ""),
    ],
)
def test_who_gets_it_reads_their_language_else_the_events_else_ours(
    owner: User, event: Event, set_in: list[str], reads: str, expected: str
) -> None:
    for language in set_in:
        put(owner, event, "confirmed", language, subject=f"In {language}")
    make.confirmed(event, "ada", language=reads)
    assert mail_to("ada").subject == (f"In {expected}" if expected else "Your ticket: Go")


def test_the_link_to_confirm_is_that_of_the_mail_to_confirm(owner: User, event: Event) -> None:
    put(owner, event, "confirm", body="[Yes]({link})")
    pending = make.pending(event, "ada")
    assert f"Yes (http://127.0.0.1:8000/confirm/?token={pending.confirmation_token})" in mail_to("ada").body


def test_who_waits_still_reads_their_place(owner: User, event: Event) -> None:
    put(owner, event, "waitlisted", body="Soon, {position}!")
    make.confirmed(event)
    make.confirmed(event, "ada", language="en")
    put(owner, event, "waitlisted", "en", body="Soon, {position}!")
    body = mail_to("ada").body
    assert body.startswith("Soon, 1!\n")
    assert "Your place in line: 1" in body


@pytest.mark.parametrize("kind", MailText.Kind.values)
def test_every_kind_has_words_of_ours_with_its_placeholders(owner: User, event: Event, kind: str) -> None:
    shown = make.client(owner).get(path(event)).json()
    assert shown["languages"] == ["fr", "en", "ar"]
    row = next(each for each in shown["kinds"] if each["kind"] == kind)
    assert row["placeholders"] == list(placeholders(kind))
    assert row["texts"] == []
    ours = row["default"]["en"]
    assert "{event}" in ours["subject"]
    assert ours["body"].startswith("Hello {name},\n\n")
    assert "--" not in ours["body"]
    assert "None" not in ours["body"]
    # Ours is a text as theirs would be.
    assert put(owner, event, kind, **ours).status_code == 200
    preview = make.client(owner).post(path(event, kind, "en", "preview"), ours, format="json")
    assert preview.status_code == 200
    assert "{" not in preview.json()["text"]


def test_a_preview_has_real_data_and_nobodys_key(owner: User, event: Event) -> None:
    client, address = make.client(owner), path(event, "confirmed", "en", "preview")
    text = {"subject": "{name}", "body": "{event} {when} {where} {site} [x]({link})"}
    assert client.post(address, text, format="json").json()["subject"] == "Amina Example"
    make.confirmed(event, "ada")
    shown = client.post(address, text, format="json").json()
    assert shown["subject"] == "Ada"
    assert "Go" in shown["text"]
    assert "(Africa/Algiers) Algiers" in shown["text"]
    assert "token=" not in shown["text"] + shown["html"]
    assert not MailText.objects.exists()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"body": "{position}"}, ("/body", "unknown_placeholder")),  # has a place only who waits
        ({"body": "{nome}"}, ("/body", "unknown_placeholder")),
        ({"subject": "{event.owner}"}, ("/subject", "unknown_placeholder")),
        ({"body": "[x](/relative)"}, ("/body", "bad_link")),
        ({"subject": "x" * 201}, ("/subject", "max_length")),
        ({"subject": ""}, ("/subject", "blank")),
    ],
)
def test_a_text_that_is_not_sound_is_refused(
    owner: User, event: Event, given: dict[str, str], fault: tuple[str, str]
) -> None:
    answer = put(owner, event, "confirmed", **given)
    assert answer.status_code == 400
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [fault]
    assert answer.json()["errors"][0]["detail"]


def test_another_kind_or_language_is_not_there(owner: User, event: Event) -> None:
    assert [put(owner, event, *place).status_code for place in (("code", "fr"), ("confirmed", "de"))] == [404, 404]
    german = make.event(owner=owner, parts=Parts(languages=["de"]))
    assert put(owner, german, "confirmed", "de").status_code == 200
    make.confirmed(german, "ada", language="en")
    assert mail_to("ada").subject == "Welcome, Ada"


def test_a_text_can_be_changed_and_taken_back(owner: User, event: Event) -> None:
    put(owner, event, "confirmed")
    put(owner, event, "confirmed", subject="Other")
    (text,) = MailText.objects.all()
    assert text.subject == "Other"
    client = make.client(owner)
    assert [client.delete(path(event, "confirmed", "fr")).status_code for _ in range(2)] == [204, 404]
    assert AuditEntry.objects.filter(verb__startswith="event.mail_text").count() == 3


def test_copies_of_an_event_have_its_texts(owner: User, event: Event) -> None:
    put(owner, event, "confirmed")
    client = make.client(owner)
    copy = client.post(f"/api/events/{event.pk}/clone/", {}, format="json").json()["id"]
    series = client.post(f"/api/events/{event.pk}/series/", {"dates": ["2030-05-06"]}, format="json")
    assert series.status_code == 201
    texts = MailText.objects.exclude(event=event)
    assert texts.filter(event=copy).count() == 1
    assert set(texts.values_list("kind", "language", "subject", "body")) == {("confirmed", "fr", *OWN.values())}
    assert texts.count() == 2


def test_managers_write_texts_scanners_and_strangers_do_not(owner: User, event: Event) -> None:
    manager, scanner = make.user(role=Role.SEEKER), make.user(role=Role.SEEKER)
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    people = (owner, manager, scanner, make.user())
    assert [put(person, event, "confirmed").status_code for person in people] == [200, 200, 403, 403]


def test_a_text_holds_for_mails_not_sent_yet(owner: User, event: Event) -> None:
    make.confirmed(event, "ada")
    put(owner, event, "confirmed")
    assert Message.objects.filter(kind="registration.confirmed", state="due").count() == 1
    assert mail_to("ada").subject == "Welcome, Ada"
