"""`python -m bench.desk` measures the facilitator's desk: on SQLite, or with `postgresql` on a server of its own.

A facilitator with 200 events and 50,000 registrations, 35,000 of whom came to three places each, asks for them in turns
with one who has a single event and one who has none, so that all meet the same machine. The exit status is 1 where the
number of queries differs from that for one event, or where the median time is five times that for no event. Then what
50,000 registrations of one event cost.
"""

import logging
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import django
import httpx
from django.core.management import call_command

from bench import postgres
from bench.server import HOST, held_port, production, serving

if TYPE_CHECKING:
    from turnout.accounts.models import User
    from turnout.events.models import Event

EVENTS, PEOPLE, OTHERS = 200, 50_000, 2_000
TURNS = 100
MOST = 5.0  # times that of who has no event
_PASSWORD = "violet tram 88"  # noqa: S105  # nobody's
_DESK = "/api/facilitator/my-events/"
_STATUSES = ("confirmed",) * 7 + ("waitlisted", "pending", "cancelled")


def main() -> int:
    """Measure, print the figures, and return the exit status."""
    with _database(sys.argv[1:]) as url, _site(url) as (site, crowd):
        tokens = {name: _token(site, name) for name in ("none", "one", "full", "crowd")}
        sound = [_compare(site, tokens, f"{_DESK}{query}") for query in ("", "?page_size=100", "?over=false&team=true")]
        at = f"/api/events/{crowd}"
        for path in (
            f"{at}/overview/",
            f"{at}/registrations/",
            f"{at}/registrations/?status=waitlisted&ordering=place&page_size=100",
            f"{at}/registrations/?q=person+49",
            f"{at}/registrations/export/?format=csv",
            f"{at}/registrations/export/?format=xlsx",
        ):
            _once(site, tokens["crowd"], path)
    return int(not all(sound))


def _compare(site: httpx.Client, tokens: dict[str, str], path: str) -> bool:
    """Let the three take turns; tell whether the fullest desk is about as quick as an empty one."""
    times: dict[str, list[float]] = {name: [] for name in ("none", "one", "full")}
    for turn in range(-10, TURNS):  # the first ones warm it up
        for name in times:
            times[name] += [_timed(site, tokens[name], path)] * (turn >= 0)
    medians = {name: statistics.median(each) for name, each in times.items()}
    queries = {name: _queries(name, path) for name in times}
    ratio = medians["full"] / medians["none"]
    told = "  ".join(f"{name} {medians[name] * 1000:.2f} ms, {queries[name]} queries" for name in times)
    sys.stdout.write(f"{path}\n    {told}  ratio {ratio:.2f}\n")
    return ratio < MOST and queries["one"] == queries["full"]


def _once(site: httpx.Client, token: str, path: str) -> None:
    times = [_timed(site, token, path) for _ in range(3)]
    sys.stdout.write(
        f"{path.partition('events/')[2].partition('/')[2]:<70} {statistics.median(times) * 1000:9.1f} ms\n"
    )


def _timed(site: httpx.Client, token: str, path: str) -> float:
    start = perf_counter()
    answer = site.get(path, headers={"Authorization": f"Bearer {token}"})
    spent = perf_counter() - start
    assert answer.status_code == 200, answer.text  # noqa: S101, PLR2004  # else nothing was measured
    return spent


def _token(site: httpx.Client, name: str) -> str:
    answer = site.post("/api/auth/login/", json={"email": f"{name}@example.org", "password": _PASSWORD})
    return str(answer.json()["access"])


def _queries(name: str, path: str) -> int:
    """Return how many queries the answer takes, asked in this process."""
    from django.db import connection  # noqa: PLC0415  # as below
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from turnout.accounts.models import User  # noqa: PLC0415

    client = Client(SERVER_NAME=HOST)
    client.force_login(User.objects.get(email=f"{name}@example.org"))
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    return len(asked)


@contextmanager
def _database(words: list[str]) -> Iterator[str]:
    if words == ["postgresql"]:
        with postgres.running() as (_server, url):
            yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/desk.sqlite3"


@contextmanager
def _site(url: str) -> Iterator[tuple[httpx.Client, str]]:
    """Serve what was made, and yield a client and the id of the crowded event."""
    with tempfile.TemporaryDirectory() as folder, held_port() as port:
        environment = production(url, Path(folder), port)
        os.environ.update(environment)
        django.setup()
        logging.disable()  # of this process
        call_command("migrate", verbosity=0)
        crowd = _fill()
        with (
            serving(environment, port, 1),
            httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=120) as site,
        ):
            yield site, crowd


