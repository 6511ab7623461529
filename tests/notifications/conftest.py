"""A mail server that nobody has seen fail yet."""

from collections.abc import Iterator

import pytest

from turnout.notifications import rates
from turnout.notifications.actions import delivery


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    yield
    delivery._server.works()
    rates._spent.clear()
