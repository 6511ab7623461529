"""What the team decides: who is let in, and another order of the line."""

from collections.abc import Callable

import pytest

from tests.support import make
from turnout.core.errors import ConflictError, InvalidError
from turnout.core.models import AuditEntry
from turnout.events.models import Event
from turnout.notifications.mail import compose
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, change, confirm
from turnout.registrations.actions.events import remove_event
from turnout.registrations.actions.reviews import approve, decline, move_in_line
from turnout.registrations.models import LineChange, Registration
from turnout.registrations.queries import line, position

pytestmark = pytest.mark.django_db

Counters = Callable[[Event], dict[str, tuple[int, int]]]
TEAM = "user:team"


def owed(registration: Registration) -> list[str]:
    kinds = Message.objects.filter(subject=registration.id).order_by("id").values_list("kind", flat=True)
    return [kind.removeprefix("registration.") for kind in kinds]


def text(registration: Registration) -> str:
    message = Message.objects.filter(subject=registration.id).order_by("id").last()
    assert message is not None
    mail = compose(message)
    assert mail is not None
    return str(mail.body)


def test_where_the_event_approves_nobody_has_a_seat_before_the_team_said_so(counters: Counters) -> None:
    event = make.event(capacity=1, approval_required=True)
    guest, seeker = make.confirmed(event), make.enrolled(event)
    assert [person.status for person in (guest, seeker)] == ["in_review"] * 2
    assert counters(event) == {"": (0, 0)}
    assert [owed(person) for person in (guest, seeker)] == [["confirm", "in_review"], ["in_review"]]
    assert "as soon as they have decided" in text(guest)


def test_who_is_approved_gets_a_seat_or_a_place_in_line_at_that_moment(counters: Counters) -> None:
    event = make.event(capacity=1, approval_required=True)
    first, second, third = (make.enrolled(event) for _ in range(3))
    for person in (third, first, second, third):
        approve(person, actor=TEAM)
    for person in (first, second, third):
        person.refresh_from_db()
    assert [(person.status, person.place) for person in (third, first, second)] == [
        ("confirmed", None),
        ("waitlisted", 1),
        ("waitlisted", 2),
    ]
    assert counters(event) == {"": (1, 2)}
    assert [owed(person) for person in (third, first)] == [["in_review", "confirmed"], ["in_review", "waitlisted"]]


def test_who_is_declined_hears_why_and_may_ask_again() -> None:
    event = make.event(capacity=1, approval_required=True)
    person = make.enrolled(event)
    declined = decline(person, reason="This one is for beginners.", actor=TEAM)
    assert (declined.status, declined.active_key, owed(declined)) == ("declined", None, ["in_review", "declined"])
    assert "They say: This one is for beginners." in text(declined)
    assert decline(declined, actor=TEAM).reason == "This one is for beginners."
    for verb in (approve, cancel):
        with pytest.raises(ConflictError):
            verb(declined, actor=TEAM)
    assert make.confirmed(event, email=person.email).status == "in_review"


def test_a_declined_guests_link_confirms_nothing_any_more() -> None:
    event = make.event(approval_required=True)
    person = make.confirmed(event)
    decline(person, actor=TEAM)
    with pytest.raises(ConflictError) as refused:
        confirm(person.confirmation_token)
    assert refused.value.code == "registration_declined"


def test_a_full_event_without_a_line_approves_nobody_and_leaves_them_in_review(counters: Counters) -> None:
    event = make.event(capacity=1, waitlist_enabled=False, approval_required=True)
    first, second = make.enrolled(event), make.enrolled(event)
    approve(first, actor=TEAM)
    with pytest.raises(ConflictError) as refused:
        approve(second, actor=TEAM)
    second.refresh_from_db()
    assert (refused.value.code, second.status, second.decided_at) == ("event_full", "in_review", None)
    with pytest.raises(ConflictError) as refused:
        make.enrolled(event)  # nobody is let into a review that can't let them in
    assert refused.value.code == "event_full"
    assert counters(event) == {"": (1, 0)}


