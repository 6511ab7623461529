"""What changes an event for those who are registered, and what they are told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import make
from turnout.core.clock import now
from turnout.core.errors import ConflictError, NotFoundError
from turnout.core.transactions import RaceLostError
from turnout.events.models import Event, SeatPool
from turnout.events.schedules import read_schedule
from turnout.events.schedules.drafts import ScheduleDraft
from turnout.notifications.mail import Mail
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, confirm
from turnout.registrations.actions.events import EventChange, change_event, import_schedule, remove_event
from turnout.registrations.actions.seats import enter
from turnout.registrations.mails import render
from turnout.registrations.models import EventMove, Registration

pytestmark = pytest.mark.django_db

START = datetime(2030, 5, 6, 9, tzinfo=UTC)


def told(kind: str) -> list[tuple[str, int]]:
    messages = Message.objects.filter(kind=f"registration.{kind}").order_by("recipient", "version")
    return list(messages.values_list("recipient", "version"))


def move(event: Event, **fields: object) -> Event:
    return change_event(event, EventChange(fields))


def changed_mail(registration: Registration, version: int = 1) -> Mail | None:
    return render(Message.objects.get(kind="registration.event_changed", subject=registration.pk, version=version))


def people(event: Event) -> None:
    """Have one in every status there is."""
    make.confirmed(event, "seated")
    make.confirmed(event, "online", attendance_type="online")
    make.confirmed(event, "waiting")
    make.pending(event, "pending")
    cancel(make.confirmed(event, "gone"))


@pytest.mark.parametrize(
    "fields",
    [{"location": "Oran"}, {"starts_at": START + timedelta(minutes=1)}, {"ends_at": START + timedelta(hours=9)}],
)
def test_moving_the_date_or_place_tells_everyone_registered(fields: dict[str, object]) -> None:
    event = make.event(capacity=2, starts_at=START)
    people(event)
    move(event, **fields)
    everyone = ["online@example.org", "seated@example.org", "waiting@example.org"]
    assert told("event_changed") == [(address, 1) for address in everyone]


@pytest.mark.parametrize(
    "fields", [{"title": "Other"}, {"timezone": "UTC"}, {"location": "Algiers"}, {"kind": "meetup"}]
)
def test_what_moves_nobody_tells_nobody(fields: dict[str, object]) -> None:
    event = make.event(capacity=2)
    people(event)
    move(event, **fields)
    assert told("event_changed") == []
    assert not EventMove.objects.exists()


def test_another_address_online_is_told_to_who_comes_online() -> None:
    event = make.event(capacity=2, online_url="https://old.example.org/")
    people(event)
    move(event, online_url="https://new.example.org/")
    assert told("event_changed") == [("online@example.org", 1)]
    mail = changed_mail(Registration.objects.get(email="online@example.org"))
    assert mail is not None
    assert "https://new.example.org/" in mail.text
    assert "https://new.example.org/" in mail.html


def test_who_waits_does_not_learn_where_it_is_online() -> None:
    event = make.event(capacity=0, starts_at=START)
    waiting = make.confirmed(event, attendance_type="online")
    move(event, location="Oran", online_url="https://new.example.org/")
    mail = changed_mail(waiting)
    assert mail is not None
    assert "new.example.org" not in mail.text + mail.html


def test_the_mail_says_what_was_and_what_is() -> None:
    event = make.event(starts_at=START, timezone="UTC", location="Algiers", title="Go")
    held = make.confirmed(event)
    move(event, starts_at=START + timedelta(days=1), ends_at=START + timedelta(days=1, hours=2), location="Oran")
    mail = changed_mail(held)
    assert mail is not None
    assert mail.subject == "Another date or place: Go"
    for text in (mail.text, mail.html):
        assert "Tuesday 7 May 2030, 09:00 – 11:00 (UTC)" in text
        assert "Monday 6 May 2030, 09:00 – 11:00 (UTC)" in text
        assert "Oran" in text
        assert "Algiers" in text
    assert [attachment.name for attachment in mail.attachments] == ["ticket.pdf"]


def test_a_second_change_is_told_again_and_once_from_what_was_known() -> None:
    event = make.event(starts_at=START, timezone="UTC", location="Algiers")
    held = make.confirmed(event)
    move(event, location="Oran")
    move(event, location="Constantine")
    assert [version for _address, version in told("event_changed")] == [1, 2]
    assert changed_mail(held, 1) is None  # the second tells it
    mail = changed_mail(held, 2)
    assert mail is not None
    assert "Constantine" in mail.text
    assert "Algiers" in mail.text
    assert "Oran" not in mail.text


def test_what_was_told_is_what_was_known() -> None:
    event = make.event(starts_at=START, timezone="UTC", location="Algiers")
    held = make.confirmed(event)
    move(event, location="Oran")
    Message.objects.filter(kind="registration.event_changed").update(state="sent", sent_at=now())
    move(event, location="Constantine")
    mail = changed_mail(held, 2)
    assert mail is not None
    assert "Oran" in mail.text
    assert "Algiers" not in mail.text


def test_moved_there_and_back_is_told_to_nobody() -> None:
    event = make.event(location="Algiers")
    held = make.confirmed(event)
    move(event, location="Oran")
    move(event, location="Algiers")
    assert [changed_mail(held, version) for version in (1, 2)] == [None, None]


def test_drafts_and_what_is_over_move_silently() -> None:
    over = make.event(starts_at=now() - timedelta(hours=1))
    make.confirmed(over)
    Event.objects.filter(pk=over.pk).update(ends_at=now() - timedelta(minutes=1))
    move(over, location="Oran")
    assert told("event_changed") == []


def test_cancelling_tells_everybody_registered_and_sends_nobody_there() -> None:
    event = make.event(capacity=2, title="Go")
    people(event)
    remove_event(event)
    everyone = ["online@example.org", "seated@example.org", "waiting@example.org"]
    assert told("event_cancelled") == [(address, 1) for address in everyone]
    sent = dict.fromkeys(set(Message.objects.values_list("kind", flat=True)), 0)
    for message in Message.objects.all():
        mail = render(message)
        if mail is not None:
            sent[message.kind] += 1
            assert mail.attachments == ()
    assert sent == {
        "registration.confirm": 0,
        "registration.confirmed": 0,
        "registration.waitlisted": 0,
        "registration.cancelled": 1,
        "registration.event_cancelled": 3,
    }


def test_of_a_cancelled_event_nobody_takes_a_seat_or_moves_up(
    counters: Callable[[Event], dict[str, tuple[int, int]]],
) -> None:
    event = make.event(capacity=2)
    pending = make.pending(event)
    seated, _second, waiting = (make.confirmed(event) for _ in range(3))
    remove_event(event)
    with pytest.raises(ConflictError, match="cancelled"):
        confirm(pending.confirmation_token)
    cancel(seated)
    waiting.refresh_from_db()
    assert waiting.status == "waitlisted"
    assert counters(event) == {"": (1, 1)}


@pytest.mark.parametrize("capacity", [0, 1, None])
def test_who_read_the_event_before_it_was_cancelled_loses_the_race(capacity: int | None) -> None:
    event = make.event(capacity=capacity)
    pending = make.pending(event)
    SeatPool.objects.update(closed=True)  # the other transaction's, at the moment it commits
    with pytest.raises(RaceLostError):
        enter(pending, "guest")


def test_what_is_deleted_meanwhile_is_not_found() -> None:
    event = make.event()
    remove_event(event)
    with pytest.raises(NotFoundError):
        change_event(event, EventChange({"title": "x"}))
    with pytest.raises(NotFoundError):
        remove_event(event)


def test_telling_many_asks_as_often_as_telling_one() -> None:
    asked = []
    for count in (1, 40):
        event = make.event()
        for _ in range(count):
            make.confirmed(event)
        with CaptureQueriesContext(connection) as queries:
            move(event, location="Oran")
            remove_event(event)
        asked.append(len(queries))
    assert (len(told("event_changed")), len(told("event_cancelled"))) == (41, 41)
    assert asked[0] == asked[1]


@pytest.mark.django_db(transaction=True)
def test_who_registers_at_an_event_that_is_deleted_meanwhile_finds_nothing() -> None:
    event = make.event()
    stale = Event.objects.get(pk=event.pk)
    remove_event(event)
    with pytest.raises(NotFoundError):
        make.pending(stale)


def test_a_schedule_that_is_imported_again_with_other_times_tells_who_is_registered() -> None:
    first = schedule("2030-05-06T09:00:00+00:00")
    import_schedule(first)
    event = Event.objects.get()
    make.confirmed(event, "amina")
    assert import_schedule(first).event == "unchanged"
    assert told("event_changed") == []
    import_schedule(schedule("2030-05-07T09:00:00+00:00"))
    assert told("event_changed") == [("amina@example.org", 1)]
    assert EventMove.objects.get().starts_at == datetime(2030, 5, 6, 9, tzinfo=UTC)


def schedule(start: str) -> ScheduleDraft:
    talk = {"id": 1, "guid": "a", "date": start, "duration": "01:00", "title": "Talk", "room": "Hall"}
    days = [{"index": 1, "date": start[:10], "rooms": {"Hall": [talk]}}]
    conference = {"acronym": "con", "title": "Con", "time_zone_name": "UTC", "days": days}
    return read_schedule(json.dumps({"schedule": {"conference": conference}}).encode()).draft
