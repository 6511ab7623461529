"""What comes back by mail: notifications as mail servers write them, and as nobody should."""

import io
import os
import sys
from types import SimpleNamespace
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from hypothesis import HealthCheck, given
from hypothesis import settings as rigour
from hypothesis import strategies as st
from pytest_django import Settings

from tests.support import make
from turnout.jobs.management.commands import bounces
from turnout.notifications.actions import deliver_due
from turnout.notifications.bounces import Bounce, bounces_in
from turnout.notifications.mail import compose, message_id
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db

POSTFIX = """\
From <> Sat Nov 21 16:51:34 2026
Return-Path: <>
X-Original-To: {to}
Delivered-To: {to}
Date: Sat, 21 Nov 2026 16:51:34 +0000 (UTC)
From: MAILER-DAEMON@mail.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="4D0F1.1763743894/mail.example.net"

--4D0F1.1763743894/mail.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<{recipient}>: host mx.example.org[192.0.2.7] said: 550 5.1.1
    <{recipient}>: Recipient address rejected: User unknown (in reply to RCPT TO command)

--4D0F1.1763743894/mail.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.net
X-Postfix-Queue-ID: 4D0F1
Arrival-Date: Sat, 21 Nov 2026 16:51:33 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: Recipient address rejected:
    User unknown

--4D0F1.1763743894/mail.example.net
Content-Description: Undelivered Message
Content-Type: message/rfc822

{returned}
--4D0F1.1763743894/mail.example.net--
"""

# With headers alone, in a part of another type, and the report's own headers folded in another way.
EXIM = """\
Return-path: <>
To: {to}
Content-Type: multipart/report; report-type=delivery-status;
 boundary=1763743894-eximdsn-123

--1763743894-eximdsn-123
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

From here on nothing is an mbox: 16:51

--1763743894-eximdsn-123
Content-type: message/delivery-status

Reporting-MTA: dns; host.example.net

Action: {action}
Final-Recipient: rfc822;{recipient}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: Recipient address rejected: User unknown

--1763743894-eximdsn-123
Content-type: text/rfc822-headers

{headers}

--1763743894-eximdsn-123--
"""
SAID = "5.1.1 550 5.1.1 <[address]>: Recipient address rejected: User unknown"


@pytest.fixture(autouse=True)
def _memory_is_the_mail_server(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def sent() -> Message:
    """Return a message that the mail server has taken."""
    make.pending(make.event(title="Café"))
    deliver_due()
    return Message.objects.get()


def notification(
    form: str, message: Message, *, to: str = "bounces@example.net", action: str = "failed", status: str = "5.1.1"
) -> bytes:
    composed = compose(message)
    assert composed is not None
    returned = composed.message().as_bytes().decode()
    headers = returned.partition("\n\n")[0]
    facts = {"to": to, "recipient": message.recipient, "action": action, "status": status}
    return form.format(returned=returned, headers=headers, **facts).encode()


def read(content: bytes) -> None:
    """Hand it to the command, as a mail server's alias does; it must say nothing."""
    out, stdin = io.StringIO(), SimpleNamespace(buffer=io.BytesIO(content))
    with mock.patch.object(sys, "stdin", stdin):
        call_command("bounces", stdout=out, stderr=out)
    assert out.getvalue() == ""


def noted(message: Message) -> str:
    message.refresh_from_db()
    assert (message.bounced_at is not None) == bool(message.bounce)
    return message.bounce


@pytest.mark.parametrize("form", [POSTFIX, EXIM])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_what_came_back_is_known_by_the_message_id_among_what_was_returned(
    sent: Message, form: str, line_end: bytes
) -> None:
    read(notification(form, sent).replace(b"\n", line_end))
    assert noted(sent) == SAID


def test_or_by_the_address_that_it_came_back_to(sent: Message) -> None:
    content = notification(POSTFIX, sent, to=f"bounces+{sent.pk.hex}@example.net").replace(
        message_id(sent).encode(), b"<lost@example.net>"
    )
    read(content)
    assert noted(sent) == SAID


def test_several_are_read_at_once_and_again_without_harm() -> None:
    for _ in range(3):
        make.pending(make.event())
    deliver_due()
    messages = list(Message.objects.order_by("id"))
    mbox = b"\n\n".join(notification(POSTFIX, message) for message in messages)
    for _ in range(2):
        read(mbox)
    assert [noted(message) for message in messages] == [SAID] * 3


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.7"), ("delivered", "2.1.5"), ("relayed", "2.0.0")])
def test_what_is_late_or_arrived_did_not_come_back(sent: Message, action: str, status: str) -> None:
    read(notification(POSTFIX, sent, action=action, status=status))
    assert noted(sent) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00\xfe" * 99,
        b"From \nFrom \nFrom ",
        b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n",
        b"Content-Type: multipart/report; boundary=x\n\n" * 5000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)),
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n????",
    ],
    ids=["nothing", "bytes", "separators", "half", "headers", "depth", "encoding"],
)
def test_what_is_no_notification_does_nothing(sent: Message, content: bytes) -> None:
    read(content)
    read(content + notification(EXIM, sent)[:-400])
    assert noted(sent) == ""


@rigour(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_notification_torn_and_twisted_in_any_way_says_what_it_said_or_nothing(
    sent: Message, data: st.DataObject
) -> None:
    content = bytearray(notification(POSTFIX, sent))
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + data.draw(st.integers(0, 200))] = data.draw(st.binary(max_size=30))
    for found in bounces_in(bytes(content)):
        assert isinstance(found, Bounce)


def test_while_the_database_is_away_the_mail_server_is_told_to_try_again(sent: Message) -> None:
    with mock.patch.object(bounces, "note_bounce", side_effect=OperationalError), pytest.raises(CommandError) as failed:
        read(notification(POSTFIX, sent))
    assert failed.value.returncode == os.EX_TEMPFAIL
