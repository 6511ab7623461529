"""The connection to a real mail server: one a batch, another where it breaks, and none while the server is away."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from tests.support import make
from turnout.notifications.actions import deliver_due
from turnout.notifications.actions.delivery import _server
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db

Reply = Callable[[SMTP, Envelope], str]


@dataclass
class Server:
    """Counts its connections, keeps what arrives, and answers DATA as the test says."""

    reply: Reply = lambda _server, _envelope: "250 OK"
    connections: int = 0
    arrived: list[str] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return answers

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        said = self.reply(server, envelope)
        if said == "":
            await asyncio.sleep(60)
        if said.startswith("250"):
            self.arrived += envelope.rcpt_tos
        return said


@contextmanager
def listening(settings: Settings, server: Server) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_PORT = port
    try:
        yield server
    finally:
        controller.stop()


@pytest.fixture(autouse=True)
def _by_smtp(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "turnout.notifications.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = 9  # where nobody is
    settings.EMAIL_TIMEOUT = 0.3


@pytest.fixture
def owed() -> list[str]:
    """Return the addresses of five people who are owed a mail each, in the order of their turns."""
    event = make.event()
    return [make.pending(event).email for _ in range(5)]


def once(number: int, said: Callable[[SMTP], str]) -> Reply:
    """Answer the mail of this number in another way than all others, the first time that it comes."""
    seen: list[str] = []

    def reply(server: SMTP, envelope: Envelope) -> str:
        seen.extend(envelope.rcpt_tos)
        return said(server) if len(seen) == number else "250 OK"

    return reply


def drop(server: SMTP) -> str:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()
    return "550 nobody reads this"


def states() -> list[tuple[str, str, int]]:
    return list(Message.objects.order_by("id").values_list("recipient", "state", "attempts"))


def rested() -> None:
    """Let the pause be over."""
    _server.rests_until = time.monotonic()


def test_a_batch_goes_over_one_connection(settings: Settings, owed: list[str]) -> None:
    with listening(settings, Server()) as server:
        assert deliver_due() == 5
    assert (server.connections, server.arrived) == (1, owed)


@pytest.mark.parametrize("said", [drop, lambda _server: "421 too many mails over this connection"])
def test_where_the_server_ends_the_connection_all_go_over_another_at_once(
    settings: Settings, owed: list[str], said: Callable[[SMTP], str]
) -> None:
    with listening(settings, Server(reply=once(3, said))) as server:
        assert deliver_due() == 5
    assert (server.connections, server.arrived) == (2, owed)
    assert states() == [(address, "sent", 1) for address in owed]


def test_a_message_that_breaks_each_connection_is_put_off_and_the_others_go(
    settings: Settings, owed: list[str]
) -> None:
    def reply(server: SMTP, envelope: Envelope) -> str:
        return drop(server) if envelope.rcpt_tos == owed[1:2] else "250 OK"

    with listening(settings, Server(reply=reply)) as server:
        deliver_due()
        assert [attempts for _, _, attempts in states()] == [1, 1, 0, 0, 0]
        assert deliver_due() == 0  # the server is left alone for a while
        rested()
        deliver_due()
    assert server.arrived == [owed[0], *owed[2:]]
    assert states() == [(address, "due" if address == owed[1] else "sent", 1) for address in owed]


@pytest.mark.parametrize("silent", [True, False])
def test_a_dead_or_silent_server_costs_one_connection_a_pause_and_no_message_an_attempt(
    settings: Settings, owed: list[str], *, silent: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings.EMAIL_PORT = mute.getsockname()[1] if silent else 9
        began = time.monotonic()
        assert [deliver_due() for _ in range(20)] == [0] * 20
        assert time.monotonic() - began < 1
        mute.settimeout(0.1)
        assert taken(mute) == int(silent)
    assert states() == [(address, "due", 0) for address in owed]
    assert [bool(error) for error in Message.objects.order_by("id").values_list("last_error", flat=True)] == [
        True,  # people see what is wrong on the message that would go first
        *[False] * 4,
    ]
    first = _server.rests_until
    rested()
    deliver_due()
    assert _server.failures == 2
    assert _server.rests_until > first
    with listening(settings, Server()) as server:
        rested()
        assert deliver_due() == 5
    assert (server.arrived, _server.failures) == (owed, 0)


def test_where_the_server_falls_silent_one_message_is_put_off_and_the_others_lose_nothing(
    settings: Settings, owed: list[str]
) -> None:
    with listening(settings, Server(reply=once(2, lambda _server: ""))) as server:
        began = time.monotonic()
        deliver_due()
        assert time.monotonic() - began < 2
        assert server.connections == 1  # it may have taken the mail: the same again would be a second copy
        assert [(state, attempts) for _, state, attempts in states()] == [("sent", 1), ("due", 1), *[("due", 0)] * 3]
        rested()
        deliver_due()
    assert server.arrived == [owed[0], *owed[2:]]


def test_where_we_are_not_known_no_message_loses_anything(settings: Settings, owed: list[str]) -> None:
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = "wrong"
    with listening(settings, Server()):
        assert deliver_due() == 0
    assert states() == [(address, "due", 0) for address in owed]
    assert Message.objects.earliest("id").last_error.startswith("SMTPNotSupportedError")


def test_a_sender_who_is_refused_puts_one_message_off_for_minutes_and_counts_for_none(
    settings: Settings, owed: list[str]
) -> None:
    with listening(settings, Server(reply=lambda *_: "550 sender not verified")) as server:
        deliver_due()
        rested()
        deliver_due()
    assert states() == [(address, "due", 0) for address in owed]
    assert (server.connections, Message.objects.exclude(last_error="").count()) == (2, 2)


def taken(mute: socket.socket) -> int:
    """Return how many connections wait to be accepted."""
    count = 0
    while True:
        try:
            mute.accept()[0].close()
        except TimeoutError:
            return count
        count += 1
