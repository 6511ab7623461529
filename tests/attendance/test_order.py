"""Scans made offline come to the same, in whatever order and how often they arrive. Hypothesis chooses them.

What they come to is said here a second time, in the words of the contract and for each scan on its own.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import make
from tests.support.scale import FULL
from turnout.attendance.actions.scanning import sync
from turnout.attendance.cases import Attempt
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import Scan
from turnout.registrations.actions import cancel
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text

pytestmark = pytest.mark.django_db

TEN = datetime(2030, 5, 6, 10, tzinfo=UTC)
ARRIVAL = TEN + timedelta(hours=8)
SETTINGS = settings(max_examples=300 if FULL else 60, deadline=None, database=None, print_blob=False)

# Few people, moments and offsets, so that they often meet; names in an order of their own, for moments that are equal.
_scans = st.lists(
    st.builds(
        lambda *told: told,
        st.integers(0, 999).map(lambda number: f"{number * 7919 % 1000:03}"),
        st.sampled_from(["amina", "amina", "karim", "cancelled at 10:05", "nobody's"]),
        st.sampled_from([3, 4, 5, 6]),
        st.sampled_from([0, 0, -60_000, 120_000]),
        st.sampled_from(["in", "in", "out"]),
        st.sampled_from([False, False, True]),
        st.sampled_from([True, True, True, False]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda scan: scan[0],
)


class Place:
    """An event with a session, three people who have tickets for it, one of whom gives hers back at 10:05."""

    def __init__(self) -> None:
        self.owner = make.user()
        self.event = make.event(owner=self.owner, starts_at=TEN, hours=9)
        self.session = self.event.sessions.create(title="Talk", starts_at=TEN, ends_at=TEN + timedelta(hours=1))
        self.people: dict[str, Registration] = {}
        with time_machine.travel(TEN - timedelta(days=2), tick=False):
            for name in ("amina", "karim", "cancelled at 10:05"):
                self.people[name] = make.confirmed(self.event, name.split()[0])
        self.tickets = {name: ticket_text(person) for name, person in self.people.items()} | {"nobody's": "T1.no"}
        with time_machine.travel(TEN + timedelta(minutes=5), tick=False):
            cancel(self.people["cancelled at 10:05"])

    def attempt(self, scan: tuple[Any, ...]) -> Attempt:
        """Return a scan as its device tells it."""
        name, person, minute, offset, direction, in_session, passed = scan
        return Attempt(
            scan_id=name,
            ticket=self.tickets[person],
            event=self.event.pk,
            session=self.session.pk if in_session else None,
            direction=direction,
            scanned_at=TEN + timedelta(minutes=minute),
            clock_offset_ms=offset,
            device="one" if int(name) % 2 else "two",
            passed=passed,
        )

    def arrive(self, batches: Iterable[Sequence[Attempt]]) -> dict[str, tuple[object, ...]]:
        """Let batches arrive on an empty place, and return what is known in the end; then it is empty again."""
        keeper = Doorkeeper.of_person(self.owner)
        with time_machine.travel(ARRIVAL, tick=False), transaction.atomic():
            for batch in batches:
                sync(keeper, batch)
            rows = Scan.objects.filter(event=self.event)
            found: dict[str, tuple[object, ...]] = {
                row.scan_id: (row.result, row.opens is not None, row.conflict, row.at, row.device) for row in rows
            }
            transaction.set_rollback(True)
        return found

    def expected(self, attempts: Sequence[Attempt]) -> dict[str, tuple[object, ...]]:
        """Return what these come to, whenever they arrive."""
        return {one.scan_id: self._expected(one, attempts) for one in attempts}

    def _expected(self, one: Attempt, attempts: Sequence[Attempt]) -> tuple[object, ...]:
        moment = TEN + timedelta(minutes=5)
        bad = "bad_ticket" if one.passed else ""
        if one.ticket == "T1.no":
            return "invalid_ticket", False, bad, one.at, one.device
        if one.ticket == self.tickets["cancelled at 10:05"] and one.at >= moment:
            return "cancelled", False, bad, one.at, one.device
        if not one.passed:
            return "already_checked_in", False, "", one.at, one.device
        if one.direction == "out":
            return "checked_out", False, "", one.at, one.device
        is_late = one.ticket == self.tickets["cancelled at 10:05"]
        same = [
            other
            for other in attempts
            if (other.passed, other.ticket, other.session) == (True, one.ticket, one.session)
            and not (is_late and other.at >= moment)
        ]
        before = [other for other in same if (other.at, other.scan_id) < (one.at, one.scan_id)]
        was_in = max(before, key=lambda other: (other.at, other.scan_id), default=None)
        if was_in is not None and was_in.direction == "in":
            return "already_checked_in", False, "double_entry", one.at, one.device
        opens = all(other.direction == "out" for other in before)
        return "checked_in", opens, "", one.at, one.device


@pytest.fixture
def place() -> Place:
    """Return the place."""
    return Place()


def test_every_order_of_arrival_with_repetitions_comes_to_the_same(place: Place) -> None:
    @SETTINGS
    @given(scans=_scans, data=st.data())
    def arrive(scans: list[tuple[Any, ...]], data: st.DataObject) -> None:
        attempts = [place.attempt(scan) for scan in scans]
        again = data.draw(st.lists(st.sampled_from(attempts), max_size=6), "sent twice")
        order = data.draw(st.permutations([*attempts, *again]), "order")
        cuts = sorted(data.draw(st.sets(st.integers(1, len(order)), max_size=4), "cuts") | {0, len(order)})
        batches = [order[start:end] for start, end in pairwise(cuts)]
        assert place.arrive(batches) == place.expected(attempts)

    arrive()


def test_two_devices_offline_at_once_come_to_the_same_whichever_finds_the_network_first(place: Place) -> None:
    north = [place.attempt((f"{number:03}", "amina", number, 0, "in", False, True)) for number in (1, 5, 7)]
    south = [place.attempt((f"{number:03}", "amina", number, 0, "in", False, True)) for number in (2, 4, 6)]
    first = place.arrive([north, south])

    assert (
        first
        == place.arrive([south, north])
        == place.arrive([south, north, south, north])
        == place.expected([*north, *south])
    )
    assert [name for name, (result, *_rest) in first.items() if result == "checked_in"] == ["001"]
    assert {conflict for _result, _opens, conflict, *_rest in first.values()} == {"", "double_entry"}
