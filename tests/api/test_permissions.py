"""The permission matrix of docs/permissions.md, cell by cell."""

from collections.abc import Collection
from typing import Any

import pytest
from rest_framework.permissions import AllowAny

from tests.support.matrix import ACTORS, ANY, BY_PREFIX, METHODS, Row, World, routes, table
from turnout.api.permissions import DenyAll

pytestmark = pytest.mark.django_db

ROWS = table()
ENDPOINTS = {route: view.cls for route, view in routes() if hasattr(view, "cls")}
OF_DEVICES = "/api/devices/me/"  # who is none is not told what else there is
GUARDED = {route: view for route, view in ENDPOINTS.items() if tuple(view.permission_classes) != (AllowAny,)}


BATCHES = 12  # in each the world is made once: to make it takes as long as to ask it four rows
Routes = list[str]


def batches(of: Collection[str]) -> list[Routes]:
    return [sorted(of)[start::BATCHES] for start in range(BATCHES)]


class Everybody:
    """A world, and each actor in it. Whatever is asked of it is undone."""

    def __init__(self) -> None:
        self.world = World()
        self.clients = {actor: self.world.client(actor) for actor in ACTORS}


@pytest.fixture
def everybody() -> Everybody:
    return Everybody()


def differing(there: Everybody, rows: list[Row], actors: Collection[str] = ACTORS) -> dict[str, tuple[int, int]]:
    """Return the cells that do not say what is answered, with both."""
    found = {}
    for actor in actors:
        for row in rows:
            answer = there.world.answer(there.clients[actor], row.route, row.method)
            if answer != row.statuses[actor]:
                found[f"{row}, {actor}"] = (row.statuses[actor], answer)
    return found


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert sorted({route for route, _view in routes()}) == sorted({row.route for row in ROWS})
    assert len({str(row) for row in ROWS}) == len(ROWS)


def test_a_method_without_a_row_is_none(everybody: Everybody) -> None:
    stated = {(row.route, row.method) for row in ROWS}
    unstated = [
        (route, method)
        for route, _view in routes()
        for method in METHODS
        if {(route, method), (route, ANY)}.isdisjoint(stated) and not route.startswith(BY_PREFIX)
    ]
    expected = {cell: 401 if cell[0] == OF_DEVICES else 405 for cell in unstated}
    staff = everybody.clients["staff"]
    assert {cell: everybody.world.answer(staff, *cell) for cell in unstated} == expected


@pytest.mark.parametrize("some", batches({row.route for row in ROWS}))
def test_each_cell_says_what_is_answered(some: Routes, everybody: Everybody) -> None:
    assert differing(everybody, [row for row in ROWS if row.route in some]) == {}


@pytest.mark.parametrize("some", batches(GUARDED))
def test_a_permission_taken_away_is_noticed(
    some: Routes, everybody: Everybody, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = []
    for route in some:
        view: Any = GUARDED[route]
        with monkeypatch.context() as patched:
            patched.setattr(view, "permission_classes", (AllowAny,))
            if not differing(everybody, [row for row in ROWS if row.route == route], ("anonymous", "seeker")):
                unnoticed.append(route)
    assert unnoticed == []


def test_every_endpoint_names_who_may() -> None:
    """The default is DenyAll; an empty list would let everybody in."""
    silent = {
        route for route, view in ENDPOINTS.items() if not view.permission_classes or DenyAll in view.permission_classes
    }
    assert silent == set()
