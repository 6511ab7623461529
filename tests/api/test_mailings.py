"""Mail from a team to a segment: who gets it, what is seen before, what became of it, and how it ends."""

from collections.abc import Callable
from smtplib import SMTPDataError
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.audit import actor_of
from turnout.core.errors import ThrottledError
from turnout.core.models import AuditEntry
from turnout.events.actions.questions import QuestionDraft
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Session, TeamMember
from turnout.guard.notation import windows
from turnout.notifications.actions import deliver_due, note_bounce
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel
from turnout.registrations.mailings import limits, segments
from turnout.registrations.mailings.models import Mailing, Recipient
from turnout.registrations.models import ERASED, Registration

pytestmark = pytest.mark.django_db

HELLO = {"subject": "News of {event}", "body": "Dear {name},\n\nbring a *laptop*."}


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go", capacity=2)


def path(event: Event, *more: object) -> str:
    return "/".join([f"/api/events/{event.pk}/messages", *map(str, more), ""])


def post(person: User, event: Event, segment: Any = None, **more: Any) -> Any:
    body = HELLO | ({} if segment is None else {"segment": segment}) | more
    return make.client(person).post(path(event), body, format="json")


def sent_to(person: User, event: Event, segment: Any = None) -> list[str]:
    """Write to a segment, and return who is owed that mail."""
    answer = post(person, event, segment)
    assert answer.status_code == 201, answer.json()
    subjects = Recipient.objects.filter(mailing=answer.json()["id"]).values("pk")
    addresses = Message.objects.filter(kind="mailing.message", subject__in=subjects).values_list("recipient", flat=True)
    assert len(addresses) == answer.json()["count"]
    return sorted(address.partition("@")[0] for address in addresses)


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.json()
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def deliver() -> list[EmailMessage]:
    mail.outbox.clear()
    while deliver_due():
        pass
    return [message for message in mail.outbox if "List-Unsubscribe" in message.message()]


def people(event: Event) -> None:
    """Have one in every status there is, where two have seats."""
    make.confirmed(event, "seated")
    make.confirmed(event, "online", attendance_type="online")
    make.confirmed(event, "waiting")
    make.pending(event, "pending")
    cancel(make.confirmed(event, "gone"))


# --- Who gets it -------------------------------------------------------------------------------------------------


def test_without_a_segment_it_goes_to_who_has_a_seat(owner: User, event: Event) -> None:
    people(event)
    assert sent_to(owner, event) == ["online", "seated"]


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ({"status": "waitlisted"}, ["waiting"]),
        ({"status": ["confirmed", "waitlisted"]}, ["online", "seated", "waiting"]),
        ({"status": ["cancelled"]}, ["gone"]),
        ({"attendance_type": "online"}, ["online"]),
        ({"checked_in": False}, ["online", "seated"]),
    ],
)
def test_a_segment_says_who(owner: User, event: Event, segment: Any, expected: list[str]) -> None:
    people(event)
    assert sent_to(owner, event, segment) == expected


