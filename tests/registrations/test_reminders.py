"""Reminders: so many hours before an event as it says, once to each who holds a seat."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import make
from turnout.core.errors import InvalidError
from turnout.events.models import Event
from turnout.notifications.feed.models import Entry
from turnout.notifications.mail import compose
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.actions.reminders import remind

pytestmark = pytest.mark.django_db

TODAY = datetime.fromisoformat("2027-03-01T10:00:00+01:00")
SOON = timedelta(days=3)
Clock = time_machine.Traveller


@pytest.fixture(autouse=True)
def clock() -> Iterator[Clock]:
    with time_machine.travel(TODAY, tick=False) as traveller:
        yield traveller


def coming(**fields: object) -> Event:
    return make.event(capacity=2, starts_at=TODAY + SOON, **fields)  # type: ignore[arg-type]


def before_start(hours: float) -> datetime:
    return TODAY + SOON - timedelta(hours=hours)


def reminded() -> list[str]:
    return sorted(Message.objects.filter(kind="registration.reminder").values_list("recipient", flat=True))


def said(number: int = 0) -> str | None:
    mail = compose(Message.objects.filter(kind="registration.reminder").order_by("id")[number])
    return None if mail is None else f"{mail.subject}\n{mail.body}"


def test_who_holds_a_seat_is_reminded_a_day_before_and_nobody_else_and_once(clock: Clock) -> None:
    event = coming()
    for name in ("amina", "bilal", "waiting"):
        make.confirmed(event, name)
    cancel(make.confirmed(make.event(starts_at=TODAY + SOON), "gone"))
    make.pending(event, "pending")
    clock.move_to(before_start(24) - timedelta(seconds=1))
    assert remind() == 0
    clock.move_to(before_start(24))
    assert remind() == 2
    assert remind() == 0
    assert reminded() == ["amina@example.org", "bilal@example.org"]
    text = said()
    assert text is not None
    assert text.startswith(f"Soon: {event.title}\nHello Amina,")
    assert "Thursday 4 March 2027, 10:00 – 12:00 (Africa/Algiers)" in text


def test_an_event_says_how_long_before(clock: Clock) -> None:
    event = coming(reminder_hours=[24, 1])
    make.confirmed(event, "amina")
    clock.move_to(before_start(24))
    assert remind() == 1
    clock.move_to(before_start(1))
    assert remind() == 1
    assert said(1) is not None


def test_while_no_worker_ran_two_came_due_and_one_is_sent(clock: Clock) -> None:
    make.confirmed(coming(reminder_hours=[24, 1]), "amina")
    clock.move_to(before_start(0.5))
    assert remind() == 1
    assert remind() == 0


def test_once_it_has_begun_nobody_is_reminded(clock: Clock) -> None:
    make.confirmed(coming(), "amina")
    clock.move_to(before_start(0))
    assert remind() == 0


def test_who_gets_a_seat_after_the_reminder_has_just_been_told_and_gets_none(clock: Clock) -> None:
    event = coming()
    make.confirmed(event, "amina")
    clock.move_to(before_start(24))
    remind()
    make.confirmed(event, "late")
    clock.shift(timedelta(minutes=5))
    assert remind() == 0
    assert reminded() == ["amina@example.org"]


def test_a_moved_event_is_reminded_of_anew_and_the_old_reminder_is_not_sent(clock: Clock) -> None:
    event = coming()
    make.confirmed(event, "amina")
    clock.move_to(before_start(24))
    remind()
    change_event(event, EventChange({"starts_at": event.starts_at + SOON, "ends_at": event.ends_at + SOON}))
    assert said(0) is None
    clock.move_to(before_start(24) + SOON)
    assert remind() == 1
    text = said(1)
    assert text is not None
    assert "Sunday 7 March 2027" in text


def test_another_place_or_link_is_no_other_time_and_the_reminder_stands(clock: Clock) -> None:
    event = coming(reminder_hours=[24, 1])
    make.confirmed(event, "amina")
    clock.move_to(before_start(24))
    remind()
    change_event(event, EventChange({"location": "Oran", "online_url": "https://meet.example.org/"}))
    text = said(0)
    assert text is not None
    assert "Oran" in text
    clock.move_to(before_start(1))
    assert remind() == 1


def test_of_a_cancelled_event_or_a_given_up_seat_nobody_is_reminded(clock: Clock) -> None:
    event, other = coming(), coming()
    seat = make.confirmed(event, "amina")
    make.confirmed(other, "bilal")
    remove_event(other)
    clock.move_to(before_start(24))
    assert remind() == 1
    cancel(seat)
    assert said() is None


def test_an_edit_in_the_minute_before_the_worker_looks_loses_no_reminder(clock: Clock) -> None:
    event = coming()
    make.confirmed(event, "amina")
    clock.move_to(before_start(24) + timedelta(seconds=30))
    change_event(event, EventChange({"description": "Bring a laptop."}))
    assert remind() == 1


@pytest.mark.parametrize("hours", [[0], [337], [24, 24], [1, 2, 3, 4], ["24"], [True], {"a": 1}, None])
def test_hours_are_up_to_three_different_whole_numbers_up_to_two_weeks(hours: object) -> None:
    with pytest.raises(InvalidError) as refused:
        change_event(coming(), EventChange({"reminder_hours": hours}))
    assert [fault.pointer for fault in refused.value.faults] == ["/reminder_hours"]


def test_no_hours_are_no_reminders(clock: Clock) -> None:
    make.confirmed(coming(reminder_hours=[]), "amina")
    clock.move_to(before_start(1))
    assert remind() == 0


def test_a_reminder_is_a_notice_in_the_app_for_who_has_an_account(clock: Clock) -> None:
    event, amina = coming(), make.user("amina", role="seeker")
    make.enrolled(event, amina)
    make.confirmed(event, "guest")
    clock.move_to(before_start(24))
    remind()
    notice = Entry.objects.get(topic=amina.pk, kind="registration.reminder")
    assert notice.data == {"event": str(event.id), "title": event.title}


def test_many_are_reminded_by_as_many_statements_as_one(clock: Clock) -> None:
    counts = []
    for people in (2, 50):
        clock.move_to(TODAY)
        event = make.event(starts_at=TODAY + SOON)
        for number in range(people):
            make.confirmed(event, f"p{people}-{number}")
        clock.move_to(before_start(24))
        with CaptureQueriesContext(connection) as asked:
            assert remind() == people
        counts.append(len(asked))
    assert counts[0] == counts[1]
