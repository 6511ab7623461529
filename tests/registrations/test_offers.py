"""Seats offered to the first in line for a time, and the question whether people still come."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine

from tests.support import make
from turnout.core.clock import now
from turnout.core.errors import ConflictError, GoneError
from turnout.events.models import Event, SeatPool
from turnout.notifications.mail import compose
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, change, change_capacity, coming
from turnout.registrations.actions.coming import ask_who_comes, release_unanswered, still_coming
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.actions.offers import accept, lapse_offers
from turnout.registrations.models import Registration
from turnout.registrations.queries import position

pytestmark = pytest.mark.django_db

START = datetime.fromisoformat("2027-03-01T10:00:00+01:00")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


Clock = time_machine.Traveller


def stand(*people: Registration) -> list[tuple[str, int | None]]:
    """Return how each stands, and the position in line."""
    for person in people:
        person.refresh_from_db()
    return [(person.status, position(person)) for person in people]


def counted(event: Event) -> tuple[int, int, int]:
    """Return the counters, which always equal a recount: taken, of those offered, waiting."""
    pool = SeatPool.objects.get(event=event)
    rows = Registration.objects.filter(event=event)
    seated, offered, waiting = (rows.filter(status=status).count() for status in ("confirmed", "offered", "waitlisted"))
    assert (pool.taken, pool.offered, pool.waiting) == (seated + offered, offered, waiting)
    return pool.taken, pool.offered, pool.waiting


def owed(registration: Registration) -> list[str]:
    kinds = Message.objects.filter(subject=registration.id).order_by("id").values_list("kind", flat=True)
    return [kind.removeprefix("registration.") for kind in kinds]


def said(registration: Registration, kind: str) -> str | None:
    """Return what the latest mail of this kind says now; None where it is not sent any more."""
    message = Message.objects.filter(subject=registration.id, kind=f"registration.{kind}").order_by("id").last()
    assert message is not None
    mail = compose(message)
    return None if mail is None else str(mail.body)


def offering(**fields: object) -> Event:
    """Return an event in ten days that offers a free seat for 24 hours."""
    return make.event(capacity=1, offer_hours=24, starts_at=START + timedelta(days=10), **fields)  # type: ignore[arg-type]


def test_a_seat_that_comes_free_is_kept_for_the_first_in_line_until_the_deadline() -> None:
    event = offering()
    holder, first, second = (make.enrolled(event) for _ in range(3))
    cancel(holder)
    assert stand(first, second) == [("offered", None), ("waitlisted", 1)]
    assert first.offer_expires_at == START + timedelta(hours=24)
    assert counted(event) == (1, 1, 1)
    assert make.enrolled(event).status == "waitlisted"  # the seat is nobody else's
    text = said(first, "offered")
    assert text is not None
    assert "kept for you until Tuesday 2 March 2027, 10:00 (Africa/Algiers)" in text


def test_who_accepts_in_time_has_the_seat_and_accepting_twice_is_once(clock: Clock) -> None:
    event = offering()
    holder, first = make.enrolled(event), make.enrolled(event)
    cancel(holder)
    clock.shift(timedelta(hours=24) - timedelta(microseconds=1))
    assert accept(first).ticket_id == accept(first).ticket_id
    assert stand(first) == [("confirmed", None)]
    assert counted(event) == (1, 0, 0)
    assert owed(first) == ["waitlisted", "offered", "confirmed"]
    assert said(first, "offered") is None


def test_at_the_deadline_the_offer_is_over_whether_the_sweep_came_by_or_not(clock: Clock) -> None:
    event = offering()
    holder, first = make.enrolled(event), make.enrolled(event)
    cancel(holder)
    clock.shift(timedelta(hours=24))
    with pytest.raises(GoneError) as refused:
        accept(first)
    assert refused.value.code == "offer_expired"


def test_a_lapsed_offer_passes_to_the_next_and_who_let_it_lapse_stands_last(clock: Clock) -> None:
    event = offering()
    holder, first, second, third = (make.enrolled(event) for _ in range(4))
    cancel(holder)
    assert lapse_offers() == 0
    clock.shift(timedelta(hours=24))
    assert lapse_offers() == 1
    assert stand(second, third, first) == [("offered", None), ("waitlisted", 1), ("waitlisted", 2)]
    assert counted(event) == (1, 1, 2)
    text = said(first, "offer_lapsed")
    assert text is not None
    assert "you are number 2" in text
    with pytest.raises(GoneError):
        accept(first)


def test_who_waits_alone_is_offered_the_seat_three_times_and_then_has_left_the_line(clock: Clock) -> None:
    event = offering()
    holder, lone = make.enrolled(event), make.enrolled(event)
    cancel(holder)
    for _ in range(2):
        clock.shift(timedelta(hours=24))
        assert lapse_offers() == 1
        assert stand(lone) == [("offered", None)]
    clock.shift(timedelta(hours=24))
    assert lapse_offers() == 1
    assert stand(lone) == [("cancelled", None)]
    assert counted(event) == (0, 0, 0)
    assert sorted(owed(lone)) == ["offer_lapsed"] * 3 + ["offered"] * 3 + ["waitlisted"]
    text = said(lone, "offer_lapsed")
    assert text is not None
    assert "no longer in line" in text


def test_an_offer_lasts_no_longer_than_until_the_event_begins_and_near_it_the_seat_is_theirs(clock: Clock) -> None:
    event = offering()
    first, second, third = (make.enrolled(event) for _ in range(3))
    clock.move_to(event.starts_at - timedelta(hours=2))
    cancel(first)
    second.refresh_from_db()
    assert second.offer_expires_at == event.starts_at
    clock.move_to(event.starts_at - timedelta(minutes=59))
    cancel(second)
    assert stand(third) == [("confirmed", None)]
    assert counted(event) == (1, 0, 0)


def test_who_declines_an_offer_by_cancelling_passes_it_on_at_once() -> None:
    event = offering()
    holder, first, second = (make.enrolled(event) for _ in range(3))
    cancel(holder)
    cancel(Registration.objects.get(pk=first.pk))
    assert stand(first, second) == [("cancelled", None), ("offered", None)]
    assert counted(event) == (1, 1, 0)


def test_more_seats_are_offered_too_and_fewer_are_never_less_than_those_kept() -> None:
    event = offering()
    people = [make.enrolled(event) for _ in range(4)]
    change_capacity(event.pools.get(), 3)
    assert stand(*people) == [("confirmed", None), ("offered", None), ("offered", None), ("waitlisted", 1)]
    with pytest.raises(ConflictError) as refused:
        change_capacity(event.pools.get(), 2)
    assert refused.value.code == "capacity_below_taken"
    assert counted(event) == (3, 2, 1)


def test_who_is_offered_a_seat_may_take_one_of_the_other_kind_and_it_passes_on() -> None:
    event = make.event(by_type={"on_site": 1, "online": 1}, offer_hours=24, starts_at=START + timedelta(days=10))
    holder, first, second = (make.enrolled(event) for _ in range(3))
    cancel(holder)
    change(Registration.objects.get(pk=first.pk), {"attendance_type": "online"})
    assert stand(first, second) == [("confirmed", None), ("offered", None)]
    pools = {pool.attendance_type: (pool.taken, pool.offered, pool.waiting) for pool in event.pools.all()}
    assert pools == {"on_site": (1, 1, 0), "online": (1, 0, 0)}


def test_nobody_accepts_what_was_never_offered_or_at_a_cancelled_event() -> None:
    event = offering()
    holder, first = make.enrolled(event), make.enrolled(event)
    with pytest.raises(ConflictError) as refused:
        accept(first)
    assert refused.value.code == "not_offered"
    cancel(holder)
    remove_event(event)
    with pytest.raises(ConflictError) as refused:
        accept(Registration.objects.get(pk=first.pk))
    assert refused.value.code == "registration_closed"


# --- Still coming? -----------------------------------------------------------------------------------------------


def asking(**fields: object) -> Event:
    """Return an event in ten days that asks two days before, and releases one day before."""
    new: dict[str, object] = {
        "capacity": 2,
        "ask_hours": 48,
        "release_hours": 24,
        "starts_at": START + timedelta(days=10),
    }
    return make.event(**(new | fields))  # type: ignore[arg-type]


def test_people_are_asked_in_time_once_and_not_those_who_just_came(clock: Clock) -> None:
    event = asking(capacity=5)
    early = make.enrolled(event)
    clock.move_to(event.starts_at - timedelta(hours=48, microseconds=1))
    assert ask_who_comes() == 0
    clock.shift(timedelta(microseconds=1))
    late = make.enrolled(event)
    assert (ask_who_comes(), ask_who_comes()) == (1, 0)
    for person in (early, late):
        person.refresh_from_db()
    assert (early.asked_at, early.answer_by, early.coming_at) == (now(), event.starts_at - timedelta(hours=24), None)
    assert (late.asked_at, late.answer_by, late.coming_at) == (now(), None, now())
    assert (owed(early)[-1], owed(late)[-1]) == ("still_coming", "confirmed")
    text = said(early, "still_coming")
    assert text is not None
    assert "Please say so by Wednesday 10 March 2027, 10:00" in text


def test_who_answers_keeps_the_seat_and_who_does_not_loses_it_to_the_first_in_line(clock: Clock) -> None:
    event = asking()
    answers, silent, waiting = (make.enrolled(event) for _ in range(3))
    clock.move_to(event.starts_at - timedelta(hours=48))
    assert ask_who_comes() == 2
    assert still_coming(still_coming(answers)).coming_at == now()
    assert said(answers, "still_coming") is None
    assert release_unanswered() == 0
    clock.shift(timedelta(hours=24))
    assert (release_unanswered(), release_unanswered()) == (1, 0)
    assert stand(answers, silent, waiting) == [("confirmed", None), ("cancelled", None), ("confirmed", None)]
    assert counted(event) == (2, 0, 0)
    assert owed(silent) == ["confirmed", "still_coming", "released"]


def test_who_was_seated_late_is_asked_too_and_has_twelve_hours_to_answer(clock: Clock) -> None:
    event = asking(capacity=1)
    holder, promoted, last = (make.enrolled(event) for _ in range(3))
    clock.move_to(event.starts_at - timedelta(hours=20))
    ask_who_comes()
    cancel(Registration.objects.get(pk=holder.pk))
    assert ask_who_comes() == 1
    promoted.refresh_from_db()
    assert promoted.answer_by == event.starts_at - timedelta(hours=8)
    clock.move_to(event.starts_at - timedelta(hours=8))
    assert release_unanswered() == 1
    assert ask_who_comes() == 1
    last.refresh_from_db()
    assert (last.status, last.asked_at, last.answer_by) == ("confirmed", now(), None)  # too late to lose it


def test_without_a_time_of_release_people_are_only_asked(clock: Clock) -> None:
    event = asking(release_hours=None)
    person = make.enrolled(event)
    clock.move_to(event.starts_at - timedelta(hours=1))
    assert (ask_who_comes(), release_unanswered()) == (1, 0)
    person.refresh_from_db()
    assert person.answer_by is None


def test_when_the_event_moves_to_another_time_people_are_asked_anew(clock: Clock) -> None:
    event = asking()
    person = make.enrolled(event)
    clock.move_to(event.starts_at - timedelta(hours=48))
    ask_who_comes()
    later = timedelta(days=7)
    change_event(event, EventChange({"starts_at": event.starts_at + later, "ends_at": event.ends_at + later}))
    person.refresh_from_db()
    assert (person.asked_at, person.answer_by) == (None, None)
    clock.shift(later)
    assert ask_who_comes() == 1
    assert owed(person) == ["confirmed", "still_coming", "event_changed", "still_coming"]


def test_only_who_was_asked_and_has_a_seat_can_say_so() -> None:
    event = asking(capacity=1)
    seated, waiting = make.enrolled(event), make.enrolled(event)
    for person, code in ((seated, "not_asked"), (waiting, "not_confirmed")):
        with pytest.raises(ConflictError) as refused:
            still_coming(person)
        assert refused.value.code == code


def test_who_was_asked_is_not_released_once_the_team_releases_nobody_and_later_where_it_says_so(
    clock: Clock,
) -> None:
    event = asking(capacity=5)
    person = make.enrolled(event)
    clock.move_to(event.starts_at - timedelta(hours=48))
    ask_who_comes()
    event = change_event(event, EventChange({"release_hours": 2}))
    person.refresh_from_db()
    assert person.answer_by == event.starts_at - timedelta(hours=2)
    change_event(event, EventChange({"ask_hours": None, "release_hours": None}))
    clock.shift(timedelta(hours=47))
    assert release_unanswered() == 0


def test_nobody_is_asked_about_an_event_that_was_moved_or_cancelled_this_moment(clock: Clock) -> None:
    event = asking()
    make.enrolled(event)
    clock.move_to(event.starts_at - timedelta(hours=48))
    read_before = Event.objects.get(pk=event.pk)
    later = timedelta(days=60)
    change_event(event, EventChange({"starts_at": event.starts_at + later, "ends_at": event.ends_at + later}))
    assert coming._ask(read_before) == 0
    assert not Registration.objects.filter(asked_at__isnull=False).exists()


def test_an_offer_ends_when_an_event_that_was_moved_begins(clock: Clock) -> None:
    event = make.event(capacity=1, offer_hours=480, starts_at=START + timedelta(days=40))
    holder, first = make.enrolled(event), make.enrolled(event)
    cancel(holder)
    sooner = {"starts_at": START + timedelta(days=1), "ends_at": START + timedelta(days=1, hours=2)}
    change_event(event, EventChange(sooner))
    first.refresh_from_db()
    assert first.offer_expires_at == sooner["starts_at"]
    clock.move_to(sooner["starts_at"])
    assert lapse_offers() == 1
