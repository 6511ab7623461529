"""Webhooks that are owed, while those who send them die: with real workers."""

from collections import Counter
from functools import partial

import pytest

from tests.races.mails import await_that
from tests.races.processes import Place, kill, working
from tests.races.visitors import dice
from tests.support import make
from tests.support.receiver import Receiver, receiving
from turnout.core.ids import new_id
from turnout.notifications.feed.actions import number_new, post
from turnout.notifications.feed.models import Entry
from turnout.notifications.webhooks.actions import add
from turnout.notifications.webhooks.models import Delivery
from turnout.notifications.webhooks.network import PublicURL

pytestmark = pytest.mark.servers

_NOBODY = 9  # where no mail server is


def owe(receiver: Receiver, count: int, hooks: int = 1) -> set[str]:
    """Owe each of new webhooks so many requests, and nobody else any; return their ids."""
    Delivery.objects.all().delete()
    event = make.event()
    for _ in range(hooks):
        add(PublicURL(f"http://127.0.0.1:{receiver.port}/"), actor="system", topic=event.pk)
    post(Entry(topic=event.pk, kind="event.changed", subject=event.pk, data={"n": str(new_id())}) for _ in range(count))
    await_that(lambda: number_new() == 0)
    return {str(pk) for pk in Delivery.objects.values_list("pk", flat=True)}


def _has(receiver: Receiver, count: int) -> bool:
    return len(receiver.got) >= count


def await_sending() -> None:
    await_that(lambda: not Delivery.objects.exclude(state=Delivery.State.SENT).exists())


def test_workers_killed_at_any_moment_lose_nothing_and_send_at_most_one_again_each(rows: Place) -> None:
    rolls = dice(7)
    worker_here = partial(working, rows, _NOBODY, OUTBOX_LEASE_SECONDS="2", WEBHOOK_PRIVATE_NETWORKS="127.0.0.1/32")
    with receiving() as receiver:
        owed = owe(receiver, 120)
        receiver.slow = 0.01
        for _ in range(3):
            with worker_here() as worker:
                seen = len(receiver.got) + rolls.randint(5, 25)
                await_that(partial(_has, receiver, seen))
                kill(worker)
        with worker_here():
            await_sending()
    copies = Counter(got.headers["webhook-id"] for got in receiver.got)
    assert set(copies) == owed
    assert copies.total() <= len(owed) + 3


def test_two_workers_at_once_send_each_once_and_one_at_a_time_to_each_address(rows: Place) -> None:
    with receiving() as receiver:
        owed = owe(receiver, 60, hooks=2)
        receiver.slow = 0.02
        worker_here = partial(working, rows, _NOBODY, WEBHOOK_PRIVATE_NETWORKS="127.0.0.1/32")
        with worker_here(), worker_here():
            await_sending()
    assert sorted(got.headers["webhook-id"] for got in receiver.got) == sorted(owed)
    assert receiver.most_at_once == 2  # two webhooks of one address
