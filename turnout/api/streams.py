"""Server-sent events: what happened in a topic of the feed, from a number on. One address, served in two ways.

Under WSGI the answer is what is new, and then it ends: an EventSource asks again after `retry`. The live process
(`turnout/config/asgi.py`) sends the same answer, keeps it open and goes on by `turnout.api.hub`.
"""

import contextlib
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponse
from django.utils.translation import get_language, override
from drf_spectacular.utils import OpenApiParameter
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from turnout.core.errors import Fault, InvalidError
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.queries import MOST_AT_ONCE, after, latest

MEDIA_TYPE = "text/event-stream"
RESUME = [
    OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="The last number that was read."),
    OpenApiParameter("after", str, OpenApiParameter.QUERY, description="The same, where there is no such header yet."),
]

_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_FRESH = 1.0  # seconds for which a topic's latest number is not asked again
_REMEMBERED = 600
_SOONEST, _LATEST = 2.0, 15.0  # seconds until a client asks again
_BEHIND = 0.1  # the same, where more is known to be there
_json = JSONEncoder(separators=(",", ":"))

Tell = Callable[[UUID, list[Entry]], str]


@dataclass(frozen=True, slots=True)
class Following:
    """Who reads a topic, up to which number, in which language; those who stand at the same are told the same."""

    topic: UUID
    number: int
    language: str
    tell: Tell  # entries of the topic, as frames


@dataclass(frozen=True, slots=True)
class _Latest:
    """A topic's latest number, when it was asked for, and since when it is that."""

    number: int
    asked: float
    since: float


class FrameSerializer(serializers.Serializer[Any]):
    """One of the events in a stream."""

    id = serializers.CharField(required=False, help_text="Its number; that of the one before where it has none.")
    event = serializers.CharField(help_text="Its kind.")
    data = serializers.CharField(help_text="JSON.")  # type: ignore[assignment]  # a field, not the property


RESPONSES = {(200, MEDIA_TYPE): FrameSerializer}


class EventStream(HttpResponse):
    """What is new to somebody who follows a topic, and how to go on from there."""

    def __init__(self, following: Following, opening: str, retry: float) -> None:
        self.following = following
        self.opening = f"retry: {int(retry * 1000)}\n\n{opening}"
        pause = frame("pause", {"retry_ms": int(retry * 1000)})  # that it ends is no fault
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self.opening + pause, MEDIA_TYPE, headers=headers)


def frame(kind: str, data: dict[str, Any], number: int | None = None) -> str:
    """Return one event as it is sent; one without a number leaves where the reader stands."""
    numbered = "" if number is None else f"id: {number}\n"
    return f"{numbered}event: {kind}\ndata: {_json.encode(data)}\n\n"  # JSON has no line breaks of its own


def stream(request: Request, topic: UUID, tell: Tell, *, opening: Callable[[], str] = str) -> EventStream:
    """Answer what happened in the topic since the number that the client names: in its header, else in `after`.

    Who names none is told where they stand, and what `opening` says. InvalidError for what is no number.
    """
    number = _asked(request)
    known = _latest(topic, number or 0)
    idle = time.time() - known.since
    retry = min(max(_SOONEST, idle / 15), _LATEST) * random.uniform(0.75, 1.25)  # noqa: S311  # so that not all come at once
    start = Following(topic, known.number if number is None else number, get_language() or "en", tell)
    if number is None:
        return EventStream(start, f"id: {known.number}\n\n{opening()}", retry)
    following, text = news(start, known.number)
    return EventStream(following, text, _BEHIND if following.number - number >= MOST_AT_ONCE else retry)


def news(following: Following, known: int) -> tuple[Following, str]:
    """Return what happened since, 500 entries at most, and where the reader stands then.

    `known` is the topic's latest number. Who asks for what is forgotten, or stands where nothing is yet since the
    database was restored, is told to begin anew: `reset`.
    """
    if following.number == known:
        return following, ""
    entries = after(following.topic, following.number) if following.number < known else []
    if not entries or entries[0].number != following.number + 1:
        return replace(following, number=known), frame("reset", {}, known)
    with override(following.language):
        text = following.tell(following.topic, entries)
    return replace(following, number=following.number + len(entries)), text


def _asked(request: Request) -> int | None:
    name, text = "Last-Event-ID", request.headers.get("Last-Event-ID")
    if not text:
        name, text = "after", request.query_params.get("after")
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise InvalidError.at(Fault(f"/{name}", "invalid", "The id of an event of this stream."))
    return int(text)


def _latest(topic: UUID, at_least: int) -> _Latest:
    """Return the topic's latest number, asked at most once a second, unless somebody has read further by then."""
    key, moment = f"latest-{topic.hex}", time.time()
    known: _Latest | None = None
    with contextlib.suppress(RedisError, OSError):  # without a cache the database is asked each time
        known = cache.get(key)
    if known is not None and moment - known.asked < _FRESH and known.number >= at_least:
        return known
    number = latest([topic])[topic]
    since = known.since if known is not None and known.number == number else moment
    found = _Latest(number, moment, since)
    with contextlib.suppress(RedisError, OSError):
        cache.set(key, found, _REMEMBERED)
    return found
