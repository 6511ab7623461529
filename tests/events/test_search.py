"""What is found among 6,000 real conferences, on whatever database this runs, beside what Python finds in the file."""

import lzma
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from tests.support import make
from turnout.core.clock import now
from turnout.core.text import words
from turnout.events.actions import Parts, import_events, mark_over, update_event
from turnout.events.imports import Draft, read_conferences
from turnout.events.models import Event
from turnout.events.queries import Search, search

CONFERENCES = Path(__file__).parents[1] / "data" / "conferences.json.xz"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NEW_YEAR_2020, NEW_YEAR_2021 = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)

Test = Callable[[Draft], bool]


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return read_conferences(lzma.decompress(CONFERENCES.read_bytes())).drafts


@pytest.fixture
def conferences(drafts: list[Draft]) -> list[Draft]:
    assert import_events(drafts).created == len(drafts) == 5995
    return drafts


def found(**wanted: object) -> set[str]:
    """Return the source keys of what is found, the past included unless dates are given."""
    asked = {"starts_after": LONG_AGO} | wanted
    events = search(Event.objects.all(), Search(**asked))  # type: ignore[arg-type]  # as the parameters say
    return {str(event.source_key) for event in events}


def expected(drafts: list[Draft], test: Test) -> set[str]:
    return {draft.source_key for draft in drafts if test(draft)}


def has_words(text: str) -> Test:
    """Match as the contract says it, over lists of words instead of a column."""
    sought = words(text)

    def test(draft: Draft) -> bool:
        there = words(f"{draft.title} {draft.description}")
        return bool(sought) and all(any(word.startswith(each) for word in there) for each in sought)

    return test


def is_in(text: str) -> Test:
    return lambda draft: " ".join(words(draft.location)).startswith(" ".join(words(text)))


def speaks(code: str) -> Test:
    return lambda draft: code in draft.languages


@pytest.mark.django_db
@pytest.mark.long
def test_the_same_conferences_are_found_on_every_database(conferences: list[Draft]) -> None:
    typed = ["python", "PyCon", "c++", "é", "go", "(((", "javascript conf", "DEVOPS", "%", "_", "the", "c", "c#", "\\"]
    hits = {text: found(q=text) for text in typed}
    assert hits == {text: expected(conferences, has_words(text)) for text in typed}
    assert {text: len(keys) for text, keys in hits.items()}["python"] > 100
    assert [hits[text] for text in ("(((", "%", "\\")] == [set(), set(), set()]

    places = {
        text: found(location=text) for text in ("berlin", "Berlin, Germany", "münchen", "são paulo", "SAO PAULO", "b")
    }
    assert places == {text: expected(conferences, is_in(text)) for text in places}
    assert places["são paulo"] == places["SAO PAULO"] != set()

    for code in ("de", "DE", "fr", "xx"):
        assert found(language=code) == expected(conferences, speaks(code.lower()))
    assert found(starts_after=NEW_YEAR_2020, starts_before=NEW_YEAR_2021) == expected(
        conferences, lambda draft: NEW_YEAR_2020 <= draft.starts_at <= NEW_YEAR_2021
    )
    assert found(q="python", location="berlin", starts_before=NEW_YEAR_2020) == expected(
        conferences,
        lambda draft: has_words("python")(draft) and is_in("berlin")(draft) and draft.starts_at <= NEW_YEAR_2020,
    )
    assert found(attendance_type="online") == expected(conferences, lambda draft: draft.offers_online)
    assert found(kind="workshop") == set()


@pytest.mark.django_db
@pytest.mark.long
def test_what_is_ranked_is_all_that_is_found_each_once(conferences: list[Draft], api: APIClient) -> None:
    url, titles = "/api/events/search/?q=java&date_from=2000-01-01&page_size=100", []
    while url:
        answer = api.get(url).json()
        titles += [row["title"] for row in answer["results"]]
        url = answer["next"]
    matching = [draft for draft in conferences if has_words("java")(draft)]
    assert sorted(titles) == sorted(draft.title for draft in matching)

    def rank(title: str) -> int:
        in_title = words(title)
        return 0 if "java" in in_title else 1 if any(word.startswith("java") for word in in_title) else 2

    ranks = [rank(title) for title in titles]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 3


@pytest.fixture(scope="module")
def one_event(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:  # noqa: ARG001  # wanted for what it does
    """Make an event for the whole module: hypothesis calls a test often, and its fixtures once."""
    with django_db_blocker.unblock():
        event = make.event(title="Learn C++ and Go: été, 100% ((fun)) _under_ \\")
        yield
        Event.objects.filter(pk=event.pk).delete()


ANYTHING = st.text(max_size=200) | st.text(alphabet="+-@~*()<>\"'%_\\ aéß\x00\u0300", max_size=30)


@pytest.mark.usefixtures("one_event")
@settings(deadline=None)
@given(text=ANYTHING, place=ANYTHING, language=ANYTHING)
@pytest.mark.long
def test_nothing_anybody_types_fails(django_db_blocker: DjangoDbBlocker, text: str, place: str, language: str) -> None:
    typed = [{"q": text, "location": place}, {"keyword": text}, {"language": language, "ordering": "title"}]
    with django_db_blocker.unblock():
        for query in typed:
            sound = {name: value.encode("utf-8", "replace") for name, value in query.items()}
            answer = APIClient(raise_request_exception=False).get("/api/events/search/", sound)
            assert answer.status_code in {200, 400}, query


@pytest.mark.django_db
def test_what_has_ended_is_marked_and_what_was_moved_is_not() -> None:
    with time_machine.travel(now() - timedelta(days=10)):
        past, moved, coming = (make.event(title=title) for title in ("past", "moved", "coming"))
        coming.starts_at, coming.ends_at = now() + timedelta(days=20), now() + timedelta(days=21)
    update_event(coming, Parts())
    shown = {event.title for event in Event.objects.all().not_over()}
    assert shown == {"coming"}  # before anything is marked
    assert mark_over() == 2
    assert mark_over() == 0
    moved.starts_at, moved.ends_at = coming.starts_at, coming.ends_at
    update_event(moved, Parts())
    assert {event.title for event in Event.objects.filter(over=False)} == {"coming", "moved"}
    past.refresh_from_db()
    assert past.over
