"""Who is told what became of a registration: by mail, in the app, and at the event's desk."""

import pytest

from tests.support import make
from turnout.accounts.models import User
from turnout.events.models import Event
from turnout.notifications.feed.actions import number_new
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.queries import after
from turnout.registrations.actions import cancel, change_capacity
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


def seen_at(event: Event) -> list[tuple[str, object]]:
    number_new()
    return [(entry.kind, entry.subject) for entry in after(event.id, 0)]


def notices_of(person: User) -> list[str]:
    return list(Entry.objects.filter(topic=person.id).order_by("id").values_list("kind", flat=True))


def test_the_desk_sees_each_change_of_where_somebody_stands_and_none_of_strangers_who_proved_no_address() -> None:
    event = make.event(capacity=1)
    first, second = make.confirmed(event), make.confirmed(event)
    cancel(make.pending(event))
    cancel(first)
    assert seen_at(event) == [
        ("registration.confirmed", first.id),
        ("registration.waitlisted", second.id),
        ("registration.cancelled", first.id),
        ("registration.confirmed", second.id),
    ]


def test_the_desk_sees_an_event_change_and_who_gets_the_new_seats_and_that_it_is_cancelled() -> None:
    event = make.event(capacity=0)
    waiting = [make.confirmed(event) for _ in range(2)]
    number_new()
    change_capacity(event.pools.get(), 2)
    change_event(event, EventChange({"location": "Oran"}))
    remove_event(event)
    assert seen_at(event)[2:] == [
        ("registration.confirmed", waiting[0].id),
        ("registration.confirmed", waiting[1].id),
        ("event.changed", event.id),
        ("event.cancelled", event.id),
    ]


def test_a_change_that_changes_nothing_and_one_of_a_draft_are_reported_to_nobody() -> None:
    event, draft = make.event(), make.event(status="draft")
    change_event(event, EventChange({"location": event.location}))
    change_event(draft, EventChange({"location": "Oran"}))
    assert (seen_at(event), seen_at(draft)) == ([], [])


def test_whose_webhooks_hear_of_it_is_the_owner() -> None:
    owner = make.user("owner")
    make.confirmed(make.event(owner=owner))
    assert Entry.objects.get().account == owner.id


def test_who_has_an_account_is_told_in_the_app_too_by_whichever_door_they_came_and_guests_are_not() -> None:
    event = make.event(capacity=2)
    amina, bilal = make.user("amina", role="seeker"), make.user("bilal")
    make.enrolled(event, amina)
    seat = make.confirmed(event, "bilal")
    make.confirmed(event, "guest")
    cancel(seat)
    guest = Registration.objects.get(email="guest@example.org")
    assert guest.status == "confirmed"
    assert notices_of(amina) == ["registration.confirmed"]
    assert notices_of(bilal) == ["registration.confirmed", "registration.cancelled"]
    notice = Entry.objects.get(topic=amina.id)
    assert notice.data == {"event": str(event.id), "title": event.title}
    assert set(Entry.objects.values_list("topic", flat=True)) == {event.id, amina.id, bilal.id}


def test_who_never_confirmed_the_accounts_address_is_told_nothing_in_it() -> None:
    squatter = make.user("amina", address_verified=False)
    make.confirmed(make.event(), "amina")
    assert notices_of(squatter) == []
