"""Ten thousand mails through a real mail server, while those who deliver them, and those who take them, die."""

import os
import random
import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.faults.outbox import owe_in_bulk, scene
from tests.races.processes import SABOTAGED, Place, serving
from tests.support import make
from tests.support.databases import POSTGRESQL
from turnout.notifications.actions.delivery import BATCH
from turnout.notifications.models import Message

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)]

MAILS = int(os.environ.get("MAILS", "10000"))
KILLS = int(os.environ.get("KILLS", "30"))
_PATIENCE = 30  # seconds


def test_ten_thousand_mails_go_out_once_each(rows: Place, capsys: pytest.CaptureFixture[str]) -> None:
    owed = owe_in_bulk(MAILS)
    began = time.monotonic()
    with scene(rows) as stage:
        stage.worker("worker 1")
        stage.worker("worker 2")
        stage.await_delivery()
        took = time.monotonic() - began
        arrived, connections = stage.arrived(), stage.connections()
    assert len(arrived) == len({message_id for _, message_id in arrived}) == MAILS
    assert {recipient for recipient, _ in arrived} == owed
    assert states() == {"sent": MAILS}
    assert connections <= MAILS / 10  # one for a batch
    tell(capsys, f"{MAILS} mails in {took:.0f} s: {MAILS / took:.0f} a second by two workers")


def test_with_thirty_killed_none_is_lost_and_each_death_costs_one_copy_at_most(
    rows: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    owed = owe_in_bulk(MAILS)
    dice, began = random.Random(7), time.monotonic()
    with scene(rows, after=0.002) as stage:
        stage.worker()
        stage.web_server()
        victims = ["worker"] * (KILLS // 2) + ["web server"] * (KILLS // 3)
        victims += ["mail server"] * (KILLS - len(victims))
        dice.shuffle(victims)
        for number, victim in enumerate(victims, 1):
            stage.await_arrivals(max(MAILS * number // (KILLS + 5), len(stage.arrived()) + dice.randint(1, 20)))
            time.sleep(dice.uniform(0, 0.02))
            stage.kill(victim)
        stage.await_delivery()
        took, arrived = time.monotonic() - began, stage.arrived()
    copies = Counter(arrived)
    assert {recipient for recipient, _ in copies} == owed  # none lost
    assert len(copies) == MAILS  # whatever came twice has the same Message-ID
    assert (stage.killed.total(), copies.total() - MAILS <= KILLS) == (KILLS, True)
    assert states() == {"sent": MAILS}
    tell(capsys, f"{MAILS} mails in {took:.0f} s, {dict(stage.killed)} killed: {copies.total() - MAILS} came twice")


def test_noted_before_it_is_sent_a_mail_is_lost_with_its_worker(rows: Place) -> None:
    owe_in_bulk(20)
    with scene(rows, before=0.5, entrance=SABOTAGED, SABOTAGE="note-first") as stage:  # so it dies while it sends
        stage.worker()
        for number in range(1, 5):
            stage.await_arrivals(2 * number)
            time.sleep(0.2)
            stage.kill("worker")
        stage.await_delivery()
        time.sleep(1)
        assert (states(), len(set(stage.arrived())) < 20) == ({"sent": 20}, True)


@pytest.mark.parametrize("guard", ["no-lease", "no-renewal"])
def test_without_the_lease_or_its_renewal_mails_come_twice_though_nobody_died(rows: Place, guard: str) -> None:
    owe_in_bulk(BATCH)  # all that is due is in the hands of one
    with scene(rows, before=0.2, entrance=SABOTAGED, OUTBOX_LEASE_SECONDS="1", SABOTAGE=guard) as stage:
        stage.worker("worker 1")
        stage.worker("worker 2")
        stage.await_delivery()
        assert len(stage.arrived()) > len(set(stage.arrived())) == BATCH


def test_with_the_lease_renewed_a_slow_mail_server_gets_nothing_twice(rows: Place) -> None:
    owe_in_bulk(BATCH)  # all that is due is in the hands of one
    with scene(rows, before=0.2, OUTBOX_LEASE_SECONDS="1") as stage:
        stage.worker("worker 1")
        stage.worker("worker 2")
        stage.await_delivery()
        assert len(stage.arrived()) == len(set(stage.arrived())) == BATCH


def test_a_mail_server_that_hangs_or_is_dead_slows_nobody_down(rows: Place) -> None:
    with scene(rows) as stage:
        well = registrations(rows, stage.port, until="sent")
    dead = registrations(rows, stage.port)
    assert set(Message.objects.values_list("state", "attempts")) == {("due", 0)}
    with mute() as port:
        silent = registrations(rows, port)
    assert set(Message.objects.values_list("state", "attempts")) == {("due", 0)}
    # A hanging server holds whoever waits for it for ten seconds.
    assert max(dead + silent) < 5
    assert max(statistics.median(dead), statistics.median(silent)) < 3 * statistics.median(well) + 0.05


def registrations(place: Place, port: int, *, until: str = "due") -> list[float]:
    """Return how long each of forty registrations took, at a server whose worker delivers to this port.

    It stays until a message has got so far.
    """
    Message.objects.all().delete()
    event, seconds, began = make.event(), [], time.monotonic()
    address = {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    with serving(place, options=(), **address) as url, httpx.Client(base_url=url, trust_env=False) as client:
        for number in range(40):
            sent = {"event": str(event.id), "full_name": "Guest", "email": f"guest{number}@example.org"}
            began = time.monotonic()
            answer = client.post("/api/registrations/", json={**sent, "attendance_type": "on_site"})
            seconds.append(time.monotonic() - began)
            assert answer.status_code == httpx.codes.CREATED
        while until not in states():
            time.sleep(0.1)
            assert time.monotonic() - began < _PATIENCE
    return seconds


@contextmanager
def mute() -> Iterator[int]:
    """Listen, and never say a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


def states() -> dict[str, int]:
    return dict(Counter(Message.objects.values_list("state", flat=True)))


def tell(capsys: pytest.CaptureFixture[str], figures: str) -> None:
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201  # the figures
