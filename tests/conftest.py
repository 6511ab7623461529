"""What every test has at hand."""

import gc
import random
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support.databases import databases_found
from tests.support.receiver import Names
from turnout.accounts.hashers import Argon2Hasher
from turnout.events.models import Event, SeatPool
from turnout.notifications.webhooks import network
from turnout.registrations.models import Registration


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what takes long, unless it is asked for: by its mark, or by its path."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS and not config.option.markexpr:
        config.option.markexpr = "not long"


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of the collection of garbage, which took a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _pool_with_chances_of_its_own() -> Iterator[None]:
    """Keep the pool's threads, which go on while a test runs, from drawing from the generator that all share.

    Hypothesis takes such a draw for one of the test's own strategies, and refuses the test.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("psycopg_pool.base.random", random.Random().random)  # spreads ages, keeps no secret
        yield


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return one new folder after another; `tmp_path` looks through all of them to find a name for the next."""
    base = tmp_path_factory.mktemp("data")

    def made() -> Iterator[Path]:
        for number in count():
            folder = base / str(number)
            folder.mkdir()
            yield folder

    return made()


@pytest.fixture(autouse=True)
def _own_files(settings: Settings, folders: Iterator[Path]) -> None:
    settings.DATA_DIR = next(folders)


@pytest.fixture(autouse=True)
def _own_language() -> None:
    """Forget in which language the last request of another test was answered."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords in no time; not where a server, which hashes as the product does, has to compare them."""
    if request.node.get_closest_marker("servers") is None:
        monkeypatch.setattr(Argon2Hasher, "time_cost", 1)
        monkeypatch.setattr(Argon2Hasher, "memory_cost", 8)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Ask no resolver but this one where webhooks go."""
    known = Names()
    monkeypatch.setattr(network, "resolve", known)
    return known


@pytest.fixture
def api() -> APIClient:
    """Return a stranger with an HTTP client that sends JSON."""
    return APIClient(SERVER_NAME="localhost", raise_request_exception=False)


@pytest.fixture
def browser() -> Client:
    """Return a stranger with a browser, who checks forms for forgery as a browser's server does."""
    return Client(SERVER_NAME="localhost", enforce_csrf_checks=True)


@pytest.fixture
def counters() -> Callable[[Event], dict[str, tuple[int, int]]]:
    """Return a function that tells taken and waiting of an event by pool, after checking them against a recount."""
    return _counters


def _counters(event: Event) -> dict[str, tuple[int, int]]:
    stored = {pool.attendance_type: (pool.taken, pool.waiting) for pool in SeatPool.objects.filter(event=event)}
    rows = list(Registration.objects.filter(event=event).values_list("status", "attendance_type"))
    counted = {
        kind: (
            sum(status == "confirmed" and kind in {"", attends} for status, attends in rows),
            sum(status == "waitlisted" and kind in {"", attends} for status, attends in rows),
        )
        for kind in stored
    }
    assert stored == counted
    return stored


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly on which databases the races ran, and on which they did not."""
    terminalreporter.section("databases")
    reports = chain.from_iterable(terminalreporter.stats.values())
    if not any("servers" in getattr(report, "keywords", ()) for report in reports):
        terminalreporter.line(f"all on {connection.vendor}; none of the races (make test-long)")
        return
    terminalreporter.line(f"everything else ran on {connection.vendor}; the races on:")
    for kind, answer in databases_found().items():
        terminalreporter.line(f"  {kind:<11} {answer}", red=answer.startswith("MISSING"), bold=True)
