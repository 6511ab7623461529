"""Who enrolls with an account, beside guests on the same seats. Many at once: tests/races."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from turnout.accounts.actions import profile
from turnout.accounts.models import AddressChange, Role, User
from turnout.core.clock import now
from turnout.core.errors import ConflictError, NotFoundError
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Series
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, change, enroll
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.actions.people import confirm_address
from turnout.registrations.models import Registration
from turnout.registrations.queries import enrollment, past, upcoming

pytestmark = pytest.mark.django_db

Counters = Callable[[Event], dict[str, tuple[int, int]]]


def seeker(name: str = "") -> User:
    return make.user(name, role=Role.SEEKER)


def owed(registration: Registration) -> list[str]:
    kinds = Message.objects.filter(subject=registration.id).order_by("id").values_list("kind", flat=True)
    return [kind.removeprefix("registration.") for kind in kinds]


def test_guests_and_seekers_share_the_seats_and_the_line(counters: Counters) -> None:
    event = make.event(capacity=1)
    people = [make.confirmed(event), make.enrolled(event), make.confirmed(event), make.enrolled(event)]
    assert [(person.status, person.place) for person in people] == [
        ("confirmed", None),
        ("waitlisted", 1),
        ("waitlisted", 2),
        ("waitlisted", 3),
    ]
    assert counters(event) == {"": (1, 3)}
    assert [owed(person) for person in people] == [
        ["confirm", "confirmed"],
        ["waitlisted"],
        ["confirm", "waitlisted"],
        ["waitlisted"],
    ]


def test_nobody_enrolls_twice_by_whichever_door_they_came_in_first(counters: Counters) -> None:
    event, amina = make.event(capacity=5), seeker("amina")
    make.confirmed(event, "amina")
    with pytest.raises(ConflictError) as refused:
        make.enrolled(event, amina)
    assert refused.value.code == "already_enrolled"
    assert counters(event) == {"": (1, 0)}


def test_who_is_enrolled_confirms_no_second_seat_as_a_guest(counters: Counters) -> None:
    event, amina = make.event(capacity=5), seeker("amina")
    mine = make.enrolled(event, amina)
    assert make.confirmed(event, "amina").id == mine.id
    assert counters(event) == {"": (1, 0)}


def test_a_strangers_pending_registration_at_my_address_keeps_me_from_nothing(counters: Counters) -> None:
    event, amina = make.event(capacity=1), seeker("amina")
    make.pending(event, "amina")
    assert make.enrolled(event, amina).status == "confirmed"
    assert counters(event) == {"": (1, 0)}


def test_who_cancelled_enrolls_again_at_the_end_of_the_line(counters: Counters) -> None:
    event, amina = make.event(capacity=1), seeker("amina")
    first = make.enrolled(event, amina)
    waiting = make.enrolled(event)
    cancel(enrollment(event.id, amina))
    again = make.enrolled(event, amina)
    waiting.refresh_from_db()
    assert (again.id == first.id, again.status, waiting.status) == (False, "waitlisted", "confirmed")
    assert counters(event) == {"": (1, 1)}


def test_a_full_event_without_a_line_refuses_and_leaves_no_row() -> None:
    event = make.event(capacity=1, waitlist_enabled=False)
    make.enrolled(event)
    with pytest.raises(ConflictError) as refused:
        make.enrolled(event)
    assert refused.value.code == "event_full"
    assert Registration.objects.filter(event=event).count() == 1


def test_nobody_enrolls_in_what_is_over_cancelled_or_closed() -> None:
    closed = make.event(registration_closes_at=now() - timedelta(seconds=1))
    cancelled = make.event()
    make.enrolled(cancelled)
    remove_event(cancelled)
    cancelled.refresh_from_db()
    over = make.event(starts_at=now() - timedelta(days=1))
    for event in (closed, cancelled, over):
        with pytest.raises(ConflictError) as refused:
            make.enrolled(event)
        assert refused.value.code == "registration_closed"


def test_what_is_not_there_is_not_cancelled() -> None:
    event, amina = make.event(), seeker("amina")
    make.pending(event, "amina")
    with pytest.raises(NotFoundError):
        enrollment(event.id, amina)


def test_upcoming_and_past_show_ones_own_by_either_door_in_order_with_positions() -> None:
    amina, soon, later = seeker("amina"), make.event(capacity=0), make.event(starts_at=now() + timedelta(days=3))
    make.enrolled(soon)
    behind = make.enrolled(soon, amina)
    guest, pending = make.confirmed(later, "amina"), make.pending(make.event(starts_at=later.ends_at), "amina")
    gone = make.enrolled(make.event(), amina)
    cancel(gone)
    make.enrolled(later)
    assert list(upcoming(amina)) == [behind, guest, pending]
    assert [each.line_position for each in upcoming(amina)] == [2, None, None]
    assert list(past(amina)) == []
    with time_machine.travel(now() + timedelta(days=30)):
        assert list(upcoming(amina)) == []
        assert list(past(amina)) == [guest, behind]


def test_an_unverified_account_holds_nothing() -> None:
    make.confirmed(make.event(), "amina")
    nobody = make.user("amina", role=Role.SEEKER, address_verified=False)
    assert list(upcoming(nobody)) == []


def test_positions_are_counted_by_line_where_each_attendance_type_has_one() -> None:
    event = make.event(by_type={"on_site": 0, "online": 0})
    kinds = ("on_site", "online", "online", "on_site", "online")
    people = [make.enrolled(event, attendance_type=kind) for kind in kinds]
    shown = {each.id: each.line_position for each in Registration.objects.with_position()}
    assert [shown[person.id] for person in people] == [1, 1, 2, 2, 3]


def test_nobody_is_in_more_events_of_a_series_than_anybody_may_be() -> None:
    series, amina = Series.objects.create(limit_per_person=2), seeker("amina")
    events = [make.event(series=series, capacity=capacity) for capacity in (1, 0, 1, 1)]
    make.enrolled(events[0], amina)
    make.confirmed(events[1], "amina")  # waiting counts
    with pytest.raises(ConflictError) as refused:
        make.enrolled(events[2], amina)
    assert (refused.value.code, refused.value.data) == ("series_limit_reached", {"limit": 2})
    with pytest.raises(ConflictError):
        make.confirmed(events[2], "amina")
    cancel(enrollment(events[1].id, amina))
    assert make.enrolled(events[2], amina).status == "confirmed"
    assert make.enrolled(events[3]).status == "confirmed"  # another's count is another's


def test_an_event_of_a_series_that_is_cancelled_counts_no_more() -> None:
    series, amina = Series.objects.create(limit_per_person=1), seeker("amina")
    first, second = make.event(series=series), make.event(series=series)
    make.enrolled(first, amina)
    remove_event(first)
    assert make.enrolled(second, amina).status == "confirmed"


def test_what_came_along_to_a_new_address_counts_there_and_keeps_nobody_at_the_old_one_out() -> None:
    series, amina = Series.objects.create(limit_per_person=2), seeker("amina")
    events = [make.event(series=series) for _ in range(4)]
    for event in events[:2]:
        make.enrolled(event, amina)

    profile.ask_address(amina, "zahra@example.org")
    zahra = confirm_address(amina, "zahra@example.org", AddressChange.objects.get(user=amina).code, client="")

    with pytest.raises(ConflictError):
        make.enrolled(events[2], zahra)
    another = seeker("amina")
    assert [make.enrolled(event, another).status for event in events[2:]] == ["confirmed"] * 2


def test_what_stands_under_the_old_address_follows_to_the_new_one(counters: Counters) -> None:
    amina, owner = seeker("amina"), make.user()
    event, both = make.event(owner=owner, capacity=3), make.event(capacity=3)
    mine, gone = make.enrolled(event, amina), make.enrolled(make.event(), amina)
    cancel(gone)
    strangers = make.pending(make.event(), "amina")
    mine_too, guest = make.enrolled(both, amina), make.confirmed(both, "zahra")
    member = add_member(event, amina.email, "scanner")
    key = mine.manage_token

    profile.ask_address(amina, "zahra@example.org")
    confirm_address(amina, "zahra@example.org", AddressChange.objects.get(user=amina).code, client="")

    for row in (mine, gone, strangers, mine_too, guest, member):
        row.refresh_from_db()
    assert [row.email for row in (mine, gone, member)] == ["zahra@example.org"] * 3
    assert [row.email for row in (strangers, mine_too)] == ["amina@example.org"] * 2
    assert set(upcoming(User.objects.get(pk=amina.pk))) == {mine, guest}
    assert not mine.opens_with(key)  # the old mailbox opens nothing any more
    with pytest.raises(ConflictError):
        make.enrolled(event, amina)
    assert make.confirmed(event, "zahra").id == mine.id
    assert counters(event) == {"": (1, 0)}


def test_the_constant_number_of_queries_for_ones_own(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    amina = seeker("amina")
    for count in (1, 20):
        for _ in range(count):
            make.enrolled(make.event(capacity=0), amina)
        with django_assert_num_queries(1):
            assert [each.event.title for each in upcoming(amina)]


def test_a_registration_moves_to_where_another_way_of_taking_part_has_room(counters: Counters) -> None:
    event = make.event(by_type={"on_site": 1, "online": 1})
    seated, waiting = make.enrolled(event), make.enrolled(event)
    change(seated, {"attendance_type": "online"})
    waiting.refresh_from_db()
    assert waiting.status == "confirmed"
    assert counters(event) == {"on_site": (1, 0), "online": (1, 0)}
    change_event(event, EventChange({"title": "Another"}))
    assert enroll(event, make.guest(attendance_type="online"), actor="guest").status == "waitlisted"
