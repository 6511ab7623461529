"""How long people were there, in person and online, and what of it counts as attended."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from tests.support import make
from turnout.accounts.models import User
from turnout.attendance.actions.corrections import undo
from turnout.attendance.actions.scanning import sync
from turnout.attendance.cases import Attempt
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import DoorRules, Scan, Stay
from turnout.attendance.presence import Attendance, Span, attended, clipped, inside, merged
from turnout.events.actions import Parts
from turnout.events.models import Event, Session
from turnout.registrations.actions import cancel
from turnout.registrations.models import Registration
from turnout.reports.presence import checked_in, presence_of, turnout_of

pytestmark = pytest.mark.django_db

DAY = datetime(2030, 5, 6, tzinfo=UTC)


def at(clock: str) -> datetime:
    """Return a moment of the day of the event."""
    hours, minutes = clock.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    """From 9 to 17, with sessions from 10 to 11 and from 14 to 15."""
    sessions = [
        Session(title=title, starts_at=at(start), ends_at=at(end))
        for title, start, end in (("Talk", "10:00", "11:00"), ("Lab", "14:00", "15:00"))
    ]
    return make.event(owner=owner, starts_at=at("9:00"), hours=8, parts=Parts(languages=["en"], sessions=sessions))


@pytest.fixture
def talk(event: Event) -> Session:
    return event.sessions.get(title="Talk")


@pytest.fixture
def lab(event: Event) -> Session:
    return event.sessions.get(title="Lab")


@pytest.fixture
def guest(event: Event) -> Registration:
    return make.confirmed(event)


def went(who: Registration, session: Session | None, *passages: str) -> None:
    """Scan somebody: "in 10:00", "out 10:20"."""
    attempts = [
        Attempt(
            scan_id=f"{who.pk}:{session and session.pk}:{passage}"[-64:].replace(" ", "-"),
            scanned_at=at(passage.split()[1]),
            registration=who.pk,
            session=session.pk if session else None,
            direction=passage.split()[0],
        )
        for passage in passages
    ]
    assert who.event.owner is not None
    assert not [answer.fault for answer in sync(Doorkeeper.of_person(who.event.owner), attempts) if answer.fault]


def was_online(who: Registration, session: Session | None, joined: str | None, left: str | None = None) -> None:
    Stay.objects.create(
        event=who.event,
        stay_id=f"{Stay.objects.count()}",
        source="stream",
        registration=who,
        session=session,
        joined_at=joined and at(joined),
        left_at=left and at(left),
        received_at=at("9:00"),
    )


def rule(event: Event, **rules: int) -> None:
    DoorRules.objects.update_or_create(event=event, defaults=rules)


def attendance(who: Registration, *, when: str = "23:00") -> Attendance:
    with time_machine.travel(at(when), tick=False):
        return attended(who.event, [who]).get(who.pk, Attendance())


# --- What counts as time there -------------------------------------------------------------------------------------


def test_from_going_in_to_going_out(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 10:05", "out 10:20", "in 10:30", "out 10:37")
    assert attendance(guest) == Attendance(at("10:05"), 22, {talk.pk: 22}, (talk.pk,), 50)


def test_who_never_goes_out_stays_until_the_end_and_while_it_runs_until_now(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 10:05")
    assert attendance(guest).by_session == {talk.pk: 55}
    assert attendance(guest, when="10:15").by_session == {talk.pk: 10}


def test_what_lies_outside_of_the_hours_does_not_count(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 9:40", "out 11:25")
    assert attendance(guest) == Attendance(at("9:40"), 60, {talk.pk: 60}, (talk.pk,), 50)


def test_who_goes_in_twice_was_there_since_the_first_time(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 10:10", "in 10:40", "out 10:50", "out 10:55")
    assert attendance(guest).by_session == {talk.pk: 40}


def test_going_out_without_ever_going_in_is_no_presence(guest: Registration, talk: Session, lab: Session) -> None:
    went(guest, talk, "out 10:30")
    assert attendance(guest) == Attendance()
    went(guest, lab, "in 14:00")
    assert attendance(guest).sessions == (lab.pk,)


def test_a_scan_that_was_undone_never_was(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 10:00")
    undo(Scan.objects.get(), "mistake", actor="test")
    assert attendance(guest) == Attendance()


def test_in_the_room_and_online_at_once_counts_once(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 10:00", "out 10:30")
    was_online(guest, talk, "10:20", "10:45")
    was_online(guest, talk, "10:40", "10:50")
    assert attendance(guest).by_session == {talk.pk: 50}


def test_minutes_in_all_count_once_whatever_the_places(guest: Registration, talk: Session, lab: Session) -> None:
    went(guest, None, "in 9:30", "out 10:30")
    went(guest, talk, "in 10:00", "out 10:45")
    went(guest, lab, "in 14:00", "out 14:10")
    found = attendance(guest)
    assert (found.minutes, found.by_session) == (85, {None: 60, talk.pk: 45, lab.pk: 10})


def test_who_only_left_so_far_was_not_there_yet(guest: Registration, talk: Session) -> None:
    was_online(guest, talk, None, "10:30")
    assert attendance(guest) == Attendance()


def test_seconds_add_up_before_they_become_minutes(guest: Registration, talk: Session) -> None:
    for start in (0, 60, 120):
        was_online(guest, talk, "10:00", "10:01")
        moment = at("10:00") + timedelta(seconds=start)
        Stay.objects.filter(stay_id=f"{Stay.objects.count() - 1}").update(
            joined_at=moment, left_at=moment + timedelta(seconds=40)
        )
    assert attendance(guest).by_session == {talk.pk: 2}


def test_a_session_off_the_programme_counts_no_more_but_who_came_came(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 10:00")
    talk.delete()
    assert attendance(guest) == Attendance(at("10:00"))


# --- What counts as attended ---------------------------------------------------------------------------------------


def test_the_event_as_a_whole_is_no_session(guest: Registration) -> None:
    went(guest, None, "in 9:00")
    assert attendance(guest) == Attendance(at("9:00"), 480, by_session={None: 480})


def test_without_sessions_the_event_is_its_own(owner: User) -> None:
    event = make.event(owner=owner, starts_at=at("9:00"), hours=2)
    guest = make.confirmed(event)
    went(guest, None, "in 9:00", "out 9:50")
    assert attendance(guest) == Attendance(at("9:00"), 50, {None: 50}, percent=100)
    rule(event, min_minutes=51)
    assert attendance(guest).percent == 0


@pytest.mark.parametrize(
    ("rules", "counts"),
    [
        ({}, True),
        ({"min_minutes": 30}, True),
        ({"min_minutes": 31}, False),
        ({"min_percent": 50}, True),
        ({"min_percent": 51}, False),
        ({"min_minutes": 30, "min_percent": 51}, False),
        ({"min_minutes": 31, "min_percent": 50}, False),
    ],
)
def test_rules_say_how_long(guest: Registration, talk: Session, rules: dict[str, int], *, counts: bool) -> None:
    rule(guest.event, **rules)
    went(guest, talk, "in 10:00", "out 10:30")
    found = attendance(guest)
    assert (found.sessions, found.percent) == (((talk.pk,), 50) if counts else ((), 0))


def test_the_whole_of_a_session_shorter_than_the_rule_is_enough(guest: Registration, talk: Session) -> None:
    rule(guest.event, min_minutes=90)
    went(guest, talk, "in 10:00")
    assert attendance(guest).sessions == (talk.pk,)
    assert attendance(guest, when="10:59").sessions == ()


def test_who_cancels_later_was_there(guest: Registration, talk: Session) -> None:
    went(guest, talk, "in 10:00")
    cancel(guest)
    assert attendance(guest).percent == 50
    assert turnout_of([guest.event])[guest.event_id].attended == 1


def test_many_people_cost_no_more_queries_than_one(event: Event, talk: Session) -> None:
    def asked() -> int:
        people = list(Registration.objects.filter(event=event))
        with CaptureQueriesContext(connection) as queries:
            assert {each.minutes for each in attended(event, people).values()} == {0}
            presence_of(people)
            turnout_of([event])
        return len(queries)

    def somebody() -> None:
        guest = make.confirmed(event)
        went(guest, talk, "in 10:00")
        was_online(guest, talk, "10:00")

    somebody()
    one = asked()
    somebody()
    somebody()
    assert one == asked() == 7


# --- Who came, for lists and figures -------------------------------------------------------------------------------


def test_who_came_is_counted_once_however_they_came(event: Event, talk: Session, lab: Session) -> None:
    both, online, _absent, left = (make.confirmed(event) for _ in range(4))
    went(both, talk, "in 10:00")
    went(both, lab, "in 14:00")
    was_online(both, lab, "13:59")
    was_online(online, talk, "10:01")
    was_online(online, lab, "14:01")
    was_online(left, lab, None, "14:30")
    other = make.event(owner=event.owner)
    everybody = Registration.objects.filter(event=event)
    assert {pk: found.attended for pk, found in turnout_of([event, other]).items()} == {event.pk: 2, other.pk: 0}
    assert {pk: found.checked_in_at for pk, found in presence_of(list(everybody)).items()} == {
        each.pk: came
        for each, came in zip(everybody.order_by("id"), (at("10:00"), at("10:01"), None, None), strict=True)
    }
    assert set(checked_in(everybody, is_in=True)) == {both, online}
    assert set(checked_in(everybody, is_in=False)) == {_absent, left}


def test_who_came_to_one_session(event: Event, talk: Session, lab: Session) -> None:
    first, second = make.confirmed(event), make.confirmed(event)
    went(first, talk, "in 10:00")
    was_online(second, lab, "14:00")
    everybody = Registration.objects.filter(event=event)
    assert set(checked_in(everybody, is_in=True, session=talk.pk)) == {first}
    assert set(checked_in(everybody, is_in=True, session=lab.pk)) == {second}
    assert set(checked_in(everybody, is_in=False, session=lab.pk)) == {first}


# --- In any order --------------------------------------------------------------------------------------------------

_MINUTES = st.integers(0, 59)
_PASSAGES = st.lists(st.tuples(_MINUTES, st.sampled_from(["in", "out"])), max_size=8, unique_by=lambda each: each[0])
_STAYS = st.lists(st.tuples(_MINUTES, _MINUTES).map(sorted).map(tuple), max_size=6)


def moments(stays: Sequence[tuple[int, int]]) -> list[Span]:
    return [(DAY + timedelta(minutes=start), DAY + timedelta(minutes=end)) for start, end in stays]


def rows(passages: Sequence[tuple[int, str]]) -> list[tuple[datetime, str, str]]:
    return [(DAY + timedelta(minutes=minute), f"scan{minute}", way) for minute, way in passages]


@given(passages=_PASSAGES, stays=_STAYS, shuffled=st.data())
def test_in_any_order_and_told_again_it_comes_to_the_minutes_somebody_was_there(
    passages: list[tuple[int, str]], stays: list[tuple[int, int]], shuffled: st.DataObject
) -> None:
    hour = (DAY, DAY + timedelta(hours=1))
    told = merged(clipped([*inside(rows(passages)), *moments(stays)], hour))
    mixed = shuffled.draw(st.permutations(stays + stays))
    again = merged(clipped([*moments(mixed), *inside(rows(shuffled.draw(st.permutations(passages))))], hour))
    assert told == again

    ways = dict(passages)
    present, is_in = set(), False
    for minute in range(60):
        is_in = ways.get(minute, "in" if is_in else "out") == "in"
        if is_in or any(start <= minute < end for start, end in stays):
            present.add(minute)
    assert sum((end - start for start, end in told), timedelta()) == timedelta(minutes=len(present))


def test_two_scans_of_one_moment_are_in_the_order_of_their_names() -> None:
    there = [(DAY, "a", "in"), (DAY, "b", "out")]
    assert list(inside(there)) == [(DAY, DAY)]
    assert merged(clipped(inside([(DAY, "a", "out"), (DAY, "b", "in")]), (DAY, at("1:00")))) == [(DAY, at("1:00"))]
