"""The hub of the live process: who follows hears, and nothing that goes wrong with one touches the others."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any

import pytest

from turnout.api import hub as room
from turnout.api.hub import MOST_WAITING, Follower, Hub
from turnout.api.streams import Following
from turnout.core.ids import new_id

HEARTBEAT = ": still here\n\n"


def following(number: int = 0) -> Following:
    return Following(new_id(), number, "en", lambda _topic, _entries: "")


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def in_time() -> None:
        await asyncio.wait_for(story(), 20)

    asyncio.run(in_time())


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PAUSE", 0.001)
    monkeypatch.setattr(room, "PAUSE_AFTER_FAILURE", 0.001)


def test_those_who_stand_at_the_same_are_told_the_same_by_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[set[Following]] = []

    def news(wanted: Collection[Following]) -> dict[Following, Any]:
        looks.append(set(wanted))
        return {each: (replace(each, number=1), "news") for each in wanted if each.number == 0}

    monkeypatch.setattr(room, "_news", news)
    same, behind = following(), following()

    async def story() -> None:
        hub = Hub()
        followers = [hub.follow(same), hub.follow(same), hub.follow(replace(behind, number=1))]
        assert [await each.next(5) for each in followers[:2]] == ["news", "news"]
        assert await followers[2].next(0.05) == HEARTBEAT
        assert [each.following.number for each in followers] == [1, 1, 1]

    run(story)
    assert looks[0] == {same, replace(behind, number=1)}


def test_without_anybody_who_follows_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def news(wanted: Collection[Following]) -> dict[Following, Any]:
        looks.append(wanted)
        return {}

    monkeypatch.setattr(room, "_news", news)

    async def story() -> None:
        hub = Hub()
        follower = hub.follow(following())
        await asyncio.sleep(0.05)
        hub.leave(follower)
        await asyncio.sleep(0.05)
        before = len(looks)
        await asyncio.sleep(0.05)
        assert before == len(looks) > 0
        hub.follow(following())
        await asyncio.sleep(0.05)
        assert len(looks) > before

    run(story)


def test_who_reads_too_slowly_is_let_go_with_no_more_kept_for_them_than_that() -> None:
    async def story() -> None:
        slow = Follower(following())
        for number in range(1, MOST_WAITING + 1):
            slow.hear((replace(slow.following, number=number), f"news {number}"))
        assert not slow.over.is_set()
        slow.hear((replace(slow.following, number=MOST_WAITING + 1), "too much"))
        assert (slow.over.is_set(), slow.following.number) == (True, MOST_WAITING)
        assert await slow.next(1) == "news 1"

    run(story)


def test_a_database_that_is_away_for_a_while_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [ConnectionError("away"), ConnectionError("away"), {}]

    def news(wanted: Collection[Following]) -> dict[Following, Any]:
        if answers and isinstance(answer := answers.pop(0), Exception):
            raise answer
        return {each: (replace(each, number=1), "news") for each in wanted if each.number == 0}

    monkeypatch.setattr(room, "_news", news)

    async def story() -> None:
        follower = Hub().follow(following())
        assert await follower.next(5) == "news"
        assert not follower.over.is_set()

    run(story)


@pytest.mark.django_db
def test_a_topic_that_cannot_be_told_ends_its_own_streams_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, sound = following(number=-1), following(number=-2)  # all have news

    def news(each: Following, known: int) -> tuple[Following, str]:
        if each == broken:
            raise ValueError
        return replace(each, number=known), "news"

    monkeypatch.setattr(room, "news", news)
    monkeypatch.setattr(room, "close_old_connections", lambda: None)
    assert room._news({broken, sound}) == {broken: None, sound: (replace(sound, number=0), "news")}

    async def story() -> None:
        follower = Follower(broken)
        follower.hear(None)
        assert follower.over.is_set()

    run(story)


def test_once_it_is_stopped_every_stream_ends_also_one_that_comes_late() -> None:
    async def story() -> None:
        hub = Hub()
        early = hub.follow(following())
        hub.stop()
        assert early.over.is_set()
        assert hub.follow(following()).over.is_set()

    run(story)
