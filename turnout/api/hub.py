"""Streams that stay open: one look at the database for all who follow something in this process.

Nobody who follows holds a thread or a connection. What is new in a topic is read and written out once for all who
stand at the same number of it.
"""

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import OperationalError, close_old_connections

from turnout.api.streams import Following, news
from turnout.notifications.feed.actions import number_new
from turnout.notifications.feed.queries import latest

log = structlog.get_logger()

PAUSE = 0.4  # seconds between looks
PAUSE_AFTER_FAILURE = 2.0
MOST_WAITING = 32  # batches that a slow reader may be behind

_Told = tuple[Following, str] | None  # None: it could not be written out


class Follower:
    """One open stream: where it stands, what it has still to send, and whether it is over."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self.over = asyncio.Event()
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    def hear(self, told: _Told) -> None:
        """Take what is new. Who reads so slowly that too much waits is let go: they come back and read on."""
        if told is None or self._waiting.full():
            self.over.set()
            return
        self.following, text = told
        self._waiting.put_nowait(text)

    async def next(self, patience: float) -> str:
        """Return what comes next; after so many seconds without anything a comment, so that the way stays open."""
        try:
            return await asyncio.wait_for(self._waiting.get(), patience)
        except TimeoutError:
            return ": still here\n\n"


class Hub:
    """All who follow something in this process, in its event loop."""

    def __init__(self) -> None:
        self._followers: set[Follower] = set()
        self._thread = ThreadPoolExecutor(1, "hub")
        self._looking: asyncio.Task[None] | None = None
        self._stopped = False

    def follow(self, following: Following) -> Follower:
        """Let somebody hear what happens from where they stand."""
        follower = Follower(following)
        if self._stopped:
            follower.over.set()
        self._followers.add(follower)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_as_long_as_somebody_follows())
        return follower

    def leave(self, follower: Follower) -> None:
        """Let somebody go."""
        self._followers.discard(follower)

    def stop(self) -> None:
        """End all streams: the server waits for them."""
        self._stopped = True
        for follower in self._followers:
            follower.over.set()

    async def _look_as_long_as_somebody_follows(self) -> None:
        while self._followers and not self._stopped:
            asked = await self._look()
            await asyncio.sleep(PAUSE if asked else PAUSE_AFTER_FAILURE)
        self._looking = None

    async def _look(self) -> bool:
        """Tell everybody what is new to them; False where that could not be asked."""
        wanted = {follower.following for follower in self._followers}
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, _news, wanted)
        except Exception:  # the database may be away for a minute; whoever follows waits
            log.exception("hub_failed")
            return False
        for follower in self._followers:
            if follower.following in found:
                follower.hear(found[follower.following])
        return True


def _news(wanted: Collection[Following]) -> dict[Following, _Told]:
    """Return what is new to each, after giving numbers to what has none yet: no worker is waited for."""
    try:
        number_new()
        known = latest({each.topic for each in wanted})
        return {each: _told(each, known[each.topic]) for each in wanted if each.number != known[each.topic]}
    finally:
        close_old_connections()


def _told(following: Following, known: int) -> _Told:
    try:
        return news(following, known)
    except OperationalError:
        raise
    except Exception:  # whatever is wrong with one topic, the others are still followed
        log.exception("stream_failed", topic=str(following.topic))
        return None
