"""One run: each deed of Turnout's and the same in bare SQL, in turns, so that both meet the same weather."""

import itertools
import json
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter

import psycopg
from django.db import connections

from bench import bare, web
from bench.data import Loader
from bench.doors import Door
from bench.figures import Figures, by_label, figures_of, medians, percentile, ratio, spread
from bench.load import BenchError, Window, Work, measure
from bench.meters import Meters, all_stats, family
from bench.options import Options
from bench.scenarios import READS, Asked, Read, SkipError, ask_for, in_turn, place_of, take_stock
from bench.server import Site
from turnout.core import keys
from turnout.core.clock import now
from turnout.core.tokens import make_token
from turnout.events.actions import Capacity, Parts, create_event
from turnout.events.models import Event
from turnout.registrations.models import CONFIRM
from turnout.registrations.tickets import TICKET

_EVENTS = 100
_TOLERANCE = 0.01  # of statements: a sweep or two may fall into a window
_SEATS = 10_000_000
# Registrations prepared for each second of a window: more than anybody will do. If they are used up all the same, the
# window ends early.
_WEB_RESERVE, _BARE_RESERVE = 1_500, 9_000


@dataclass(frozen=True, slots=True)
class Side:
    """Turnout or bare SQL, in one scenario."""

    figures: Figures
    spread: float
    windows: int


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario at one size."""

    name: str
    size: int
    turnout: Side
    bare: Side
    ratio: float  # of the rates
    labels: dict[str, tuple[float, float, str]] = field(default_factory=dict)  # p50, p95 in ms; rows answered


@dataclass(slots=True)
class Results:
    """All there is to report."""

    writes: list[Result] = field(default_factory=list)
    reads: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0


class Bench:
    """One run's database, server and clients."""

    def __init__(self, options: Options, url: str, database: psycopg.Connection, site: Site, meters: Meters) -> None:
        self._options, self._url, self._database, self._site, self._meters = options, url, database, site, meters
        self._workers = web.find_workers(site, family(all_stats(), site.pid), options.workers)
        self._windows = itertools.count()
        self._confirmed, self._registered = Counter[str](), 0
        self.results = Results()

    def run(self) -> Results:
        """Measure everything, at each size; BenchError if anything was not as it must be."""
        begun = perf_counter()
        loader = Loader(self._database)
        for place, size in enumerate(self._options.sizes):
            start = perf_counter()
            loader.grow_to(size)
            self._note(f"{size:,} events were loaded in {perf_counter() - start:.0f} s.")
            if place == 0:
                self._measure_writes()
            self._measure_reads(loader, size)
        self._note(f"The run took {(perf_counter() - begun) / 60:.0f} minutes.")
        return self.results

    # --- Writes ---------------------------------------------------------------------------------------------------

    def _measure_writes(self) -> None:
        ticket_key = keys.active_key_id(TICKET)  # the first call makes it
        registered, hot, spread_out = _make_events(_EVENTS), _make_events(1), _make_events(_EVENTS)
        doors = {
            name: Door(self._url, self._database, _make_events(1)[0], ticket_key, paired=paired)
            for name, paired in (("scan by one of the team (JWT)", False), ("scan by a paired device", True))
        }
        _let_go()
        self._write("guest registration, 100 events", *self._registration(registered))
        self._write("confirmation, one hot event", *self._confirmation(hot, ticket_key))
        self._write("confirmation, 100 events", *self._confirmation(spread_out, ticket_key))
        for name, door in doors.items():
            self._write(name, *self._scans(door))
            self._note(f"{name}: {door.check()}")
        self._check_registered(registered)
        self._check_confirmed([*hot, *spread_out])

    def _write(
        self, name: str, ours: Callable[[], Work], theirs: Callable[[], Work], count: Callable[[Window], None]
    ) -> None:
        if self._wanted(name):
            windows = self._in_turns(name, ours, theirs, count)
            self.results.writes.append(_result(name, self._options.sizes[0], *windows))

    def _registration(
        self, events: list[uuid.UUID]
    ) -> tuple[Callable[[], Work], Callable[[], Work], Callable[[Window], None]]:
        def address(window: int, client: int, number: int) -> str:
            return f"g{window:03}.{client:02}.{number:07}@example.org"

        def ours() -> Work:
            window = next(self._windows)
            halves = [_registration_request(event, address(0, 0, 0)) for event in events]

            def work(client: int) -> Iterator[str]:
                def requests() -> Iterator[bytes]:
                    for number in itertools.count():
                        before, after = halves[(client + number) % len(halves)]
                        yield before + address(window, client, number).encode() + after

                with web.connected(self._site, self._workers, client) as connection:
                    yield from web.ask(connection, requests(), b"201")

            return work

        def theirs() -> Work:
            window = next(self._windows)
            return lambda client: bare.register(self._url, events, lambda number: address(window, client, number))

        def count(window: Window) -> None:
            self._registered += window.done + window.warmed

        return ours, theirs, count

    def _scans(self, door: Door) -> tuple[Callable[[], Work], Callable[[], Work], Callable[[Window], None]]:
        seconds, clients = self._options.warm_up + self._options.duration, self._options.clients

        def ours() -> Work:
            return door.ours(self._site, self._workers, clients, int(_WEB_RESERVE * seconds))

        def theirs() -> Work:
            return door.theirs(clients, int(_BARE_RESERVE * seconds))

        return ours, theirs, door.count

    def _confirmation(
        self, events: list[uuid.UUID], ticket_key: str
    ) -> tuple[Callable[[], Work], Callable[[], Work], Callable[[Window], None]]:
        seconds, clients = self._options.warm_up + self._options.duration, self._options.clients

        def prepare(reserve: int) -> list[bare.Pending]:
            return bare.make_pending(self._database, events, int(reserve * seconds), f"c{next(self._windows)}")

        def ours() -> Work:
            tokens = [make_token(CONFIRM, one.id) for one in prepare(_WEB_RESERVE)]
            requests = [
                web.post("/api/registrations/confirm-email/", json.dumps({"token": one}).encode()) for one in tokens
            ]

            def work(client: int) -> Iterator[str]:
                with web.connected(self._site, self._workers, client) as connection:
                    yield from web.ask(connection, requests[client::clients], b"200")

            return work

        def theirs() -> Work:
            prepared = prepare(_BARE_RESERVE)
            return lambda client: bare.confirm(self._url, prepared[client::clients], ticket_key)

        def count(window: Window) -> None:
            self._confirmed[str(events[0])] += window.done + window.warmed

        return ours, theirs, count

    # --- Reads ----------------------------------------------------------------------------------------------------

    def _measure_reads(self, loader: Loader, size: int) -> None:
        stock = take_stock(loader)
        plans = []
        for read in READS:
            if not self._wanted(read.name):
                continue
            try:
                plans.append((read, ask_for(read, stock)))
            except SkipError as error:
                self._note(f"{read.name} at {size:,} events is skipped: it {error}.")
        _let_go()
        for read, asked in plans:
            self._read(read, size, asked)

    def _read(self, read: Read, size: int, asked: list[Asked]) -> None:
        clients, count = self._options.clients, len(asked)
        requests = [web.get(one.path) for one in asked]

        def work(client: int) -> Iterator[str]:
            with web.connected(self._site, self._workers, client) as connection:
                yield from web.ask(connection, (requests[place] for place in in_turn(client, clients, count)), b"200")

        def bare_work(client: int) -> Iterator[str]:
            return bare.read(self._url, (asked[place].statements for place in in_turn(client, clients, count)))

        windows = self._in_turns(
            f"{read.name} at {size:,} events", lambda: work, lambda: bare_work, lambda _window: None
        )
        found = by_label(windows[0], lambda client, deed: asked[place_of(client, clients, count, deed)].label)
        labels = {
            label: (percentile(ordered, 50) * 1_000, percentile(ordered, 95) * 1_000, _rows(asked, label))
            for label, ordered in found.items()
            if label
        }
        self.results.reads.append(_result(read.name, size, *windows, labels))
        self._compare_statements(
            read.name, windows[0], lambda client, deed: place_of(client, clients, count, deed), asked
        )

    def _compare_statements(
        self, name: str, windows: list[Window], place: Callable[[int, int], int], asked: list[Asked]
    ) -> None:
        """Note where the server sent more or fewer statements than the same requests one by one."""
        counted = sum(window.after.statements - window.before.statements for window in windows)
        expected = sum(
            len(asked[place(number, client.warmed + deed)].statements)
            for window in windows
            for number, client in enumerate(window.clients)
            for deed in range(len(client.latencies))
        )
        if abs(counted - expected) > _TOLERANCE * expected:
            self._note(f"{name}: the server sent {counted:,} statements where {expected:,} were to be expected.")

    # --- Both -----------------------------------------------------------------------------------------------------

    def _in_turns(
        self, name: str, ours: Callable[[], Work], theirs: Callable[[], Work], count: Callable[[Window], None]
    ) -> tuple[list[Window], list[Window]]:
        windows: tuple[list[Window], list[Window]] = ([], [])
        for repetition in range(self._options.repetitions):
            # Whoever goes first finds what the other left behind: take turns in that, too.
            order = (0, 1) if repetition % 2 == 0 else (1, 0)
            for side in order:
                windows[side].append(self._window(name, (ours, theirs)[side]()))
                count(windows[side][-1])
        rates = [medians([figures_of(window) for window in side]).rate for side in windows]
        _say(f"{name}: {rates[0]:,.0f} a second, bare {rates[1]:,.0f}")
        return windows

    def _window(self, name: str, work: Work) -> Window:
        options = self._options
        window = measure(work, options.clients, options.warm_up, options.duration, self._meters)
        if window.failed:
            raise BenchError(f"{name}: {window.failed} of {window.done + window.warmed} failed: {window.errors}")
        self.results.requests += window.done
        return window

    def _wanted(self, name: str) -> bool:
        return not self._options.only or any(part in name for part in self._options.only)

    def _note(self, text: str) -> None:
        _say(text)
        self.results.notes.append(text)

    def _check_registered(self, events: list[uuid.UUID]) -> None:
        """Compare what was answered with what is there: every registration, with its message and its audit entry."""
        row = self._database.execute(
            """SELECT count(*), (SELECT count(*) FROM notifications_message WHERE kind = 'registration.confirm'),
                      (SELECT count(*) FROM core_auditentry WHERE verb = 'registration.created')
               FROM registrations_registration WHERE event_id = ANY(%s)""",
            [events],
        ).fetchone()
        if row != (self._registered,) * 3:
            raise BenchError(f"{self._registered} registrations were answered; rows, mails, audit entries: {row}")
        self._note(
            f"{self._registered:,} registrations were answered, and as many rows, mails and audit entries are there."
        )

    def _check_confirmed(self, events: list[uuid.UUID]) -> None:
        """Compare the counters with a recount, and both with what was answered."""
        rows = self._database.execute(
            """SELECT sum(taken)::bigint, sum(seated)::bigint, count(*) FILTER (WHERE taken <> seated)
               FROM (SELECT taken, (SELECT count(*) FROM registrations_registration AS r
                                    WHERE r.event_id = p.event_id AND r.status = 'confirmed') AS seated
                     FROM events_seatpool AS p WHERE event_id = ANY(%s)) AS pools""",
            [events],
        ).fetchone()
        answered = sum(self._confirmed.values())
        if rows != (answered, answered, 0):
            raise BenchError(
                f"{answered} confirmations were answered; seats taken, recounted, pools that differ: {rows}"
            )
        self._note(
            f"{answered:,} confirmations were answered: every counter equals its recount, and all together that."
        )


