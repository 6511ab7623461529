"""Redis, where it is used."""

from collections.abc import Iterator

import redis
from django.conf import settings

from turnout.reports.doctor.findings import Remark, check, error, in_words, ok, warning

_TIMEOUT = 0.5  # seconds, as for all others who ask it


@check("Redis")
def cache() -> Iterator[Remark]:
    """Look whether it answers, and whether it may forget what limits have counted."""
    if not settings.REDIS_URL:
        yield ok("Not used: limits are counted in the database, and each process has a cache of its own.")
        return
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
    try:
        memory = client.info("memory")
    except redis.RedisError as fault:
        yield error(
            f"Redis does not answer: {in_words(fault)}. Limits are counted in the database meanwhile.",
            "Start it, correct REDIS_URL, or take that setting out.",
        )
        return
    finally:
        client.close()
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory") and policy != "noeviction":
        yield warning(
            f"Redis drops what it holds when its memory is full ({policy}): limits then count anew.",
            "Set maxmemory-policy noeviction; when it is full, limits are counted in the database.",
        )
    else:
        yield ok("Redis answers, and drops nothing that limits have counted.")
