"""Invariant 4: what is owed is written with the deed, and delivered by whoever holds the lease."""

import smtplib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, transaction
from pytest_django import Settings

from tests.support import make
from turnout.core.clock import now
from turnout.core.models import AuditEntry
from turnout.notifications.actions import deliver_due, note_bounce, owe, owe_after_all, send_again, withdraw
from turnout.notifications.actions.delivery import ATTEMPTS, BATCH
from turnout.notifications.markdown import defused
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

GREYLISTED = smtplib.SMTPRecipientsRefused({"a@example.org": (450, b"4.7.1 greylisted")})
NO_SUCH_USER = smtplib.SMTPRecipientsRefused({"a@example.org": (550, b"5.1.1 no such user")})


@pytest.fixture(autouse=True)
def _memory_is_the_mail_server(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the mail server fail with the error that the test names."""
    with mock.patch.object(EmailBackend, "send_messages", side_effect=request.param):
        yield


def html_of(message: EmailMessage) -> str:
    assert isinstance(message, EmailMultiAlternatives)
    return str(message.alternatives[0][0])


def state() -> tuple[str, int]:
    message = Message.objects.get()
    return message.state, message.attempts


def test_a_message_is_owed_once() -> None:
    registration = make.pending(make.event())
    with pytest.raises(IntegrityError), transaction.atomic():
        owe("registration.confirm", registration.id, registration.email)
    owe("registration.confirm", registration.id, registration.email, version=2)


def test_a_deed_undone_owes_nothing() -> None:
    event = make.event()

    def undone() -> None:
        with transaction.atomic():
            make.pending(event)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert Message.objects.count() == 0


def test_what_is_due_is_sent_once_with_a_message_id_of_its_own() -> None:
    for _ in range(3):
        make.pending(make.event())
    assert [deliver_due(), deliver_due()] == [3, 0]
    sent = {message.message()["Message-ID"] for message in mail.outbox}
    assert sent == {f"<{pk}@127.0.0.1>" for pk in Message.objects.values_list("pk", flat=True)}
    assert set(Message.objects.values_list("state", "lease", "last_error")) == {("sent", None, "")}


def test_urgent_messages_go_before_thousands_of_others_and_patient_ones_behind() -> None:
    event = make.event()
    people = [make.pending(event) for _ in range(BATCH + 5)]
    Message.objects.all().delete()
    *many, late, soon = people
    owe("registration.confirm", late.id, late.email, patience=1)
    for person in many:
        owe("registration.confirm", person.id, person.email)
    owe("registration.confirm", soon.id, soon.email, urgent=True)
    deliver_due()
    assert mail.outbox[0].to == [soon.email]
    assert len(mail.outbox) == BATCH
    deliver_due()
    assert [message.to for message in mail.outbox[1:]] == [[person.email] for person in [*many, late]]


def test_what_was_void_and_is_true_again_goes_out_after_all() -> None:
    registration, other = make.pending(make.event()), make.pending(make.event())
    Message.objects.filter(subject=registration.pk).update(state="void", attempts=1)
    Message.objects.filter(subject=other.pk).update(state="sent", sent_at=now())
    assert owe_after_all("registration.confirm", [registration.pk, other.pk]) == 1
    assert (deliver_due(), [message.to for message in mail.outbox]) == (1, [[registration.email]])


def test_batches_follow_each_other_until_nothing_is_due() -> None:
    event = make.event()
    for _ in range(BATCH + 3):
        make.pending(event)
    assert [deliver_due(), deliver_due(), deliver_due()] == [BATCH, 3, 0]


@pytest.mark.parametrize("broken", [GREYLISTED], indirect=True)
@pytest.mark.usefixtures("broken")
def test_a_passing_failure_is_tried_again_later_and_later() -> None:
    make.pending(make.event(starts_at=now() + timedelta(days=60)))
    waits = []
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(ATTEMPTS):
            deliver_due()
            waits.append(Message.objects.get().due_at - now())
            assert deliver_due() == 0  # not before its time
            clock.shift(waits[-1])
    assert state() == ("dead", ATTEMPTS)
    assert all(timedelta(seconds=15) * 2**n <= wait <= timedelta(seconds=30) * 2**n for n, wait in enumerate(waits[:9]))
    assert max(waits) <= timedelta(hours=6)


def test_after_a_failure_the_message_still_goes_out() -> None:
    make.pending(make.event())
    with mock.patch.object(EmailBackend, "send_messages", side_effect=GREYLISTED):
        deliver_due()
    assert (state(), Message.objects.get().last_error) == (
        ("due", 1),
        "SMTPRecipientsRefused: {'[address]': (450, b'4.7.1 greylisted')}",
    )
    with time_machine.travel(now() + timedelta(minutes=1)):
        deliver_due()
    assert (state(), len(mail.outbox)) == (("sent", 2), 1)


@pytest.mark.parametrize("broken", [NO_SUCH_USER], indirect=True)
@pytest.mark.usefixtures("broken")
def test_a_lasting_refusal_is_given_up_at_once() -> None:
    make.pending(make.event())
    deliver_due()
    assert state() == ("dead", 1)


@pytest.mark.parametrize("broken", [smtplib.SMTPSenderRefused(530, b"authentication required", "x")], indirect=True)
@pytest.mark.usefixtures("broken")
def test_a_refused_sender_is_our_own_fault_and_no_message_ever_dies_of_it() -> None:
    make.pending(make.event())
    Message.objects.update(attempts=ATTEMPTS)
    deliver_due()
    assert state() == ("due", ATTEMPTS)


def test_a_mail_that_can_not_be_rendered_is_tried_again_and_holds_up_no_other() -> None:
    event = make.event()
    bad, good = make.pending(event), make.pending(event)
    Message.objects.filter(subject=bad.pk).update(kind="registration.nonsense")
    deliver_due()
    assert dict(Message.objects.values_list("recipient", "state")) == {bad.email: "due", good.email: "sent"}
    assert Message.objects.get(recipient=bad.email).last_error == "KeyError: 'registration.nonsense'"


def test_what_was_given_up_can_be_sent_again() -> None:
    make.pending(make.event())
    Message.objects.update(state="dead", attempts=ATTEMPTS)
    assert send_again(Message.objects.get(), actor="user:x")
    assert not send_again(Message.objects.get(), actor="user:x")
    assert (deliver_due(), state()) == (1, ("sent", 1))


def test_what_came_back_is_noted_once_without_addresses_and_can_be_sent_again() -> None:
    message = Message.objects.get(subject=make.pending(make.event()).pk)
    deliver_due()
    assert [note_bounce(message.pk, text) for text in ("5.1.1 <a@example.org> unknown\0", "another")] == [True, False]
    assert not note_bounce(message.subject, "of nothing that we know")
    message.refresh_from_db()
    assert (message.state, message.bounce, message.bounced_at is not None) == (
        "sent",
        "5.1.1 <[address]> unknown",
        True,
    )
    assert list(AuditEntry.objects.filter(subject=message.pk).values_list("verb", flat=True)) == ["message.bounced"]
    assert send_again(message, actor="user:x")
    message.refresh_from_db()
    assert (message.state, message.bounce, message.bounced_at) == ("due", "", None)


def test_one_message_that_fails_holds_up_no_other() -> None:
    event = make.event()
    bad, good = make.pending(event), make.pending(event)
    send = EmailBackend.send_messages

    def refuse_one(backend: EmailBackend, messages: Sequence[EmailMessage]) -> int:
        if messages[0].to == [bad.email]:
            raise GREYLISTED
        return send(backend, messages)

    with mock.patch.object(EmailBackend, "send_messages", refuse_one):
        deliver_due()
    assert [message.to for message in mail.outbox] == [[good.email]]
    assert dict(Message.objects.values_list("recipient", "state")) == {bad.email: "due", good.email: "sent"}


def test_a_message_whose_turn_comes_too_late_is_not_sent() -> None:
    registration = make.pending(make.event())
    cancel(registration)
    deliver_due()
    assert (state()[0], mail.outbox) == ("void", [])


def test_while_one_holds_the_lease_no_other_delivers_and_after_it_another_does() -> None:
    make.pending(make.event())
    leased = now()
    Message.objects.update(lease=Message.objects.get().pk, leased_until=leased + timedelta(seconds=60), attempts=1)
    assert deliver_due() == 0
    with time_machine.travel(leased + timedelta(seconds=61)):
        assert deliver_due() == 1
    assert (state(), len(mail.outbox)) == (("sent", 2), 1)


@pytest.mark.parametrize("what", ["withdrawn", "erased"])
def test_what_is_withdrawn_or_of_somebody_erased_while_the_batch_is_under_way_is_not_sent(what: str) -> None:
    event = make.event()
    people = [make.pending(event, f"guest{number}") for number in range(2)]

    def meanwhile(_mailer: EmailBackend, messages: Sequence[EmailMessage]) -> int:
        mail.outbox.extend(messages)
        theirs = Message.objects.filter(state="due").exclude(recipient=messages[0].to[0])
        if what == "withdrawn":
            withdraw("registration.confirm", list(theirs.values_list("subject", flat=True)))
        else:
            theirs.update(state="void", recipient="nobody@erased.invalid", lease=None, leased_until=None)
        return 1

    with mock.patch.object(EmailBackend, "send_messages", meanwhile):
        assert deliver_due() == 2
    assert [message.to for message in mail.outbox] == [[people[0].email]]
    assert sorted(Message.objects.values_list("state", "attempts")) == [("sent", 1), ("void", 1)]


def test_what_is_due_anew_while_somebody_sends_it_keeps_no_lease_that_is_not_its_own() -> None:
    registration = make.pending(make.event())

    def meanwhile(_mailer: EmailBackend, _messages: Sequence[EmailMessage]) -> int:
        withdraw("registration.confirm", [registration.id])
        owe_after_all("registration.confirm", [registration.id])
        return 1

    with mock.patch.object(EmailBackend, "send_messages", meanwhile):
        deliver_due()
    assert state() == ("due", 0)


def test_what_came_back_while_it_goes_out_again_and_is_asked_for_once_more_is_nobodys_in_hand() -> None:
    make.pending(make.event())
    message = Message.objects.get()

    def meanwhile(_mailer: EmailBackend, _messages: Sequence[EmailMessage]) -> int:
        Message.objects.update(bounced_at=now(), bounce="5.1.1 no such user")
        send_again(message, actor="system")
        return 1

    with mock.patch.object(EmailBackend, "send_messages", meanwhile):
        deliver_due()
    assert state() == ("due", 0)


def test_who_lost_the_lease_neither_sends_nor_notes() -> None:
    event = make.event()
    first, second = make.pending(event), make.pending(event)
    send = EmailBackend.send_messages

    def steal(backend: EmailBackend, messages: Sequence[EmailMessage]) -> int:
        """Stand for a sending so slow that another worker took everything over in the meantime."""
        clock.shift(61)
        Message.objects.filter(state="due").update(lease=event.id)
        return send(backend, messages)

    with mock.patch.object(EmailBackend, "send_messages", steal), time_machine.travel(now(), tick=False) as clock:
        deliver_due()
    assert [message.to for message in mail.outbox] == [[first.email]]
    assert dict(Message.objects.values_list("recipient", "state")) == {first.email: "due", second.email: "due"}


@pytest.mark.parametrize("name", ["A <b>bold</b>", "{{ 7 }}{% load x %}", "Nul & Co", "evil.example"])
def test_a_name_is_text_in_a_mail_whatever_it_holds(name: str) -> None:
    make.pending(make.event(title=f"T {name}"), full_name=name)
    deliver_due()
    message = mail.outbox[0]
    assert f"Hello {defused(name)}," in message.body
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]  # EmailMultiAlternatives
    assert "<b>" not in html
    assert 'href="http://evil' not in html
    assert defused(name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in html


def test_a_title_of_several_lines_is_one_line_in_the_header() -> None:
    make.pending(make.event(title="One\r\nBcc: everybody@example.org"))
    deliver_due()
    composed = mail.outbox[0].message()
    assert composed["Subject"] == "Confirm your registration: One Bcc: everybody@example.org"
    assert composed["Bcc"] is None


def test_the_link_is_the_same_in_text_and_html_and_on_our_own_origin(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://events.example.org"
    registration = make.pending(make.event())
    deliver_due()
    link = f"https://events.example.org/confirm/?token={registration.confirmation_token}"
    html = html_of(mail.outbox[0])
    assert mail.outbox[0].body.count(link) == html.count(f'href="{link}"') == 1
    assert str(mail.outbox[0].message()["Message-ID"]).endswith("@events.example.org>")


def test_the_mail_with_the_ticket_carries_it_as_a_file() -> None:
    make.confirmed(make.event(capacity=1))
    make.confirmed(Registration.objects.get().event)
    deliver_due()
    carried = {message.subject.partition(":")[0]: len(message.attachments) for message in mail.outbox}
    assert carried == {"Your ticket": 2, "You are on the waiting list": 0}  # and what calendars open
    name, content, media_type = mail.outbox[0].attachments[0]
    assert (name, media_type, content[:5]) == ("ticket.pdf", "application/pdf", b"%PDF-")
