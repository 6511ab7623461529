"""A place for each kind of database, a server there, and guests."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.races.processes import Place, serving
from tests.races.visitors import Site, visiting
from tests.support.databases import KINDS, MissingError, as_default, fresh_database, give_up


@pytest.fixture(scope="session", params=KINDS)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Place]:
    """Yield an installation on a fresh, migrated database of each kind."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(fresh_database(request.param, folder))
        except MissingError as error:
            give_up(f"{request.param}: {error}")
        with django_db_blocker.unblock(), as_default(url):
            call_command("migrate", verbosity=0)
        yield Place(request.param, url, folder)


@pytest.fixture
def rows(place: Place, django_db_blocker: DjangoDbBlocker) -> Iterator[Place]:
    """Let the test's models and actions work on the place's database."""
    with django_db_blocker.unblock(), as_default(place.database_url):
        yield place


@pytest.fixture(scope="session")
def server(place: Place) -> Iterator[str]:
    """Yield the base URL of a running server."""
    with serving(place) as url:
        yield url


@pytest.fixture
def site(server: str, rows: Place) -> Iterator[Site]:  # noqa: ARG001  # whoever visits looks at rows, too
    """Yield the server as its guests know it."""
    with visiting(server) as site:
        yield site
