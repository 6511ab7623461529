"""Mails that are owed, and a real SMTP server in the test's own process that they go to."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from socket import create_server

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import transaction

from tests.support import make
from turnout.notifications.models import Message

_PATIENCE = 60  # seconds


@dataclass
class Postbox:
    """All that arrived, in order: to whom, and under which Message-ID."""

    seconds: float  # for which it lets each sender wait, once the mail is in
    arrived: list[tuple[str, str]] = field(default_factory=list)
    most_at_once: int = 0  # how many senders waited at the same time
    # Called when a mail is in and its sender does not know it yet.
    on_arrival: Callable[[], None] = lambda: None
    _waiting: int = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Take a mail."""
        content = message_from_bytes(envelope.original_content or b"")
        self.arrived += [(recipient, str(content["Message-ID"])) for recipient in envelope.rcpt_tos]
        self._waiting += 1
        self.most_at_once = max(self.most_at_once, self._waiting)
        self.on_arrival()
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._waiting -= 1
        return "250 OK"

    def copies(self) -> Counter[tuple[str, str]]:
        """Return how often each mail arrived."""
        return Counter(self.arrived)


@contextmanager
def receiving(postbox: Postbox) -> Iterator[int]:
    """Take mail into the postbox; yield the port."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(postbox, hostname="127.0.0.1", port=port, ready_timeout=30)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def owe_mails(count: int) -> list[str]:
    """Owe a mail to each of so many people, and no other mails to anybody; return their addresses, sorted."""
    with transaction.atomic():
        Message.objects.all().delete()
        event = make.event()
        return sorted(make.pending(event).email for _ in range(count))


def await_delivery() -> None:
    """Wait until no mail is due any more."""
    await_that(lambda: not Message.objects.filter(state=Message.State.DUE).exists())


def await_that(happened: Callable[[], bool]) -> None:
    """Wait until something is so; AssertionError if that takes too long."""
    deadline = time.monotonic() + _PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.02)