def test_who_is_in_review_may_change_and_cancel_and_no_seat_is_touched(counters: Counters) -> None:
    event = make.event(by_type={"on_site": 1, "online": 1}, approval_required=True)
    person = make.enrolled(event)
    assert change(person, {"attendance_type": "online"}).status == "in_review"
    assert cancel(person).status == "cancelled"
    assert counters(event) == {"on_site": (0, 0), "online": (0, 0)}


def test_nothing_is_decided_about_a_cancelled_event_or_who_is_not_in_review() -> None:
    event = make.event(approval_required=True)
    person = make.enrolled(event)
    remove_event(event)
    for verb in (approve, decline):
        with pytest.raises(ConflictError) as refused:
            verb(Registration.objects.get(pk=person.pk), actor=TEAM)
        assert refused.value.code == "registration_closed"
        with pytest.raises(ConflictError) as refused:
            verb(make.enrolled(make.event()), actor=TEAM)
        assert refused.value.code == "not_in_review"


def test_every_decision_leaves_who_and_why() -> None:
    event = make.event(approval_required=True)
    yes, no = make.enrolled(event), make.enrolled(event)
    approve(yes, reason="Speaks well.", actor=TEAM)
    decline(no, actor=TEAM)
    entries = AuditEntry.objects.filter(actor=TEAM, subject__in=[yes.id, no.id]).order_by("id")
    assert [(entry.verb, entry.data) for entry in entries] == [
        ("registration.approved", {}),
        ("registration.confirmed", {}),
        ("registration.declined", {}),
    ]
    assert yes.id == Registration.objects.get(reason="Speaks well.").id


@pytest.mark.parametrize(
    ("whose", "to", "order"),
    [(3, 1, "dabc"), (0, 3, "bcad"), (1, 99, "acdb"), (2, 3, "abcd"), (2, 2, "acbd")],
)
def test_somebody_is_moved_in_line_and_the_places_change_hands(
    whose: int, to: int, order: str, counters: Counters
) -> None:
    event = make.event(capacity=0)
    people = dict(zip("abcd", [make.enrolled(event) for _ in range(4)], strict=True))
    person = people["abcd"[whose]]
    moved = move_in_line(person, to, reason="Came from far.", actor=TEAM)
    pool = event.pools.get()
    assert [row.id for row in line(pool)] == [people[letter].id for letter in order]
    assert [row.place for row in line(pool)] == [1, 2, 3, 4]
    assert position(moved) == order.index("abcd"[whose]) + 1
    change_made = LineChange.objects.get()
    assert (change_made.registration, change_made.was, change_made.became) == (person, whose + 1, position(moved))
    assert (change_made.reason, change_made.actor) == ("Came from far.", TEAM)
    assert counters(event) == {"": (0, 4)}


def test_who_joins_after_a_move_stands_behind_all_and_the_seat_goes_to_the_new_first(counters: Counters) -> None:
    event = make.event(capacity=1)
    holder, first, second = (make.enrolled(event) for _ in range(3))
    move_in_line(second, 1, reason="Speaker's child.", actor=TEAM)
    last = make.enrolled(event)
    cancel(holder)
    for person in (first, second, last):
        person.refresh_from_db()
    assert (second.status, position(first), position(last)) == ("confirmed", 1, 2)
    assert counters(event) == {"": (1, 2)}


def test_the_order_changes_for_a_reason_and_only_for_who_waits() -> None:
    event = make.event(capacity=1)
    seated, waiting = make.enrolled(event), make.enrolled(event)
    with pytest.raises(InvalidError) as refused:
        move_in_line(waiting, 1, reason="  ", actor=TEAM)
    assert refused.value.faults[0].pointer == "/reason"
    with pytest.raises(ConflictError) as conflict:
        move_in_line(seated, 1, reason="x", actor=TEAM)
    assert conflict.value.code == "not_waiting"
    assert not LineChange.objects.exists()
