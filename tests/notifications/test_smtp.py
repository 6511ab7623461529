"""Mail through a real SMTP server, to addresses of every script."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from socket import create_server

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from tests.support import make
from turnout.notifications.actions import deliver_due
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db


class Postbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.arrived: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # its name
        self.arrived.append(envelope)
        return "250 OK"


@pytest.fixture
def postbox(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Postbox]:
    """Yield what arrives at a server that knows SMTPUTF8, or, where the test says so, at one that does not."""
    box = Postbox()
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, enable_SMTPUTF8=getattr(request, "param", True))
    controller.start()
    settings.EMAIL_BACKEND = "turnout.notifications.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    yield box
    controller.stop()


@pytest.mark.parametrize("address", ["jose@example.org", "josé@example.org", "أمينة@example.org"])
def test_a_mail_arrives_at_the_very_address(postbox: Postbox, address: str) -> None:
    make.confirmed(make.event(title="Café"), email=address)
    deliver_due()
    envelope = postbox.arrived[0]
    assert envelope.rcpt_tos == [address]
    message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
    assert (message["To"], message["Subject"]) == (address, "Your ticket: Café")
    assert [part.get_filename() for part in message.iter_attachments()] == ["ticket.pdf", "invite.ics"]


@pytest.mark.parametrize("postbox", [False], indirect=True)
def test_a_server_that_knows_no_such_address_gets_no_other_one(postbox: Postbox) -> None:
    event = make.event()
    make.pending(event, email="josé@example.org")
    plain = make.pending(event)
    deliver_due()
    assert [envelope.rcpt_tos for envelope in postbox.arrived] == [[plain.email]]
    assert dict(Message.objects.values_list("recipient", "state")) == {"josé@example.org": "dead", plain.email: "sent"}


@pytest.mark.parametrize("address", ["bounces@example.net", "bounces+{id}@example.net", ""])
@pytest.mark.parametrize("recipient", ["jose@example.org", "josé@example.org"])
def test_a_mail_comes_back_to_the_address_that_is_set_and_is_from_the_same_sender(
    postbox: Postbox, settings: Settings, address: str, recipient: str
) -> None:
    settings.BOUNCE_ADDRESS, settings.DEFAULT_FROM_EMAIL = address, "events@example.net"
    make.pending(make.event(), email=recipient)
    deliver_due()
    back_to = address.replace("{id}", Message.objects.get().pk.hex) or "events@example.net"
    assert [(envelope.mail_from, envelope.rcpt_tos) for envelope in postbox.arrived] == [(back_to, [recipient])]
    message = message_from_bytes(postbox.arrived[0].original_content or b"", policy=policy.default)
    assert (message.get_all("From"), message["To"]) == (["Turnout <events@example.net>"], recipient)
