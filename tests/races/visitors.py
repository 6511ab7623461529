"""Guests and people with accounts who speak HTTP, many at once, and what the database says when they are done."""

import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any, TypeVar, cast

import httpx
from django.db import connection
from django.db.models import Count

from tests.races.processes import Place
from tests.support.databases import as_default
from tests.support.scale import FULL
from turnout.accounts.actions.sessions import SignedIn
from turnout.accounts.models import Role, TokenFamily, User
from turnout.api.tokens import tokens_of
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.models import Event, SeatPool
from turnout.notifications.models import Message
from turnout.registrations.models import Registration

T = TypeVar("T")
Call = Callable[[], T]

_PATIENCE = 600 if FULL else 60  # seconds
_TLS = ssl.create_default_context()  # made once: it takes longer than a request

OVERSOLD = "more people have a seat than there are seats"
BESIDE_A_FREE_SEAT = "somebody waits beside a free seat"
MISCOUNTED = "a counter differs from the recount"
TWICE = "a person is active twice"
ONE_PLACE_FOR_TWO = "two people have one place in line"


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
class Member:
    """Somebody with an account, signed in."""

    user: User
    access: str

    @property
    def headers(self) -> dict[str, str]:
        """What each of their requests carries."""
        return {"Authorization": f"Bearer {self.access}"}


@dataclass(frozen=True)
class Site:
    """The server, as its guests and its members know it."""

    client: httpx.Client

    def register(self, key: str, **fields: object) -> Answer:
        """Register under an Idempotency-Key."""
        return self._send("POST", "registrations/", fields, {"Idempotency-Key": key})

    def confirm(self, registration: Registration) -> Answer:
        """Follow the link in the mail."""
        return self._send("POST", "registrations/confirm-email/", {"token": registration.confirmation_token})

    def cancel(self, registration: Registration) -> Answer:
        """Give it up."""
        return self._hold("POST", registration, "cancel/", {})

    def change(self, registration: Registration, **fields: object) -> Answer:
        """Change some fields."""
        return self._hold("PATCH", registration, "", fields)

    def show(self, registration: Registration) -> Answer:
        """Look at it."""
        return self._hold("GET", registration, "", None)

    def accept(self, registration: Registration) -> Answer:
        """Take the seat that is offered."""
        return self._hold("POST", registration, "accept/", {})

    def still_coming(self, registration: Registration) -> Answer:
        """Keep the seat."""
        return self._hold("POST", registration, "still-coming/", {})

    def enroll(self, member: Member, event: Event, **fields: object) -> Answer:
        """Enroll, as somebody with an account."""
        return self._send("POST", f"events/{event.id}/enroll/", fields, member.headers)

    def leave(self, member: Member, event: Event) -> Answer:
        """Cancel one's enrollment."""
        return self._send("POST", f"events/{event.id}/cancel/", {}, member.headers)

    def decide(self, owner: Member, registration: Registration, word: str, **fields: object) -> Answer:
        """Decide about somebody: approve, decline, or move in line."""
        return self._send("POST", f"registrations/{registration.id}/{word}/", fields, owner.headers)

    def change_event(self, owner: Member, event: Event, **fields: object) -> Answer:
        """Change an event."""
        return self._send("PATCH", f"events/{event.id}/", fields, owner.headers)

    def write(self, owner: Member, event: Event, key: str, **fields: object) -> Answer:
        """Write to who has a seat, under an Idempotency-Key."""
        return self._send("POST", f"events/{event.id}/messages/", fields, {**owner.headers, "Idempotency-Key": key})

    def scan(self, scanner: Member, scan: dict[str, object]) -> Answer:
        """Scan a ticket with network."""
        return self._send("POST", "attendance/check-in/", scan, scanner.headers)

    def sync(self, scanner: Member, scans: Sequence[dict[str, object]]) -> Answer:
        """Send scans that were made without network."""
        return self._send("POST", "attendance/sync/", {"scans": scans}, scanner.headers)

    def _hold(self, method: str, registration: Registration, path: str, body: object) -> Answer:
        return self._send(method, f"registrations/{registration.id}/{path}", body, _key(registration))

    def _send(self, method: str, path: str, body: object, headers: dict[str, str] | None = None) -> Answer:
        response = self.client.request(method, f"/api/{path}", json=body, headers=headers)
        is_json = response.headers.get("content-type", "").partition(";")[0].endswith("json")
        return Answer(response.status_code, response.json() if is_json else {"text": response.text})


def _key(registration: Registration) -> dict[str, str]:
    return {"X-Registration-Token": registration.manage_token}


class _OwnConnections(httpx.BaseTransport):
    """A connection of its own for each request, as requests of different people have.

    A pool does not do: with a thousand threads it closes some in use.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with httpx.HTTPTransport(verify=_TLS) as connection:
            response = connection.handle_request(request)
            response.read()
        return response


@contextmanager
def visiting(url: str) -> Iterator[Site]:
    """Open a site."""
    with httpx.Client(base_url=url, timeout=_PATIENCE, transport=_OwnConnections(), trust_env=False) as client:
        yield Site(client)


def members(count: int, *, role: str = Role.SEEKER) -> list[Member]:
    """Return so many people with accounts, signed in: written at once, without a password to hash for each."""
    start = now()
    addresses = [f"{new_id().hex}@example.org" for _ in range(count)]
    users = [User(email=address, name="Amina", role=role, address_verified=True) for address in addresses]
    for user in users:
        user.clean()
        user.set_unusable_password()
    User.objects.bulk_create(users)
    families = [
        TokenFamily(user=user, current="", created_at=start, used_at=start, expires_at=start + timedelta(days=1))
        for user in users
    ]
    TokenFamily.objects.bulk_create(families)
    return [Member(family.user, tokens_of(SignedIn(family, ""))["access"]) for family in families]


def at_once(calls: Sequence[Call[T]]) -> list[T]:
    """Make all these calls at the same moment, each in a thread; return their results in the order of the calls."""
    barrier = Barrier(len(calls), timeout=_PATIENCE)

    def run(call: Call[T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def meanwhile(call: Call[T], other: Call[object]) -> T:
    """Make both calls at the same moment; return the result of the first."""
    calls: list[Call[Any]] = [call, other]
    return cast("T", at_once(calls)[0])


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


def inside(place: Place, call: Call[T]) -> Call[T]:
    """Return the call, made by a thread of this process: on a connection of its own to the place's database."""

    def run() -> T:
        with as_default(place.database_url):
            connection.ensure_connection()
            return call()

    return run


def broken(event: Event) -> set[str]:
    """Return which of the things that must always be true of an event's seats are not."""
    found = set()
    for pool in SeatPool.objects.filter(event=event):
        rows = Registration.objects.filter(event=event)
        if pool.attendance_type:
            rows = rows.filter(attendance_type=pool.attendance_type)
        counts = Counter(rows.values_list("status", flat=True))
        seated, waiting = counts["confirmed"] + counts["offered"], counts["waitlisted"]
        if (seated, counts["offered"], waiting) != (pool.taken, pool.offered, pool.waiting):
            found.add(MISCOUNTED)
        if pool.capacity is not None and seated > pool.capacity:
            found.add(OVERSOLD)
        if waiting and (pool.capacity is None or seated < pool.capacity):
            found.add(BESIDE_A_FREE_SEAT)
        if len(set(rows.filter(status="waitlisted").values_list("place", flat=True))) < waiting:
            found.add(ONE_PLACE_FOR_TWO)
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