def _fill() -> str:
    """Make people and their events; return the id of the one to which 50,000 come."""
    # Knows the models, and those the settings, which now know the database's address.
    from django.db import connection  # noqa: PLC0415

    from turnout.accounts.models import Role, User  # noqa: PLC0415

    first = User(email="none@example.org")
    first.set_password(_PASSWORD)
    users = {name: User(email=f"{name}@example.org", password=first.password) for name in _EVENTS_OF}
    for user in users.values():
        user.role, user.address_verified = Role.FACILITATOR, True
        user.clean()
    User.objects.bulk_create(users.values())
    crowd = ""
    for name, (count, people) in _EVENTS_OF.items():
        for number in range(count):
            crowd = _event(users[name], number, people)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return crowd


# By owner, the last one's is the crowded event: how many events, and how many people at each.
_EVENTS_OF = {
    "none": (0, 0),
    "one": (1, 250),
    "full": (EVENTS, PEOPLE // EVENTS),
    "other": (OTHERS, 0),
    "crowd": (1, PEOPLE),
}


def _event(owner: "User", number: int, people: int) -> str:
    from turnout.attendance.models import Scan  # noqa: PLC0415  # as above
    from turnout.core.clock import now  # noqa: PLC0415
    from turnout.core.ids import new_id  # noqa: PLC0415
    from turnout.events.actions import Capacity, Parts, create_event  # noqa: PLC0415
    from turnout.events.models import Event, SeatPool  # noqa: PLC0415
    from turnout.registrations.models import Registration  # noqa: PLC0415

    starts_at = now() + timedelta(hours=number % 400 + 1)
    event = Event(owner=owner, title=f"Event {number}", starts_at=starts_at, ends_at=starts_at + timedelta(hours=1))
    event.timezone = "Asia/Kathmandu"
    event = create_event(event, Capacity(people), Parts())
    statuses = [_STATUSES[place % len(_STATUSES)] for place in range(people)]
    rows = (_registration(event, place, status) for place, status in enumerate(statuses))
    registered = Registration.objects.bulk_create(rows, batch_size=5000)
    seated = [each for each in registered if each.status == "confirmed"]
    scans = (_scan(each, session) for each in seated for session in (None, new_id(), new_id()))
    Scan.objects.bulk_create(scans, batch_size=5000)
    waiting = statuses.count("waitlisted")
    pool = SeatPool.objects.filter(event=event)
    pool.update(taken=statuses.count("confirmed"), waiting=waiting, seq=people)
    return str(event.pk)


def _registration(event: "Event", place: int, status: str) -> Any:
    from turnout.core.clock import now  # noqa: PLC0415  # as above
    from turnout.core.ids import new_id  # noqa: PLC0415
    from turnout.registrations.models import Registration  # noqa: PLC0415

    moment = now() - timedelta(minutes=place * 3)
    return Registration(
        event=event,
        status=status,
        full_name=f"Person {place}",
        email=f"person{place}@example.org",
        phone="+213555123456",
        attendance_type="on_site",
        active_key=new_id().hex if status in {"confirmed", "waitlisted"} else None,
        place=place + 1 if status == "waitlisted" else None,
        ticket_id=new_id() if status == "confirmed" else None,
        created_at=moment,
        expires_at=moment + timedelta(days=7),
        confirmed_at=None if status == "pending" else moment,
        cancelled_at=moment if status == "cancelled" else None,
    )


def _scan(registration: Any, session: UUID | None) -> Any:
    from turnout.attendance.models import Scan, opening_key  # noqa: PLC0415  # as above
    from turnout.core.clock import now  # noqa: PLC0415

    moment = now()
    return Scan(
        event_id=registration.event_id,
        scan_id=f"{registration.pk.hex[:31]}-{session.hex[:31] if session else ''}",
        registration=registration,
        session_id=session,
        scanned_at=moment,
        at=moment,
        received_at=moment,
        device="Bench",
        made_by="bench",
        passed=True,
        result=Scan.Result.CHECKED_IN,
        opens=opening_key(registration.pk, session),
    )


if __name__ == "__main__":
    sys.exit(main())