def test_nobody_is_there_yet_so_there_is_nobody_to_write_to(owner: User, event: Event) -> None:
    people(event)
    answer = post(owner, event, {"checked_in": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_write_to")
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("status", ["pending", "expired", ["confirmed", "pending"], []])
def test_nobody_writes_to_an_address_that_was_never_confirmed(owner: User, event: Event, status: Any) -> None:
    people(event)
    assert faults(post(owner, event, {"status": status})) == [("/segment/status", "never_confirmed")]


def test_who_cancelled_without_ever_confirming_gets_none(owner: User, event: Event) -> None:
    cancel(make.pending(event, "victim"))
    cancel(make.confirmed(event, "gone"))
    assert sent_to(owner, event, {"status": "cancelled"}) == ["gone"]


def test_a_session_leaves_out_nobody_and_one_of_another_event_is_refused(owner: User, event: Event) -> None:
    people(event)
    other = make.full_event()
    session = Session.objects.create(event=event, title="A", starts_at=event.starts_at, ends_at=event.ends_at)
    assert sent_to(owner, event, {"session": str(session.pk)}) == ["online", "seated"]
    foreign = {"session": str(other.sessions.all()[0].pk)}
    assert faults(post(owner, event, foreign)) == [("/segment/session", "unknown_session")]


def test_an_answer_chooses_too(owner: User) -> None:
    drafts = (
        QuestionDraft("Diet", "choice", choices=("vegan", "any")),
        QuestionDraft("Days", "choices", choices=("Mon", "Tue")),
        QuestionDraft("Bus", "yes_no"),
        QuestionDraft("City", "text"),
    )
    event, (diet, days, bus, city) = make.asking(*drafts, owner=owner)
    for name, answers in {
        "ada": {diet: "vegan", days: ["Mon", "Tue"], bus: True, city: "Orán"},
        "bob": {diet: "any", days: ["Tue"], bus: False, city: "Oran"},
        "cem": {},
    }.items():
        make.confirmed(event, name, answers={str(question.key): value for question, value in answers.items()})

    def with_answers(given: dict[Any, Any]) -> list[str]:
        return sent_to(owner, event, {"answer": {str(question.key): value for question, value in given.items()}})

    assert with_answers({diet: "vegan"}) == ["ada"]
    assert with_answers({days: "Tue"}) == ["ada", "bob"]
    assert with_answers({days: "Tue", bus: False}) == ["bob"]
    assert with_answers({city: " oran"}) == ["ada", "bob"]
    assert post(owner, event, {"answer": {str(bus.key): 1}}).status_code == 409
    unknown = {"answer": {str(event.pk): "x", "a/b": 1}}
    pointers = [(f"/segment/answer/{event.pk}", "unknown_question"), ("/segment/answer/a~1b", "unknown_question")]
    assert faults(post(owner, event, unknown)) == pointers


def test_an_address_gets_one_mail_about_what_stands(owner: User, event: Event) -> None:
    cancel(make.confirmed(event, "ada"))
    standing = make.confirmed(event, "ada")
    cancel(make.confirmed(make.event(), "ada"))
    assert sent_to(owner, event, {"status": ["confirmed", "cancelled"]}) == ["ada"]
    assert Recipient.objects.get().registration == standing


def test_more_than_ten_thousand_are_too_many(owner: User, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MOST_RECIPIENTS", 1)
    people(event)
    assert faults(post(owner, event)) == [("/segment", "too_many_recipients")]
    assert not Recipient.objects.exists()


def test_one_and_a_hundred_take_the_same_number_of_statements(owner: User) -> None:
    def statements(number: int) -> int:
        event = make.event(owner=owner)
        for _ in range(number):
            make.confirmed(event)
        client = make.client(owner)
        with CaptureQueriesContext(connection) as asked:
            assert client.post(path(event), HELLO, format="json").json()["count"] == number
        return len(asked)

    assert statements(1) == statements(60 if connection.vendor == "sqlite" else 100)  # which takes 999 values at once


# --- What they get -----------------------------------------------------------------------------------------------


def test_each_gets_their_own_mail_behind_those_that_people_wait_for(owner: User, event: Event) -> None:
    ada = make.confirmed(event, "ada")
    make.confirmed(event, "bob")
    assert post(owner, event).status_code == 201
    urgencies = dict(Message.objects.values_list("kind", "urgency"))
    assert urgencies["mailing.message"] > urgencies["registration.confirmed"]
    mails = {message.to[0]: message for message in deliver()}
    assert sorted(mails) == ["ada@example.org", "bob@example.org"]
    message = mails["ada@example.org"]
    assert message.subject == "News of Go"
    assert message.body.startswith("Dear Ada,\n\nbring a laptop.\n")
    assert ada.page_url() in message.body
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]  # EmailMultiAlternatives
    assert "Dear <bdi>Ada</bdi>," in html
    assert "<em>laptop</em>" in html


def test_answers_go_to_who_wrote_it_if_they_want_that(owner: User, event: Event) -> None:
    make.confirmed(event)
    post(owner, event)
    assert "Reply-To" not in deliver()[0].message()
    post(owner, event, reply_to=True)
    assert deliver()[0].message()["Reply-To"] == "owner@example.org"


def test_who_stands_otherwise_when_its_turn_comes_gets_none(owner: User, event: Event) -> None:
    make.confirmed(event, "ada")
    cancelled = make.confirmed(event, "bob")
    answer = post(owner, event)
    cancel(cancelled)
    assert [message.to for message in deliver()] == [["ada@example.org"]]
    shown = make.client(owner).get(path(event, answer.json()["id"])).json()
    assert (shown["state"], shown["sent"], shown["stopped"]) == ("sent", 1, 1)


# --- Before it is sent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked_in", ["address", "body"])
def test_a_preview_shows_what_would_be_sent_and_to_how_many_and_sends_nothing(
    owner: User, event: Event, asked_in: str
) -> None:
    people(event)
    before = Message.objects.count(), AuditEntry.objects.count()
    address = path(event) + ("?preview=true" if asked_in == "address" else "")
    body = HELLO | ({"preview": True} if asked_in == "body" else {})
    client = make.client(owner)
    answer = client.post(address, body, format="json", headers={"Idempotency-Key": "one"})
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["subject"], shown["count"]) == ("News of Go", 2)
    assert shown["text"].startswith("Dear Online,\n\nbring a laptop.")
    assert "<em>laptop</em>" in shown["html"]
    assert (Message.objects.count(), AuditEntry.objects.count()) == before
    assert not Mailing.objects.exists()
    # The preview was not the deed of that key.
    assert client.post(path(event), HELLO, format="json", headers={"Idempotency-Key": "one"}).status_code == 201


def test_no_preview_gives_a_key_to_somebodys_registration_away(owner: User, event: Event) -> None:
    make.confirmed(event)
    shown = post(owner, event, body="[here]({link}) {link}", preview=True).json()
    assert "token=" not in shown["text"] + shown["html"]


def test_a_preview_that_is_spelt_wrongly_sends_nothing(owner: User, event: Event) -> None:
    make.confirmed(event)
    client = make.client(owner)
    assert client.post(f"{path(event)}?preview=yse", HELLO, format="json").status_code == 400
    assert not Mailing.objects.exists()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"subject": "{nome}"}, ("/subject", "unknown_placeholder")),
        ({"subject": "{link}"}, ("/subject", "unknown_placeholder")),
        ({"subject": "a\r\nBcc: b@example.org"}, ("/subject", "invalid")),
        ({"subject": " "}, ("/subject", "blank")),
        ({"body": " \n"}, ("/body", "blank")),
        ({"body": "{name.__class__}"}, ("/body", "unknown_placeholder")),
        ({"body": "{{7*7}}"}, ("/body", "unknown_placeholder")),
        ({"body": "{name!r:>9}"}, ("/body", "unknown_placeholder")),
        ({"body": "{until}"}, ("/body", "unknown_placeholder")),
        ({"body": "[a](//evil.example)"}, ("/body", "bad_link")),
        ({"body": "[a](ftp://evil.example)"}, ("/body", "bad_link")),
        ({"body": "[a](https://example.org/{name})"}, ("/body", "bad_link")),
        ({"body": "x" * 10_001}, ("/body", "max_length")),
    ],
)
def test_a_text_that_is_not_sound_is_refused(owner: User, event: Event, given: Any, fault: tuple[str, str]) -> None:
    make.confirmed(event)
    assert faults(post(owner, event, **given)) == [fault]
    assert faults(post(owner, event, **given, preview=True)) == [fault]


