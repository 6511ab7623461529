"""What commits late: whoever follows the feed is told of it all the same. Invariant 3b of the design."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

import pytest
from django.db import transaction

from tests.races.processes import Place
from tests.support.databases import MARIADB, POSTGRESQL, as_default
from turnout.core.ids import new_id
from turnout.notifications.feed.actions import number_new, post
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.queries import after

pytestmark = pytest.mark.servers

PATIENCE = 30  # seconds


def happen(topic: UUID, what: str) -> None:
    post([Entry(topic=topic, kind=f"thing.{what}", subject=new_id())])


def kinds(entries: list[Entry]) -> list[str]:
    return [entry.kind for entry in entries]


def one_commits_late(place: Place, topic: UUID, look: Callable[[], None]) -> None:
    """Let something be written, something else be written and committed, and only then the first be committed.

    Look after each of the two commits.
    """
    written, may_commit = Event(), Event()

    def slow() -> None:
        with as_default(place.database_url), transaction.atomic():
            happen(topic, "written_first")
            written.set()
            assert may_commit.wait(PATIENCE)

    with ThreadPoolExecutor(1) as elsewhere:
        late = elsewhere.submit(slow)
        assert written.wait(PATIENCE)
        happen(topic, "committed_first")
        look()
        may_commit.set()
        late.result(PATIENCE)
        look()


# SQLite has one writer at a time: there nothing is written before and committed after.
with_many_writers = pytest.mark.parametrize("place", [POSTGRESQL, MARIADB], indirect=True)


@with_many_writers
def test_who_follows_by_number_hears_of_what_committed_late(rows: Place) -> None:
    topic, heard = new_id(), list[Entry]()

    def look() -> None:
        while number_new():  # others have left much to do before it
            pass
        heard.extend(after(topic, heard[-1].number or 0 if heard else 0))

    one_commits_late(rows, topic, look)
    assert kinds(heard) == ["thing.committed_first", "thing.written_first"]
    assert [entry.number for entry in heard] == [1, 2]


@with_many_writers
def test_who_followed_by_id_would_miss_it(rows: Place) -> None:
    """The negative control: ids are in the order in which things were written, not committed."""
    topic, heard = new_id(), list[Entry]()

    def look() -> None:
        behind = {"pk__gt": heard[-1].pk} if heard else {}
        heard.extend(Entry.objects.filter(topic=topic, **behind).order_by("pk"))

    one_commits_late(rows, topic, look)
    assert kinds(heard) == ["thing.committed_first"]


@with_many_writers
def test_who_were_given_numbers_before_the_commit_would_miss_it_too(rows: Place) -> None:
    """The same with numbers, where each is taken as its thing is written."""
    topic, heard, counter = new_id(), list[Entry](), iter(range(1, 3))

    def look() -> None:
        heard.extend(after(topic, heard[-1].number or 0 if heard else 0))

    def happen_with_number(where: UUID, what: str) -> None:
        post([Entry(topic=where, kind=f"thing.{what}", subject=new_id(), number=next(counter))])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.happen", happen_with_number)
        one_commits_late(rows, topic, look)
    assert kinds(heard) == ["thing.committed_first"]


def test_many_who_give_numbers_at_once_give_each_once_and_leave_none_out(rows: Place) -> None:
    topic, writing = new_id(), Event()

    def number() -> None:
        with as_default(rows.database_url):
            while not writing.is_set() or number_new():
                number_new()

    with ThreadPoolExecutor(3) as elsewhere:
        numbering = [elsewhere.submit(number) for _ in range(3)]
        for each in range(60):
            happen(topic, f"number_{each}")
            time.sleep(0.002)
        writing.set()
        for each_done in numbering:
            each_done.result(PATIENCE)
    assert [entry.number for entry in after(topic, 0)] == list(range(1, 61))
