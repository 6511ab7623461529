"""Connections that the database closed while nobody used them, as a restart does."""

from functools import partial

import pytest
from django.db import connection

from tests.races.processes import Place
from tests.races.visitors import Site, at_once
from tests.support import make

pytestmark = pytest.mark.servers


def test_guests_do_not_notice_that_the_database_closed_all_connections(site: Site, place: Place) -> None:
    event = make.event()
    guest = make.confirmed(event)
    for _ in range(3):
        at_once([partial(site.show, guest)] * 8)
        close_all(place)
        assert {site.show(guest).status for _ in range(16)} == {200}


def close_all(place: Place) -> None:
    """Let the database close all connections but ours."""
    with connection.cursor() as cursor:
        match place.kind:
            case "postgresql":
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            case "mariadb":
                cursor.execute(
                    "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"
                )
                for (pid,) in cursor.fetchall():
                    cursor.execute("KILL %s", [pid])
            case _:
                pass  # a file closes nothing