def _result(
    name: str,
    size: int,
    ours: list[Window],
    theirs: list[Window],
    labels: dict[str, tuple[float, float, str]] | None = None,
) -> Result:
    figures, others = ([figures_of(window) for window in side] for side in (ours, theirs))
    sides = [Side(medians(side), spread(side), len(side)) for side in (figures, others)]
    return Result(name, size, sides[0], sides[1], ratio(figures, others), labels or {})


def _rows(asked: list[Asked], label: str) -> str:
    """Tell how many results the answers under this label have; nothing where they do not say."""
    counts = [one.rows for one in asked if one.label == label and one.rows is not None]
    return "" if not counts else f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])


def _make_events(count: int) -> list[uuid.UUID]:
    """Make events as an organiser does, with more seats than anybody will take, but not without limit."""
    start = now() + timedelta(days=400)
    made = []
    for number in range(count):
        event = Event(title=f"Measured {number}", starts_at=start, ends_at=start + timedelta(hours=2))
        made.append(create_event(event, Capacity(_SEATS), Parts(languages=["en"])).pk)
    return made


def _registration_request(event: uuid.UUID, address: str) -> tuple[bytes, bytes]:
    """Return what stands before and behind the address, which is to be as long as this one."""
    body = {
        "event": str(event),
        "full_name": "Amina Haddad",
        "email": address,
        "phone": "+213 555 12 34 56",
        "attendance_type": "on_site",
    }
    before, _, after = web.post("/api/registrations/", json.dumps(body).encode()).partition(address.encode())
    return before, after


def _let_go() -> None:
    """Close this process's own connections, and the pool with its threads: it is about to be forked."""
    for connection in connections.all():
        connection.close()
        close_pool = getattr(connection, "close_pool", None)
        if close_pool:
            close_pool()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
