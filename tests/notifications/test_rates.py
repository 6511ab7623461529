"""How much mail goes out: what is too much waits in its order, loses nothing, and others go first."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.support import make
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.guard.notation import windows
from turnout.jobs.worker import run_once
from turnout.notifications.actions import deliver_due, owe
from turnout.notifications.actions.delivery import BATCH
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _memory_is_the_mail_server(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.MAIL_DELIVERED = True


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(now(), tick=False) as clock:
        yield clock


def owed(event: Event, count: int, domain: str = "example.org", *, urgent: bool = False) -> list[str]:
    """Owe a mail to so many people with that provider; return their addresses, in the order of their turns."""
    addresses = []
    for _ in range(count):
        person = make.pending(event)
        Message.objects.filter(subject=person.pk).delete()
        name = person.email.partition("@")[0]
        owe("registration.confirm", person.pk, f"{name}@{domain}", urgent=urgent)
        addresses.append(f"{name}@{domain}")
    return addresses


def gone() -> list[str]:
    """Return who got a mail since this was last asked."""
    sent = [message.to[0] for message in mail.outbox]
    mail.outbox.clear()
    return sent


def test_beyond_the_rate_mail_waits_in_its_order_and_loses_no_attempt(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.MAIL_RATE = windows("10/hour")
    event = make.event(starts_at=now() + timedelta(days=9))
    early = owed(event, 15)
    run_once()
    assert gone() == early[:9]  # the tenth is kept for what is urgent
    assert set(Message.objects.filter(state="due").values_list("attempts", "last_error", "lease")) == {(0, "", None)}
    late = owed(event, 5)
    with CaptureQueriesContext(connection) as asked:
        assert deliver_due() == 0
    assert len(asked) == 1  # what is known to be too much is not even taken on
    clock.shift(timedelta(hours=1, seconds=1))
    run_once()
    assert gone() == (early + late)[9:18]
    clock.shift(timedelta(hours=1, seconds=1))
    run_once()
    assert gone() == (early + late)[18:]


def test_a_code_goes_when_the_rate_is_spent_by_all_other_mail(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    settings.MAIL_RATE = windows("20/hour")
    event = make.event(starts_at=now() + timedelta(days=9))
    usual = owed(event, 25)
    run_once()
    assert gone() == usual[:18]
    codes = owed(event, 3, urgent=True)
    run_once()
    assert gone() == codes[:2]  # the reserve, too, has an end: it is the host who counts
    clock.shift(timedelta(hours=1, seconds=1))
    run_once()
    assert gone() == [*codes[2:], *usual[18:]]


def test_a_provider_that_has_enough_holds_up_no_other(settings: Settings, clock: time_machine.Traveller) -> None:
    settings.MAIL_RATE_PER_DOMAIN = {"gmail.com": windows("5/hour"), "*": windows("10/hour")}
    event = make.event(starts_at=now() + timedelta(days=9))
    many = owed(event, BATCH + 5, "gmail.com")
    others = owed(event, 3) + owed(event, 3, "mail.gmail.com")
    run_once()
    assert gone() == many[:4] + others
    code = owed(event, 1, "gmail.com", urgent=True)
    run_once()
    assert gone() == code
    clock.shift(timedelta(hours=1, seconds=1))
    run_once()
    assert gone() == many[4:8]


def test_without_a_rate_nothing_is_counted_and_with_one_a_message_costs_the_same_however_many_are_due(
    settings: Settings,
) -> None:
    event = make.event()

    def statements(count: int) -> int:
        Message.objects.all().delete()
        owed(event, count)
        with CaptureQueriesContext(connection) as asked:
            assert deliver_due() == count
        return len(asked)

    one, three = statements(1), statements(3)
    without = (three - one) / 2
    settings.MAIL_RATE, settings.MAIL_RATE_PER_DOMAIN = windows("900/hour,9000/day"), {"*": windows("900/hour")}
    one, three = statements(1), statements(3)
    assert (without, (three - one) / 2 - without) == (3, 3)  # a savepoint, the count, its release