def test_the_same_key_writes_once(owner: User, event: Event) -> None:
    make.confirmed(event)
    client = make.client(owner)
    answers = [client.post(path(event), HELLO, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (Mailing.objects.count(), Message.objects.filter(kind="mailing.message").count()) == (1, 1)


def test_a_team_writes_only_so_often(owner: User, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MAILINGS", windows("1/hour"))
    make.confirmed(event)
    assert post(owner, event).status_code == 201
    assert post(owner, event).status_code == 429
    assert post(owner, event, preview=True).status_code == 200


# --- What became of it -------------------------------------------------------------------------------------------


def test_it_shows_what_became_of_each(owner: User, event: Event) -> None:
    for name in ("ada", "bob"):
        make.confirmed(event, name)
    mailing = post(owner, event, {"status": "confirmed"}).json()["id"]
    deliver()
    failed = Message.objects.filter(kind="mailing.message", recipient="bob@example.org")
    failed.update(state="dead", sent_at=None, last_error="SMTPDataError: (550, b'bob@example.org: secret of ours')")
    client = make.client(owner)
    shown = client.get(path(event, mailing)).json()
    assert (shown["owed"], shown["sent"], shown["failed"], shown["stopped"]) == (0, 1, 1, 0)
    assert shown["segment"] == {
        "status": ["confirmed"],
        "attendance_type": "",
        "checked_in": None,
        "session": None,
        "answer": {},
    }
    assert client.get(path(event)).json()["results"] == [shown]
    rows = client.get(path(event, mailing, "recipients")).json()["results"]
    by_name = {row["full_name"]: (row["state"], row["attempts"], row["error"]) for row in rows}
    assert by_name == {
        "Ada": ("sent", 1, ""),
        "Bob": ("dead", 1, "The mail server there refuses it for good (550). Is the address right?"),
    }


def test_lists_take_the_same_number_of_queries_at_one_and_at_more(owner: User, event: Event) -> None:
    client = make.client(owner)

    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(address).status_code == 200
        return len(asked)

    make.confirmed(event)
    first = post(owner, event).json()["id"]
    few = queries(path(event)), queries(path(event, first, "recipients")), queries(f"/api/events/{event.pk}/mail/")
    make.confirmed(event)
    second = [post(owner, event).json()["id"] for _ in range(2)][-1]
    more = queries(path(event)), queries(path(event, second, "recipients")), queries(f"/api/events/{event.pk}/mail/")
    assert few == more


def test_who_wrote_to_whom_is_sealed_where_it_says_what_people_answered(owner: User) -> None:
    event, (diet,) = make.asking(QuestionDraft("Diet", "text"), owner=owner)
    make.confirmed(event, answers={str(diet.key): "vegan"})
    assert post(owner, event, {"answer": {str(diet.key): "vegan"}}).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("SELECT segment FROM registrations_mailing")
        assert "vegan" not in cursor.fetchone()[0]


# --- How it ends -------------------------------------------------------------------------------------------------


def test_what_is_not_sent_can_be_stopped(owner: User, event: Event) -> None:
    make.confirmed(event)
    mailing = post(owner, event).json()["id"]
    client = make.client(owner)
    for _ in range(2):
        stopped = client.post(path(event, mailing, "stop"))
        assert stopped.status_code == 200
        assert (stopped.json()["state"], stopped.json()["owed"], stopped.json()["stopped"]) == ("stopped", 0, 1)
    assert deliver() == []
    assert AuditEntry.objects.filter(verb="mailing.stopped").count() == 1


def test_stopped_while_the_worker_delivers_it_goes_to_nobody_else_nor_again(
    owner: User, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is on the wire as the team stops: it fails, and is not tried again; the second is never begun."""
    for _ in range(2):
        make.confirmed(event)
    deliver()
    mailing = Mailing.objects.get(pk=post(owner, event).json()["id"])
    tried: list[str] = []

    def fail(_backend: EmailBackend, messages: list[EmailMessage]) -> int:
        tried.extend(message.to[0] for message in messages)
        make.client(owner).post(path(event, mailing.pk, "stop"))
        raise SMTPDataError(451, b"4.3.0 later")

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    deliver_due()
    monkeypatch.undo()
    Message.objects.filter(state="due").update(due_at=mailing.created_at)
    assert len(tried) == 1
    assert deliver() == []
    assert set(Message.objects.filter(kind="mailing.message").values_list("state", flat=True)) == {"void"}


# --- Who wants none ----------------------------------------------------------------------------------------------


def unsubscribe_address(message: EmailMessage) -> str:
    header = str(message.message()["List-Unsubscribe"])
    assert (header[0], header[-1]) == ("<", ">")
    return header[1:-1]


def test_one_click_of_a_mail_program_ends_these_mails_and_no_others(owner: User, event: Event, browser: Client) -> None:
    registration = make.confirmed(event, "ada")
    post(owner, event)
    (message,) = deliver()
    assert message.message()["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = unsubscribe_address(message)
    assert browser.get(address).status_code == 200
    registration.refresh_from_db()
    assert registration.mailings_off_at is None  # opening a link does nothing
    body, form = "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
    answers = [browser.post(address, body, content_type=form).status_code for _ in range(2)]
    assert answers == [200, 200]  # and no redirect (RFC 8058, section 3.1)
    assert AuditEntry.objects.filter(verb="registration.unsubscribed").count() == 1

    assert post(owner, event).json()["code"] == "nobody_to_write_to"
    cancel(registration)
    while deliver_due():
        pass
    assert mail.outbox[-1].subject == "Cancelled: Go"
    assert "List-Unsubscribe" not in mail.outbox[-1].message()


def test_who_said_so_between_gets_none_and_neither_under_another_registration(
    owner: User, event: Event, browser: Client
) -> None:
    first = make.confirmed(event, "ada")
    post(owner, event)
    browser.post(f"/registrations/{first.pk}/unsubscribe/?token={first.unsubscribe_token}")
    assert deliver() == []
    cancel(first)
    make.confirmed(event, "ada")
    assert post(owner, event).json()["code"] == "nobody_to_write_to"
    assert Registration.objects.filter(mailings_off_at__isnull=False).count() == 1


@pytest.mark.parametrize("token", ["", "x", "theirs", "manage"])
def test_nobody_else_can_say_so(event: Event, browser: Client, token: str) -> None:
    mine, theirs = make.confirmed(event), make.confirmed(event)
    key = {"theirs": theirs.unsubscribe_token, "manage": mine.manage_token}.get(token, token)
    assert browser.post(f"/registrations/{mine.pk}/unsubscribe/?token={key}").status_code == 404
    assert not mine.opens_with(mine.unsubscribe_token)
    assert not Registration.objects.filter(mailings_off_at__isnull=False).exists()


# --- Who may -----------------------------------------------------------------------------------------------------


def test_managers_write_scanners_and_strangers_do_not(event: Event) -> None:
    make.confirmed(event)
    manager, scanner, stranger = make.user(role=Role.SEEKER), make.user(role=Role.SEEKER), make.user()
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    assert [post(person, event).status_code for person in (manager, scanner, stranger)] == [201, 403, 403]
    assert AuditEntry.objects.get(verb="mailing.sent").actor == actor_of(manager)
    mailing = Mailing.objects.get().pk
    assert make.client(stranger).get(path(make.event(owner=stranger), mailing)).status_code == 404


# --- What was given up -------------------------------------------------------------------------------------------


@pytest.fixture
def gave_up() -> Callable[[Registration], Message]:
    def give_up(registration: Registration) -> Message:
        message = Message.objects.get(kind="registration.confirmed", subject=registration.pk)
        Message.objects.filter(pk=message.pk).update(
            state="dead", attempts=14, last_error="ConnectionRefusedError: [Errno 111] of 10.0.0.7"
        )
        return message

    return give_up


def test_the_team_sees_what_was_given_up_and_sends_it_again(
    owner: User, event: Event, gave_up: Callable[[Registration], Message]
) -> None:
    registration = make.confirmed(event, "ada")
    message = gave_up(registration)
    gave_up(make.confirmed(make.event(), "elsewhere"))
    client: APIClient = make.client(owner)
    (row,) = client.get(f"/api/events/{event.pk}/mail/?state=dead").json()["results"]
    assert row["due_at"]
    assert row | {"due_at": None} == {
        "id": str(message.pk),
        "kind": "confirmed",
        "registration": str(registration.pk),
        "full_name": "Ada",
        "state": "dead",
        "attempts": 14,
        "due_at": None,
        "sent_at": None,
        "bounced_at": None,
        "error": "The mail server could not be reached.",
    }
    again = f"/api/events/{event.pk}/mail/{message.pk}/resend/"
    assert [client.post(again).json() for _ in range(2)] == [{"count": 1}, {"count": 0}]
    mail.outbox.clear()
    deliver_due()
    assert "Your ticket: Go" in [message.subject for message in mail.outbox]
    assert client.get(f"/api/events/{event.pk}/mail/?state=dead").json()["results"] == []


def test_all_that_was_given_up_is_sent_again_of_this_event_alone(
    owner: User, event: Event, gave_up: Callable[[Registration], Message]
) -> None:
    for _ in range(2):
        gave_up(make.confirmed(event))
    elsewhere = gave_up(make.confirmed(make.event()))
    post(owner, event)
    Message.objects.filter(kind="mailing.message").update(state="dead")
    client = make.client(owner)
    assert client.post(f"/api/events/{event.pk}/mail/resend/").json() == {"count": 4}
    assert list(Message.objects.filter(state="dead")) == [elsewhere]
    assert client.post(f"/api/events/{event.pk}/mail/{elsewhere.pk}/resend/").status_code == 404


def test_mails_are_shown_by_state_with_those_of_mailings(owner: User, event: Event) -> None:
    make.confirmed(event)
    post(owner, event)
    client = make.client(owner)

    def kinds(query: str) -> list[str]:
        rows = client.get(f"/api/events/{event.pk}/mail/?{query}").json()["results"]
        return [row["kind"] for row in rows]

    assert kinds("state=due") == kinds("") == ["mailing", "confirmed", "confirm"]
    assert kinds("state=sent,void") == []
    deliver()
    assert kinds("") == []
    assert kinds("state=sent,void") == ["mailing", "confirmed", "confirm"]
    assert client.get(f"/api/events/{event.pk}/mail/?state=lost").status_code == 400


def test_what_came_back_is_seen_and_sent_again_one_by_one(owner: User, event: Event) -> None:
    make.confirmed(event, "ada")
    deliver()
    message = Message.objects.get(kind="registration.confirmed")
    note_bounce(message.pk, "550 5.1.1 ada@example.org: no such user")
    client = make.client(owner)
    (row,) = client.get(f"/api/events/{event.pk}/mail/").json()["results"]
    assert (row["id"], row["error"]) == (str(message.pk), "It was sent and came back. Is the address right?")
    assert row["bounced_at"]
    assert len(client.get(f"/api/events/{event.pk}/mail/?bounced=true").json()["results"]) == 1
    assert client.get(f"/api/events/{event.pk}/mail/?state=dead").json()["results"] == []
    assert client.post(f"/api/events/{event.pk}/mail/resend/").json() == {"count": 0}
    assert client.post(f"/api/events/{event.pk}/mail/{message.pk}/resend/").json() == {"count": 1}


def test_a_mailbox_gets_five_of_a_mailing_by_however_many_addresses_and_an_erased_person_none(event: Event) -> None:
    for number in range(7):
        make.confirmed(event, f"victim+{number}")
    erased = make.confirmed(event, "gone")
    Registration.objects.filter(pk=erased.pk).update(email=f"{erased.pk.hex}@{ERASED}")
    everybody = segments.Segment(status=segments.STATUSES)
    found = [address for _pk, address in segments.chosen(event, everybody, Registration.objects.filter(event=event))]
    assert sum(address.startswith("victim") for address in found) == 5
    assert [address for address in found if address.endswith(ERASED)] == []


def test_a_preview_is_asked_for_without_a_value_too(owner: User, event: Event) -> None:
    make.confirmed(event)
    body = {"subject": "S", "body": "B"}
    assert make.client(owner).post(f"/api/events/{event.pk}/messages/?preview", body).status_code == 200
    assert not Mailing.objects.exists()


def test_an_account_has_only_so_many_thousands_of_mails_sent(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_THOUSANDS", windows("2/hour"))
    limits.admit_mails(owner, 1999)
    with pytest.raises(ThrottledError):
        limits.admit_mails(owner, 1)
