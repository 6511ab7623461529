"""What is measured: add a read to `READS`, and it is measured at every size, beside its own SQL.

A read is a name and a function from a stock (what the database holds) to the paths that clients ask for in turn, each
with a label under which it is also reported alone.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.data import Loader, Vocabulary
from bench.server import HOST
from turnout.core.clock import now
from turnout.core.text import fold

_ABSENT = ("zyzzyvaquux", "qwertzuiopue")
_SEED = 7
_DETAILS, _CURSORS = 40, 12
_AHEAD = range(30, 300)  # days


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is to ask for."""

    vocabulary: Vocabulary
    ids: list[str]
    cursors: list[str]


@dataclass(frozen=True, slots=True)
class Read:
    """One scenario of reading."""

    name: str
    paths: Callable[[Stock], list[tuple[str, str]]]  # label and path
    # A word that the page must hold, so that a page which ignores what it is asked for is not taken for an answer.
    echoes: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A path, and what it comes to: the statements, as the product itself sends them."""

    label: str
    path: str
    statements: tuple[bytes, ...]
    rows: int | None  # results in the answer, where it says so


class SkipError(Exception):
    """There is no such thing to measure yet; the text says why."""


def _words(stock: Stock) -> list[tuple[str, str]]:
    words = stock.vocabulary
    asked = {
        "common word": words.common[:3],
        "word of one in a hundred": words.middling[:3],
        "rare word": words.rare[:3],
        "two letters": words.short[:3],
        "absent word": _ABSENT,
        "beginning of a word": [word[:4] for word in words.middling[:3]],
        "two words": [f"{words.common[1]} {words.middling[0]}", f"{words.common[0]} {words.common[2]}"],
        "common and absent": [f"{words.common[0]} {_ABSENT[0]}"],
    }
    return [(label, text) for label, texts in asked.items() for text in texts]


def _search(stock: Stock) -> list[tuple[str, str]]:
    return [(label, f"/api/events/search/?q={quote(text)}") for label, text in _words(stock)]


def _search_pages(stock: Stock) -> list[tuple[str, str]]:
    return [(label, f"/?q={quote(text)}") for label, text in _words(stock)]


def _filters(stock: Stock) -> list[tuple[str, str]]:
    places, word = stock.vocabulary.places, stock.vocabulary.middling[1]
    asked = [("location", {"location": place}) for place in places[:3]]
    asked += [("language", {"language": code}) for code in stock.vocabulary.languages[:3]]
    asked += [("location and language", {"location": places[0], "language": stock.vocabulary.languages[0]})]
    asked += [
        ("word, location and language", {"q": word, "location": places[1], "language": stock.vocabulary.languages[0]})
    ]
    return [(label, f"/api/events/search/?{urlencode(query)}") for label, query in asked]


READS = (
    Read("list `GET /api/events/`", lambda _stock: [("", "/api/events/")]),
    Read(
        "list, deeper by cursor", lambda stock: [("", f"/api/events/?cursor={quote(text)}") for text in stock.cursors]
    ),
    Read("detail `GET /api/events/<id>/`", lambda stock: [("", f"/api/events/{one}/") for one in stock.ids]),
    Read("search `GET /api/events/search/?q=`", _search),
    Read("search by `location=`, `language=`", _filters),
    Read("page `/`", lambda _stock: [("", "/")]),
    Read("page `/events/<id>/`", lambda stock: [("", f"/events/{one}/") for one in stock.ids]),
    Read("page `/?q=`", _search_pages, echoes=True),
)


def take_stock(loader: Loader) -> Stock:
    """Find ids of events, and cursors far into the list: the same ones at each run, as far as the data is."""
    dice = random.Random(_SEED)
    return Stock(loader.vocabulary, loader.published(_DETAILS), [_cursor(dice.choice(_AHEAD)) for _ in range(_CURSORS)])


def _cursor(days: int) -> str:
    """Return the cursor behind the first page of what starts so many days from now.

    A cursor names the last row and the order, so it serves the list without that date, too: as if somebody had walked
    there page by page.
    """
    after = quote((now() + timedelta(days=days)).isoformat())
    following: str = _browser().get(f"/api/events/?starts_after={after}").json()["next"]
    return dict(parse_qsl(urlsplit(following).query))["cursor"]


def ask_for(read: Read, stock: Stock) -> list[Asked]:
    """Ask for each path once, within this process, and note what it comes to; SkipError where it is not there."""
    return [_asked(read, label, path) for label, path in read.paths(stock)]


def _asked(read: Read, label: str, path: str) -> Asked:
    with CaptureQueriesContext(connection) as captured:
        answer: Any = _browser().get(path)
    if answer.status_code != 200:  # noqa: PLR2004  # HTTP's
        raise SkipError(f"answers {answer.status_code}")
    if read.echoes and fold(dict(parse_qsl(urlsplit(path).query))["q"]) not in fold(answer.content.decode()):
        raise SkipError("does not know `q` yet")
    is_json = answer["Content-Type"] == "application/json"
    results = answer.json().get("results") if is_json else None
    statements = tuple(query["sql"].encode() for query in captured.captured_queries)
    return Asked(label, path, statements, None if results is None else len(results))


def in_turn(number: int, clients: int, count: int) -> Iterator[int]:
    """Return the places that a client asks for, in turn and without end: each client begins elsewhere."""
    place = place_of(number, clients, count, 0)
    while True:
        yield place
        place = (place + 1) % count


def place_of(number: int, clients: int, count: int, deed: int) -> int:
    """Return which of the places a client's deed asks for."""
    return (number * count // clients + deed) % count


def _browser() -> Client:
    return Client(SERVER_NAME=HOST)
