"""Two places to count in: Redis, shared and quick, and the database, which is always there.

Both take all windows in one round trip, and count in all of them or in none. Neither admits more than a window's
amount, however many ask at once.
"""

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import connection, transaction

from turnout.core.transactions import transactional, within_transaction
from turnout.guard.models import Counter
from turnout.guard.notation import Window

_PREFIX = "turnout:limit:"
_TIMEOUT = 0.5  # seconds for Redis to connect, and to answer

# Asks about every window first: who is refused by one must not use up another.
_TAKE = """
local refused, wait = 0, 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then
    local left = redis.call('PTTL', key)
    if refused == 0 or left > wait then refused, wait = i, left end
  end
end
if refused > 0 then return {refused, wait} end
for i, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[2 * i]) end
end
return {0, 0}
"""

_INSERT = "INSERT INTO guard_counter (place, count, closes_at) VALUES {rows} "
_UPSERT = """ON CONFLICT (place) DO UPDATE SET
    count = CASE WHEN guard_counter.closes_at <= %s THEN 1 ELSE guard_counter.count + 1 END,
    closes_at = CASE WHEN guard_counter.closes_at <= %s THEN excluded.closes_at ELSE guard_counter.closes_at END """
# From left to right: the second assignment must still see when the window was to close.
_UPSERT_MYSQL = """ON DUPLICATE KEY UPDATE
    count = IF(closes_at <= %s, 1, count + 1),
    closes_at = IF(closes_at <= %s, VALUES(closes_at), closes_at) """


@dataclass(frozen=True, slots=True)
class Place:
    """One window of one subject: the key under which it is counted."""

    key: str
    window: Window


@dataclass(frozen=True, slots=True)
class Refusal:
    """The window that is full, and in how many milliseconds it closes."""

    place: Place
    wait: int


def take_in_redis(places: Sequence[Place]) -> Refusal | None:
    """Count once in every place; where one is full, in none, and return that one. redis.RedisError if it is away."""
    arguments = [number for place in places for number in (place.window.amount, place.window.seconds * 1000)]
    refused, wait = _script()(keys=[f"{_PREFIX}{place.key}" for place in places], args=arguments)
    return Refusal(places[refused - 1], max(int(wait), 0)) if refused else None


def forget_in_redis(keys: Sequence[str]) -> None:
    """Count these anew. redis.RedisError if it is away."""
    _client().delete(*(f"{_PREFIX}{key}" for key in keys))


def take_in_database(places: Sequence[Place]) -> Refusal | None:
    """Do the same in the database. Within an action that fails, what it counted was never done."""
    if not within_transaction():
        return _take_alone(places)
    with transaction.atomic():  # a savepoint: what is too much takes nothing else with it
        return _take(places)


@transactional
def _take_alone(places: Sequence[Place]) -> Refusal | None:
    return _take(places)


def _take(places: Sequence[Place]) -> Refusal | None:
    refusals = _counted_too_often(places)
    if refusals:
        transaction.set_rollback(True)
    return max(refusals, key=lambda refusal: refusal.wait, default=None)


def _counted_too_often(places: Sequence[Place]) -> list[Refusal]:
    """Count in every place, and return those that now hold more than they may."""
    now = time.time_ns() // 1_000_000
    # In one order everywhere, so that no two wait for each other.
    ordered = sorted(places, key=lambda place: place.key)
    counted = {key: (count, closes_at) for key, count, closes_at in _upsert(ordered, now)}
    return [
        Refusal(place, counted[place.key][1] - now) for place in ordered if counted[place.key][0] > place.window.amount
    ]


def _upsert(places: Sequence[Place], now: int) -> list[tuple[str, int, int]]:
    """Write what is counted now, and return it."""
    values = [number for place in places for number in (place.key, 1, now + place.window.seconds * 1000)]
    statement = _INSERT.format(rows=", ".join(["(%s, %s, %s)"] * len(places)))
    statement += _UPSERT_MYSQL if connection.vendor == "mysql" else _UPSERT
    with connection.cursor() as cursor:
        if connection.features.can_return_rows_from_bulk_insert:
            cursor.execute(f"{statement} RETURNING place, count, closes_at", [*values, now, now])
            return list(cursor.fetchall())
        cursor.execute(statement, [*values, now, now])  # MySQL
    written = Counter.objects.filter(pk__in=[place.key for place in places])
    return list(written.values_list("place", "count", "closes_at"))


@functools.cache
def _script() -> redis.commands.core.Script:
    return _client().register_script(_TAKE)


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
