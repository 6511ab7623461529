"""What happened, in an order that readers follow without missing anything."""

from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.notifications.feed import actions
from turnout.notifications.feed.actions import forget_entries, mark_read, number_new, post
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.queries import after, latest

pytestmark = pytest.mark.django_db


def entry(topic: UUID, kind: str = "thing.happened") -> Entry:
    return Entry(topic=topic, kind=kind, subject=new_id())


def test_what_happened_has_no_number_until_it_is_committed_and_then_one_without_a_gap_in_its_topic() -> None:
    desk, other = new_id(), new_id()
    post([entry(desk), entry(other), entry(desk)])
    assert (after(desk, 0), latest([desk, other])) == ([], {desk: 0, other: 0})
    assert number_new() == 3
    post([entry(desk)])
    assert number_new() == 1
    assert number_new() == 0
    assert [each.number for each in after(desk, 0)] == [1, 2, 3]
    assert [each.number for each in after(desk, 1)] == [2, 3]
    assert [each.number for each in after(other, 0)] == [1]
    assert latest([desk, other]) == {desk: 3, other: 1}


def test_many_are_numbered_by_as_many_statements_as_one() -> None:
    desk = new_id()

    def statements(count: int) -> int:
        post(entry(desk) for _ in range(count))
        with CaptureQueriesContext(connection) as asked:
            assert number_new() == count
        return len(asked)

    statements(1)
    assert statements(1) == statements(100)


def test_what_is_forgotten_after_ninety_days_leaves_its_number_to_nobody() -> None:
    desk = new_id()
    with time_machine.travel(now() - timedelta(days=91)):
        post([entry(desk), entry(desk)])
        number_new()
    post([entry(desk)])
    assert forget_entries() == 2
    number_new()
    assert [each.number for each in after(desk, 0)] == [3]


def test_one_reads_ones_own_notices_and_nobody_elses() -> None:
    amina, bilal = new_id(), new_id()
    post([entry(amina), entry(amina), entry(bilal)])
    number_new()
    first, second = after(amina, 0)
    theirs = after(bilal, 0)[0]
    assert mark_read(amina, first.pk, theirs.pk) == 1
    assert mark_read(amina, first.pk) == 0
    assert mark_read(amina) == 1
    unread = Entry.objects.filter(read_at=None)
    assert list(unread.values_list("pk", flat=True)) == [theirs.pk]
    assert second.pk not in unread.values_list("pk", flat=True)


def test_a_topic_that_fails_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = sorted([new_id(), new_id()])
    post([entry(first), entry(second)])

    def hand_out(topic: UUID, _entries: list[Entry]) -> None:
        if topic == first:
            raise ValueError

    monkeypatch.setattr(actions, "hand_out", hand_out)
    assert number_new() == 1
    assert latest([first, second]) == {first: 0, second: 1}
