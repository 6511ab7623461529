"""The limiter with what it counts in away, over running servers."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from django.db import connection

from tests.races.processes import Place, serving
from tests.races.visitors import press, visiting
from tests.support import make

pytestmark = [pytest.mark.servers]
NOBODY = "redis://127.0.0.1:9/0"
SENSITIVE = ("/api/registrations/", "/api/registrations/confirm-email/")


def test_with_redis_hanging_the_database_counts_and_is_asked_within_two_seconds(rows: Place) -> None:
    event = make.event()
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as mute,
        serving(rows, THROTTLE_REGISTRATION="5/hour", REDIS_URL=_redis_at(mute)) as url,
        visiting(url) as site,
    ):
        began = time.monotonic()
        statuses = press(site, event, people=4)
        assert time.monotonic() - began < 2
        statuses += press(site, event, people=4)
    assert sorted(statuses) == [201] * 5 + [429] * 3


def test_with_redis_and_the_counters_gone_what_has_a_limit_is_away_and_what_is_public_is_not(rows: Place) -> None:
    limits = {"THROTTLE_REGISTRATION": "900/hour", "THROTTLE_CONFIRM": "900/hour", "REDIS_URL": NOBODY}
    event = make.event()
    with serving(rows, **limits) as url, httpx.Client(base_url=url, trust_env=False) as client:
        with without_counters():
            refused = [client.post(path, json={}) for path in SENSITIVE]
            reads = [client.get(path) for path in ("/api/events/", f"/api/events/{event.id}/", "/")]
        afterwards = client.post(SENSITIVE[0], json={})
    assert [(answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) for answer in refused] == [
        (503, "unavailable", "1")
    ] * 2
    assert [answer.status_code for answer in reads] == [200] * 3
    assert afterwards.status_code == 400


@contextmanager
def without_counters() -> Iterator[None]:
    """Take the limiter's table away for a while."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE guard_counter RENAME TO guard_counter_away")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE guard_counter_away RENAME TO guard_counter")


def _redis_at(server: socket.socket) -> str:
    return f"redis://127.0.0.1:{server.getsockname()[1]}/0"
