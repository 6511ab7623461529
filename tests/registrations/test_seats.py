"""Seats and the line for them: invariants 1 to 3 of the design, one caller at a time. Many at once: tests/races."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from tests.support import make
from turnout.core.clock import now
from turnout.core.errors import ConflictError, GoneError, InvalidError
from turnout.core.models import AuditEntry
from turnout.core.tokens import make_token
from turnout.events.models import Event, SeatPool
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, change, change_capacity, confirm, expire_unconfirmed, register
from turnout.registrations.models import Registration
from turnout.registrations.queries import position

pytestmark = pytest.mark.django_db

Counters = Callable[[Event], dict[str, tuple[int, int]]]


def states(event: Event) -> list[str]:
    return list(Registration.objects.filter(event=event).order_by("id").values_list("status", flat=True))


def owed(registration: Registration) -> list[str]:
    kinds = Message.objects.filter(subject=registration.id).order_by("id").values_list("kind", flat=True)
    return [kind.removeprefix("registration.") for kind in kinds]


def test_registering_takes_no_seat_and_owes_one_mail(counters: Counters) -> None:
    event = make.event(capacity=1)
    registration = make.pending(event)
    assert counters(event) == {"": (0, 0)}
    assert (registration.status, owed(registration)) == ("pending", ["confirm"])


def test_confirming_takes_the_seats_in_order_and_then_the_places_in_line(counters: Counters) -> None:
    event = make.event(capacity=2)
    people = [make.confirmed(event) for _ in range(5)]
    assert [person.status for person in people] == ["confirmed"] * 2 + ["waitlisted"] * 3
    assert [position(person) for person in people] == [None, None, 1, 2, 3]
    assert counters(event) == {"": (2, 3)}
    assert [owed(person)[1:] for person in people] == [["confirmed"]] * 2 + [["waitlisted"]] * 3


def test_confirming_twice_answers_the_same_and_takes_one_seat(counters: Counters) -> None:
    event = make.event(capacity=5)
    registration = make.pending(event)
    first, second = confirm(registration.confirmation_token), confirm(registration.confirmation_token)
    assert (first.id, first.ticket_id, first.status) == (second.id, second.ticket_id, second.status)
    assert counters(event) == {"": (1, 0)}
    assert owed(registration) == ["confirm", "confirmed"]


def test_a_second_registration_of_the_same_person_answers_the_one_that_stands(counters: Counters) -> None:
    event = make.event(capacity=5)
    first = make.confirmed(event, "amina")
    second = make.pending(event, "amina", email="AMINA@example.org ")
    assert confirm(second.confirmation_token).id == first.id
    assert counters(event) == {"": (1, 0)}


def test_an_address_with_an_accent_is_another_person(counters: Counters) -> None:
    event = make.event(capacity=5)
    jose = make.confirmed(event, email="jose@example.org")
    accented = make.confirmed(event, email="josé@example.org")
    assert jose.id != accented.id
    assert jose.confirmation_token != accented.confirmation_token
    assert counters(event) == {"": (2, 0)}


def test_the_database_itself_refuses_a_second_active_registration_of_a_person() -> None:
    first = make.confirmed(make.event())
    second = make.pending(first.event, email=first.email)
    with pytest.raises(IntegrityError), transaction.atomic():
        Registration.objects.filter(pk=second.pk).update(
            status="confirmed", active_key=first.active_key, ticket_id=second.id
        )


def test_the_database_itself_refuses_to_sell_a_seat_too_many() -> None:
    event = make.event(capacity=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        SeatPool.objects.filter(event=event).update(taken=2)


def test_a_cancelled_seat_goes_to_the_first_in_line_and_both_are_told(counters: Counters) -> None:
    event = make.event(capacity=1)
    holder, first, second = (make.confirmed(event) for _ in range(3))
    cancel(holder)
    assert states(event) == ["cancelled", "confirmed", "waitlisted"]
    assert counters(event) == {"": (1, 1)}
    assert [owed(person)[-1] for person in (holder, first, second)] == ["cancelled", "promoted", "waitlisted"]
    second.refresh_from_db()
    assert position(second) == 1


def test_leaving_the_line_moves_those_behind_up(counters: Counters) -> None:
    event = make.event(capacity=1)
    _holder, first, second = (make.confirmed(event) for _ in range(3))
    cancel(first)
    assert position(second) == 1
    assert counters(event) == {"": (1, 1)}


def test_cancelling_twice_frees_one_seat(counters: Counters) -> None:
    event = make.event(capacity=2)
    one, _other = make.confirmed(event), make.confirmed(event)
    cancel(one)
    cancel(one)
    assert counters(event) == {"": (1, 0)}
    assert owed(one) == ["confirm", "confirmed", "cancelled"]


def test_who_cancelled_may_come_back_as_somebody_new(counters: Counters) -> None:
    event = make.event(capacity=1)
    first = make.confirmed(event, "amina")
    cancel(first)
    again = make.confirmed(event, "amina")
    assert (again.status, again.id == first.id) == ("confirmed", False)
    assert counters(event) == {"": (1, 0)}


def test_a_pending_registration_cancelled_tells_nobody(counters: Counters) -> None:
    event = make.event(capacity=1)
    registration = cancel(make.pending(event))
    assert (registration.status, owed(registration)) == ("cancelled", ["confirm"])
    with pytest.raises(ConflictError) as refused:
        confirm(registration.confirmation_token)
    assert refused.value.code == "registration_cancelled"
    assert counters(event) == {"": (0, 0)}


def test_more_capacity_promotes_as_many_as_it_seats(counters: Counters) -> None:
    event = make.event(capacity=1)
    for _ in range(4):
        make.confirmed(event)
    change_capacity(event.pools.get(), 3)
    assert states(event) == ["confirmed"] * 3 + ["waitlisted"]
    assert counters(event) == {"": (3, 1)}
    change_capacity(event.pools.get(), None)
    assert counters(event) == {"": (4, 0)}


def test_capacity_is_never_lowered_below_what_is_taken(counters: Counters) -> None:
    event = make.event(capacity=3)
    make.confirmed(event)
    make.confirmed(event)
    with pytest.raises(ConflictError) as refused:
        change_capacity(event.pools.get(), 1)
    assert (refused.value.code, refused.value.data) == ("capacity_below_taken", {"taken": 2})
    assert change_capacity(event.pools.get(), 2).capacity == 2
    assert counters(event) == {"": (2, 0)}


def test_without_a_waiting_list_a_full_event_refuses_at_both_doors(counters: Counters) -> None:
    event = make.event(capacity=1, waitlist_enabled=False)
    late = make.pending(event)
    make.confirmed(event)
    with pytest.raises(ConflictError) as at_confirming:
        confirm(late.confirmation_token)
    with pytest.raises(ConflictError) as at_registering:
        register(event, make.guest())
    assert at_confirming.value.code == at_registering.value.code == "event_full"
    assert counters(event) == {"": (1, 0)}


def test_an_event_without_seats_has_only_a_line(counters: Counters) -> None:
    event = make.event(capacity=0)
    assert make.confirmed(event).status == "waitlisted"
    assert counters(event) == {"": (0, 1)}


def test_seats_by_attendance_type_have_lines_of_their_own(counters: Counters) -> None:
    event = make.event(by_type={"on_site": 1, "online": None})
    make.confirmed(event)
    waiting = make.confirmed(event)
    online = make.confirmed(event, attendance_type="online")
    assert (waiting.status, online.status) == ("waitlisted", "confirmed")
    assert counters(event) == {"on_site": (1, 1), "online": (1, 0)}


def test_switching_the_attendance_type_takes_a_seat_there_and_frees_the_one_here(counters: Counters) -> None:
    event = make.event(by_type={"on_site": 1, "online": 1})
    holder, waiting = make.confirmed(event), make.confirmed(event)
    assert change(holder, {"attendance_type": "online"}).status == "confirmed"
    waiting.refresh_from_db()
    assert waiting.status == "confirmed"
    assert counters(event) == {"on_site": (1, 0), "online": (1, 0)}
    with pytest.raises(ConflictError) as refused:
        change(waiting, {"attendance_type": "online"})
    assert refused.value.code == "event_full"
    assert counters(event) == {"on_site": (1, 0), "online": (1, 0)}


def test_who_waits_may_switch_to_where_a_seat_is_free(counters: Counters) -> None:
    event = make.event(by_type={"on_site": 1, "online": 1})
    make.confirmed(event)
    waiting = make.confirmed(event)
    assert change(waiting, {"attendance_type": "online"}).ticket_id is not None
    assert counters(event) == {"on_site": (1, 0), "online": (1, 0)}
    assert owed(waiting) == ["confirm", "waitlisted", "promoted"]


def test_who_switched_in_the_meantime_leaves_the_seat_they_have_now(counters: Counters) -> None:
    event = make.event(by_type={"on_site": 1, "online": 1})
    seen_before = make.confirmed(event)
    change(Registration.objects.get(), {"attendance_type": "online"})
    cancel(seen_before)
    assert counters(event) == {"on_site": (0, 0), "online": (0, 0)}


def test_a_shared_pool_lets_the_attendance_type_change_freely(counters: Counters) -> None:
    event = make.event(capacity=1)
    holder = make.confirmed(event)
    assert change(holder, {"attendance_type": "online", "full_name": "New Name"}).attendance_type == "online"
    holder.refresh_from_db()
    assert (holder.attendance_type, holder.full_name) == ("online", "New Name")
    assert counters(event) == {"": (1, 0)}


def test_an_event_is_attended_only_as_it_offers() -> None:
    event = make.event(offers_online=False)
    with pytest.raises(InvalidError) as refused:
        make.pending(event, attendance_type="online")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/attendance_type", "not_offered")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"starts_at": -3}, "registration_closed"),
        ({"status": "draft"}, "registration_closed"),
        ({"status": "cancelled"}, "registration_closed"),
        ({"registration_closes_at": -1}, "registration_closed"),
        ({"registration_opens_at": 1}, "registration_not_open"),
    ],
)
def test_registration_is_open_in_its_time_only(fields: dict[str, Any], code: str) -> None:
    hours = {name: now() + timedelta(hours=value) for name, value in fields.items() if isinstance(value, int)}
    event = make.event(**(fields | hours))
    with pytest.raises(ConflictError) as refused:
        make.pending(event)
    assert refused.value.code == code


def test_a_link_works_for_seven_days() -> None:
    event = make.event(starts_at=now() + timedelta(days=30))
    registration = make.pending(event)
    with time_machine.travel(now() + timedelta(days=7, seconds=1)):
        for _ in range(2):
            with pytest.raises(GoneError) as refused:
                confirm(registration.confirmation_token)
            assert refused.value.code == "token_expired"
            assert expire_unconfirmed() in {0, 1}
    registration.refresh_from_db()
    assert registration.status == "expired"


def test_only_what_was_never_confirmed_expires() -> None:
    event = make.event(capacity=1, starts_at=now() + timedelta(days=30))
    for _ in range(2):
        make.confirmed(event)
    make.pending(event)
    with time_machine.travel(now() + timedelta(days=8)):
        assert expire_unconfirmed() == 1
    assert states(event) == ["confirmed", "waitlisted", "expired"]


def test_a_token_of_another_kind_confirms_nothing() -> None:
    registration = make.pending(make.event())
    for token in (registration.manage_token, make_token("registration.manage", registration.id)):
        with pytest.raises(InvalidError) as refused:
            confirm(token)
        assert refused.value.code == "token_invalid"


@pytest.mark.parametrize("change_event", [{"status": "cancelled"}, {"ends_at": 0}])
def test_nobody_confirms_into_an_event_that_does_not_take_place(change_event: dict[str, object]) -> None:
    event = make.event()
    registration = make.pending(event)
    if "ends_at" in change_event:
        change_event = {"starts_at": now() - timedelta(hours=2), "ends_at": now() - timedelta(hours=1)}
    Event.objects.filter(pk=event.pk).update(**change_event)
    with pytest.raises(ConflictError) as refused:
        confirm(registration.confirmation_token)
    assert refused.value.code == "registration_closed"


def test_once_an_event_is_over_its_registrations_stand(counters: Counters) -> None:
    event = make.event(capacity=1)
    holder = make.confirmed(event)
    with time_machine.travel(event.ends_at + timedelta(seconds=1)):
        with pytest.raises(ConflictError) as at_cancelling:
            cancel(holder)
        with pytest.raises(ConflictError) as at_changing:
            change(holder, {"full_name": "Late"})
    assert at_cancelling.value.code == at_changing.value.code == "registration_closed"
    assert counters(event) == {"": (1, 0)}


def test_every_deed_leaves_who_and_what() -> None:
    event = make.event(capacity=1)
    holder, waiting = make.confirmed(event), make.confirmed(event)
    cancel(holder, actor="user:x")
    trail = AuditEntry.objects.filter(subject__in=[holder.id, waiting.id]).order_by("id")
    assert list(trail.values_list("actor", "verb")) == [
        ("guest", "registration.created"),
        ("guest", "registration.confirmed"),
        ("guest", "registration.created"),
        ("guest", "registration.waitlisted"),
        ("system", "registration.promoted"),
        ("user:x", "registration.cancelled"),
    ]
