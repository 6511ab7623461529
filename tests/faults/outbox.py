"""Very many mails that are owed, a mail server in a process of its own that they go to, and whom to kill meanwhile."""

import itertools
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db import transaction

from tests.faults.mailserver import CONNECTED
from tests.races.processes import PRODUCT, Place, kill
from tests.support import make
from turnout.core.clock import now
from turnout.notifications.actions import owe_many
from turnout.notifications.models import Message
from turnout.registrations.models import CONFIRM_MAIL, Registration

_PATIENCE = 60  # seconds in which nothing arrives

Start = Callable[[], subprocess.Popen[bytes]]


@transaction.atomic
def owe_in_bulk(count: int) -> set[str]:
    """Owe a mail to each of so many people who registered, and no other mails to anybody; return their addresses."""
    Message.objects.all().delete()
    event, start = make.event(), now()
    people = Registration.objects.bulk_create(
        Registration(
            event=event,
            full_name=f"Guest {number}",
            email=f"guest{number}.{event.id.hex}@example.org",
            attendance_type="on_site",
            created_at=start,
            expires_at=start + timedelta(days=7),
        )
        for number in range(count)
    )
    owe_many(CONFIRM_MAIL, [(person.id, person.email) for person in people])
    return {person.email for person in people}


@dataclass
class Scene:
    """An installation, its mail server, and all processes that may be killed."""

    place: Place
    book: Path  # of the mail server
    port: int
    before: float  # seconds until the mail server takes a mail
    after: float  # seconds until its sender knows
    environment: dict[str, str] = field(default_factory=dict)
    entrance: Sequence[str] = PRODUCT
    processes: dict[str, tuple[Start, subprocess.Popen[bytes]]] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)

    def mail_server(self, name: str = "mail server") -> None:
        """Start the mail server."""
        words = ["-m", "tests.faults.mailserver", str(self.port), str(self.book), str(self.before), str(self.after)]
        self._start(name, partial(self.place.start, words))

    def worker(self, name: str = "worker") -> None:
        """Start a worker."""
        self._start(name, partial(self.place.start, [*self.entrance, "worker"], **self._environment()))

    def web_server(self, name: str = "web server") -> None:
        """Start a server with a worker inside."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        words = [*self.entrance, "serve", "--bind", address, "--workers", "1"]
        self._start(name, partial(self.place.start, words, **self._environment()))

    def kill(self, name: str) -> None:
        """End it as a power cut would, and start it again."""
        start, process = self.processes[name]
        assert process.poll() is None, f"the {name} had ended by itself"
        kill(process)
        self.killed[name.rstrip("0123456789 ")] += 1
        self._start(name, start)

    def arrived(self) -> list[tuple[str, str]]:
        """Return to whom each mail went that the mail server took, and its Message-ID."""
        lines = self.book.read_text().splitlines() if self.book.exists() else []
        return [(words[0], words[1]) for line in lines if len(words := line.split()) == 2]

    def connections(self) -> int:
        """Return how often somebody connected to the mail server."""
        return self.book.read_text().split().count(CONNECTED)

    def await_arrivals(self, count: int) -> None:
        """Wait until so many mails have arrived."""
        self._await(lambda: len(self.arrived()) >= count)

    def await_delivery(self) -> None:
        """Wait until nothing is due any more."""
        self._await(lambda: not Message.objects.filter(state=Message.State.DUE).exists())

    def end(self) -> None:
        """End all processes."""
        for _, process in self.processes.values():
            kill(process)

    def _start(self, name: str, start: Start) -> None:
        self.processes[name] = start, start()

    def _environment(self) -> dict[str, str]:
        return {"EMAIL_URL": f"smtp://127.0.0.1:{self.port}", "OUTBOX_LEASE_SECONDS": "5", **self.environment}

    def _await(self, happened: Callable[[], bool]) -> None:
        known, since = -1, time.monotonic()
        while not happened():
            size = self.book.stat().st_size if self.book.exists() else 0
            if size != known:
                known, since = size, time.monotonic()
            assert time.monotonic() - since < _PATIENCE, f"nothing more arrives after {len(self.arrived())} mails"
            time.sleep(0.1)


_numbers = itertools.count()


@contextmanager
def scene(
    place: Place, *, before: float = 0, after: float = 0, entrance: Sequence[str] = PRODUCT, **environment: str
) -> Iterator[Scene]:
    """Yield a scene with a mail server that runs, and end all that is started there."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    new = Scene(place, place.folder / f"mails{next(_numbers)}", port, before, after, environment, entrance)
    with ExitStack() as stack:
        stack.callback(new.end)
        new.mail_server()
        yield new
