"""A limit, when many press against it at once over two server processes."""

import pytest
import redis

from tests.races.processes import Place, serving
from tests.races.visitors import press, visiting
from tests.support import make
from tests.support.databases import redis_address
from turnout.guard.models import Counter as CountedSoFar

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("counted_in", ["database", "redis"])
def test_a_limit_admits_exactly_as_many_as_it_says(rows: Place, counted_in: str) -> None:
    limits = {"THROTTLE_REGISTRATION": "30/hour,1000/day"}
    if counted_in == "redis":
        limits["REDIS_URL"] = redis_address(database=1)  # other tests count in 0
        redis.Redis.from_url(limits["REDIS_URL"]).flushdb()
    CountedSoFar.objects.all().delete()  # by other races on this database
    with serving(rows, **limits) as address, visiting(address) as site:
        statuses = press(site, make.event(), people=80)
    assert (statuses.count(201), statuses.count(429)) == (30, 50)
