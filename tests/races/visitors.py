"""Guests who speak HTTP, many at once, and what the database says when they are done."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import Any, TypeVar

import httpx
from django.db.models import Count

from turnout.events.models import Event, SeatPool
from turnout.notifications.models import Message
from turnout.registrations.models import Registration

T = TypeVar("T")
Call = Callable[[], T]

OVERSOLD = "more people have a seat than there are seats"
BESIDE_A_FREE_SEAT = "somebody waits beside a free seat"
MISCOUNTED = "a counter differs from the recount"
TWICE = "a person is active twice"


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    body: dict[str, Any]

    @property
    def outcome(self) -> str:
        """What became of the request, in short: the registration's status, or the error's code."""
        return str(self.body.get("status") if self.status < 300 else self.body.get("code", self.status))

    @property
    def brief(self) -> tuple[int, str]:
        """The HTTP status, and the outcome."""
        return self.status, self.outcome


@dataclass(frozen=True)
class Site:
    """The server, as its guests know it."""

    client: httpx.Client

    def register(self, key: str, **fields: object) -> Answer:
        """Register under an Idempotency-Key."""
        return self._send("POST", "", fields, {"Idempotency-Key": key})

    def confirm(self, registration: Registration) -> Answer:
        """Follow the link in the mail."""
        return self._send("POST", "confirm-email/", {"token": registration.confirmation_token})

    def cancel(self, registration: Registration) -> Answer:
        """Give it up."""
        return self._send("POST", f"{registration.id}/cancel/", {}, _key(registration))

    def change(self, registration: Registration, **fields: object) -> Answer:
        """Change some fields."""
        return self._send("PATCH", f"{registration.id}/", fields, _key(registration))

    def show(self, registration: Registration) -> Answer:
        """Look at it."""
        return self._send("GET", f"{registration.id}/", None, _key(registration))

    def _send(self, method: str, path: str, body: object, headers: dict[str, str] | None = None) -> Answer:
        response = self.client.request(method, f"/api/registrations/{path}", json=body, headers=headers)
        is_json = response.headers.get("content-type", "").partition(";")[0].endswith("json")
        return Answer(response.status_code, response.json() if is_json else {"text": response.text})


def _key(registration: Registration) -> dict[str, str]:
    return {"X-Registration-Token": registration.manage_token}


@contextmanager
def visiting(url: str) -> Iterator[Site]:
    """Open a site. Each request has a connection of its own, as requests of different people have."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    with httpx.Client(base_url=url, timeout=60, limits=limits, trust_env=False) as client:
        yield Site(client)


def at_once(calls: Sequence[Call[T]]) -> list[T]:
    """Make all these calls at the same moment, each in a thread; return their results in the order of the calls."""
    barrier = Barrier(len(calls), timeout=60)

    def run(call: Call[T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def press(site: Site, event: Event, *, people: int) -> list[int]:
    """Let so many people register at once, from one address; return the statuses of the answers."""
    fields = {"event": str(event.id), "full_name": "Amina", "attendance_type": "on_site"}
    posts = [
        partial(site.register, f"{event.id}-{number}", email=f"guest{number}@example.com", **fields)
        for number in range(people)
    ]
    return [answer.status for answer in at_once(posts)]


def dice(seed: int) -> random.Random:
    """Return dice that fall the same way each time."""
    return random.Random(seed)


def late(rolls: random.Random, call: Call[T]) -> Call[T]:
    """Return the call, begun up to eight milliseconds late: so that in many rounds two calls meet at every point."""
    return after(rolls.uniform(0, 0.008), call)


def after(seconds: float, call: Call[T]) -> Call[T]:
    """Return the call, begun so much later."""

    def run() -> T:
        time.sleep(seconds)
        return call()

    return run


def broken(event: Event) -> set[str]:
    """Return which of the things that must always be true of an event's seats are not."""
    found = set()
    for pool in SeatPool.objects.filter(event=event):
        rows = Registration.objects.filter(event=event)
        if pool.attendance_type:
            rows = rows.filter(attendance_type=pool.attendance_type)
        seated, waiting = (rows.filter(status=status).count() for status in ("confirmed", "waitlisted"))
        if (seated, waiting) != (pool.taken, pool.waiting):
            found.add(MISCOUNTED)
        if pool.capacity is not None and seated > pool.capacity:
            found.add(OVERSOLD)
        if waiting and (pool.capacity is None or seated < pool.capacity):
            found.add(BESIDE_A_FREE_SEAT)
    active = Registration.objects.filter(event=event, status__in=Registration.ACTIVE)
    if active.values("email").annotate(times=Count("id")).filter(times__gt=1).exists():
        found.add(TWICE)
    return found


def pools(event: Event) -> dict[str, tuple[int, int, int]]:
    """Return each pool's counters by attendance type: taken, waiting, and the last place in line ever given."""
    rows = SeatPool.objects.filter(event=event)
    return {pool.attendance_type: (pool.taken, pool.waiting, pool.seq) for pool in rows}


def owed(registration: Registration) -> list[str]:
    """Return which mails the person was owed, in the order in which that came to be."""
    kinds = Message.objects.filter(subject=registration.id).order_by("created_at", "id")
    return [kind.removeprefix("registration.") for kind in kinds.values_list("kind", flat=True)]


def outcomes(answers: Sequence[Answer]) -> Counter[tuple[int, str]]:
    """Return how often each answer was given."""
    return Counter(answer.brief for answer in answers)
