"""What an event needs before it is published."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support import make
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.models import AuditEntry
from turnout.events.actions import Capacity, Parts
from turnout.events.gaps import gaps, hints
from turnout.events.models import Event, Session
from turnout.registrations.actions.events import EventChange, change_event

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
START = now() + timedelta(days=1)


def draft(**fields: Any) -> Event:
    start = fields.pop("starts_at", START)
    return make.event(status="draft", starts_at=start, **fields)


def publish(event: Event, **fields: Any) -> Event:
    return change_event(event, EventChange({"status": "published", **fields}))


def found(event: Event) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in gaps(event, event.pools.all(), event.sessions.all(), now())]


def talk(start: timedelta, hours: float) -> Session:
    return Session(title="Talk", starts_at=START + start, ends_at=START + start + hours * HOUR)


def test_a_complete_draft_has_no_gaps_and_is_published() -> None:
    event = draft()
    assert found(event) == []
    assert publish(event).status == "published"
    assert list(AuditEntry.objects.filter(subject=event.pk).values_list("verb", flat=True).order_by("id")) == [
        "event.created",
        "event.changed",
        "event.published",
    ]


@pytest.mark.parametrize(
    ("fields", "gap"),
    [
        ({"starts_at": now() - 3 * HOUR}, ("/ends_at", "event_over")),
        ({"registration_closes_at": now() - HOUR}, ("/registration_closes_at", "registration_over")),
        ({"registration_opens_at": now() + timedelta(days=2)}, ("/registration_opens_at", "opens_too_late")),
        ({"location": ""}, ("/location", "no_place")),
        ({"capacity": 0, "waitlist_enabled": False}, ("/capacity", "no_seats")),
        ({"by_type": {"on_site": 0, "online": 0}, "waitlist_enabled": False}, ("/capacity", "no_seats")),
        ({"parts": Parts(sessions=[talk(-HOUR, 1.5)])}, ("/sessions/0/starts_at", "outside_event")),
        ({"parts": Parts(sessions=[talk(HOUR, 0.5), talk(HOUR, 1.5)])}, ("/sessions/1/ends_at", "outside_event")),
    ],
)
def test_what_would_be_of_no_use_is_a_gap(fields: dict[str, Any], gap: tuple[str, str]) -> None:
    event = draft(**fields)
    assert found(event) == [gap]
    with pytest.raises(ConflictError) as refusal:
        publish(event)
    assert refusal.value.code == "event_incomplete"
    assert Event.objects.get().status == "draft"


@pytest.mark.parametrize(
    "fields",
    [
        {"location": "", "online_url": "https://meet.example.org/"},
        {"capacity": 0},  # people wait until there are seats
        {"by_type": {"on_site": 0, "online": 1}, "waitlist_enabled": False},
        {"description": "", "image": "", "parts": Parts(languages=[])},
        {"starts_at": now() - HOUR},  # it has begun
        {"registration_opens_at": now() + HOUR},
        {"parts": Parts(sessions=[talk(timedelta(), 1), talk(HOUR, 0.5)])},
    ],
)
def test_what_is_only_unusual_is_no_gap(fields: dict[str, Any]) -> None:
    assert found(draft(**fields)) == []


def test_every_gap_is_named_at_once_and_nothing_is_half_written() -> None:
    sessions = [talk(-HOUR, 0.5), talk(HOUR, 2)]
    event = draft(capacity=0, waitlist_enabled=False, location="Oran", parts=Parts(sessions=sessions))
    with pytest.raises(ConflictError) as refusal:
        publish(event, location="", registration_closes_at=now() - HOUR)
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [
        ("/registration_closes_at", "registration_over"),
        ("/location", "no_place"),
        ("/capacity", "no_seats"),
        ("/sessions/0/starts_at", "outside_event"),
        ("/sessions/1/ends_at", "outside_event"),
    ]
    event.refresh_from_db()
    assert (event.status, event.location, event.registration_closes_at) == ("draft", "Oran", None)


def test_the_gaps_are_closed_by_the_change_that_publishes() -> None:
    event = draft(capacity=0, waitlist_enabled=False, location="", parts=Parts(sessions=[talk(-HOUR, 1)]))
    fields = {"status": "published", "location": "Oran"}
    changed = change_event(event, EventChange(fields, Parts(sessions=[]), Capacity(1)))
    assert changed.status == "published"


def test_what_is_published_is_changed_without_being_asked_again() -> None:
    event = make.event()
    assert publish(event, location="").location == ""


def test_what_people_will_miss_is_a_hint() -> None:
    event = draft(parts=Parts(languages=[]))
    assert [(fault.pointer, fault.code) for fault in hints(event)] == [
        ("/description", "no_description"),
        ("/language", "no_language"),
        ("/image", "no_image"),
        ("/online_url", "no_online_url"),
    ]
    whole = {"description": "x", "image": "https://example.org/i.png", "online_url": "https://example.org/"}
    assert hints(draft(**whole)) == []
    assert [fault.pointer for fault in hints(draft(**whole | {"offers_online": False, "location": ""}))] == [
        "/location"
    ]
