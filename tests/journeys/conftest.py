"""What journeys begin with: the demo, an installation of their own, and a browser."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser
from pytest_django import DjangoDbBlocker

from tests.races.processes import Place
from tests.support.browsers import opened
from tests.support.databases import POSTGRESQL, SQLITE, MissingError, as_default, fresh_database
from tests.support.demo import Demo, running
from tests.support.installation import Installation


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Yield what `make run` runs, on a fresh folder."""
    with running(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a browser."""
    with opened() as browser:
        yield browser


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Installation]:
    """Yield one on PostgreSQL, or where there is none on SQLite."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack, ThreadPoolExecutor(1) as thread:
        try:
            kind, url = POSTGRESQL, stack.enter_context(fresh_database(POSTGRESQL, folder))
        except MissingError:
            kind, url = SQLITE, stack.enter_context(fresh_database(SQLITE, folder))
        stack.enter_context(django_db_blocker.unblock())
        there, new = as_default(url), Installation(Place(kind, url, folder), thread)
        new.do(there.__enter__)
        try:
            new.do(call_command, "migrate", verbosity=0)
            yield new
        finally:
            new.do(there.__exit__, None, None, None)
