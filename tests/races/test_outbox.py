"""Mails that are owed, while those who deliver them die: invariant 4 of the design, with real workers."""

import time
from functools import partial

import pytest

from tests.races.mails import Postbox, await_delivery, await_that, owe_mails, receiving
from tests.races.processes import Place, kill, working
from tests.races.visitors import dice
from turnout.notifications.models import Message

pytestmark = pytest.mark.servers


def test_workers_killed_at_any_moment_lose_no_mail_and_send_at_most_one_again_each(rows: Place) -> None:
    owed = owe_mails(200)
    postbox = Postbox(seconds=0.005)
    worker_here = partial(working, rows, OUTBOX_LEASE_SECONDS="2")
    rolls = dice(5)

    with receiving(postbox) as port:
        with worker_here(port) as worker:
            # The 30th mail is in, and its sender dies before it learns so.
            postbox.on_arrival = lambda: kill(worker) if len(postbox.arrived) == 30 else None
            worker.wait(60)
        for _ in range(3):
            with worker_here(port) as worker:
                await_that(partial(_has, postbox, len(postbox.arrived) + rolls.randint(5, 45)))
                time.sleep(rolls.uniform(0, 0.02))
                kill(worker)
        with worker_here(port):
            await_delivery()

    copies = postbox.copies()
    assert sorted(recipient for recipient, _ in copies) == owed  # a second copy has the same Message-ID
    assert copies[postbox.arrived[29]] == 2
    assert 1 <= copies.total() - 200 <= 4
    assert Message.objects.filter(state=Message.State.SENT).count() == 200


def test_two_workers_at_once_deliver_each_mail_once(rows: Place) -> None:
    owed = owe_mails(150)
    postbox = Postbox(seconds=0.01)

    with receiving(postbox) as port, working(rows, port), working(rows, port):
        await_delivery()

    assert postbox.most_at_once == 2
    assert sorted(recipient for recipient, _ in postbox.arrived) == owed


def _has(postbox: Postbox, count: int) -> bool:
    return len(postbox.arrived) >= count
