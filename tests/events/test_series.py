"""Events made from one another: when they are, what comes along, and what is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support import make
from turnout.core.clock import now
from turnout.core.errors import ConflictError, InvalidError
from turnout.core.models import AuditEntry
from turnout.events.actions import Capacity, Parts, save_partner, save_speaker
from turnout.events.actions.questions import Condition, QuestionDraft
from turnout.events.actions.teams import add_member
from turnout.events.dates import MOST_EVENTS, Start, Weekly
from turnout.events.models import Event, Partner, Question, Series, Session, Speaker, TeamMember
from turnout.notifications.models import Message
from turnout.registrations.actions.events import EventChange, change_event
from turnout.registrations.actions.series import SeriesChange, change_series, clone_event, make_series, remove_series
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

PARIS = ZoneInfo("Europe/Paris")
# Clocks there go forward on 31 March 2030 at 02:00, and back on 27 October 2030 at 03:00.
WINTER = datetime(2030, 3, 24, 10, tzinfo=PARIS)


def in_paris(start: datetime = WINTER, **fields: Any) -> Event:
    return make.event(starts_at=start.astimezone(UTC), timezone="Europe/Paris", **fields)


def starts(*clocks: str) -> list[Start]:
    return [Start(datetime.fromisoformat(clock), f"/dates/{index}") for index, clock in enumerate(clocks)]


def clocks(series: Series) -> list[str]:
    return [f"{event.starts_at.astimezone(event.zone):%a %Y-%m-%d %H:%M}" for event in series.events.all()]


def rich(start: datetime = WINTER) -> Event:
    """Return an event with everything that is an event's own."""
    speaker = save_speaker(Speaker(name="Speaker"))
    session = Session(title="Talk", starts_at=start, ends_at=start + timedelta(hours=1), room="B", description="Long")
    event = in_paris(
        start,
        by_type={"on_site": 3, "online": None},
        parts=Parts(languages=["fr", "en"], speakers=[speaker], sessions=[session]),
        partner=save_partner(Partner(name="Partner")),
        description="About",
        registration_opens_at=start - timedelta(days=10),
        registration_closes_at=start - timedelta(hours=1),
        waitlist_enabled=False,
        approval_required=True,
        ask_hours=48,
        release_hours=24,
        owner=make.user(),
        source_key="a" * 64,
    )
    session.speakers.set([speaker])
    add_member(event, "manager@example.org", TeamMember.Role.MANAGER)
    return event


# --- Clones ------------------------------------------------------------------------------------------------------


def test_a_clone_has_all_that_is_the_events_own_at_the_same_times_of_day_and_nobody_in_it() -> None:
    event, mine = rich(), make.user()
    copy = clone_event(event, starts("2030-04-07T10:00")[0], {"owner": mine})
    copy = Event.objects.get(pk=copy.pk)
    same = {field.name for field in Event._meta.concrete_fields} - {
        *("id", "status", "owner", "source_key", "created_at", "asks_at", "reminds_at"),
        *("starts_at", "ends_at", "registration_opens_at", "registration_closes_at"),
    }
    assert {name: getattr(copy, name) for name in same} == {name: getattr(event, name) for name in same}
    assert (copy.status, copy.owner, copy.source_key, copy.series) == ("draft", mine, None, None)
    # In summer time now: an hour earlier in UTC.
    assert (copy.starts_at, copy.ends_at) == (
        datetime(2030, 4, 7, 8, tzinfo=UTC),
        datetime(2030, 4, 7, 10, tzinfo=UTC),
    )
    assert copy.registration_opens_at == datetime(2030, 3, 28, 10, tzinfo=PARIS)  # on a day of winter time
    assert copy.registration_closes_at == datetime(2030, 4, 7, 9, tzinfo=PARIS)
    assert copy.asks_at == copy.starts_at - timedelta(hours=48)
    assert copy.reminds_at == copy.starts_at - timedelta(hours=24)
    assert [language.code for language in copy.languages.all()] == ["fr", "en"]
    assert [speaker.name for speaker in copy.speakers.all()] == ["Speaker"]
    talk = copy.sessions.get()
    assert (talk.title, talk.room, talk.description) == ("Talk", "B", "Long")
    assert (talk.starts_at, talk.ends_at) == (copy.starts_at, copy.starts_at + timedelta(hours=1))
    assert [speaker.name for speaker in talk.speakers.all()] == ["Speaker"]
    assert set(copy.pools.values_list("attendance_type", "capacity", "taken")) == {
        ("on_site", 3, 0),
        ("online", None, 0),
    }
    assert (copy.team.count(), copy.registrations.count()) == (0, 0)


def test_a_clone_asks_the_same_questions_as_its_own() -> None:
    allergies, which = QuestionDraft("Allergies?", "yes_no"), QuestionDraft("Which?", "text", required=True)
    event, asked = make.asking(allergies, replace(which, condition=Condition("", 0, (True,))))
    copy = clone_event(event, starts("2030-04-07T10:00")[0], {"owner": make.user()})
    first, second = Question.objects.asked_at(copy.pk)
    assert [(each.label, each.type, each.required) for each in (first, second)] == [
        ("Allergies?", "yes_no", False),
        ("Which?", "text", True),
    ]
    assert (second.depends_on, second.depends_in) == (first.key, [True])
    assert {first.key, second.key}.isdisjoint(each.key for each in asked)


def test_a_clone_of_a_full_event_has_its_seats_free_again() -> None:
    event = make.event(capacity=1)
    for _ in range(2):
        make.confirmed(event)
    pool = clone_event(event, None, {}).pools.get()
    assert (pool.capacity, pool.taken, pool.waiting, pool.seq) == (1, 0, 0, 0)


def test_a_clone_without_another_start_is_at_the_same_moments_and_found_by_its_own_title() -> None:
    event = make.full_event()
    copy = clone_event(event, None, {"title": "Çà et là"})
    assert (copy.starts_at, copy.ends_at) == (event.starts_at, event.ends_at)
    assert [part.starts_at for part in copy.sessions.all()] == [part.starts_at for part in event.sessions.all()]
    assert copy.search_text == " ca et la"
    entry = AuditEntry.objects.get(verb="event.copied", subject=event.pk)
    assert entry.data == {"copies": [str(copy.pk)]}


def test_clones_of_a_cancelled_and_of_a_past_event_are_drafts_that_can_be_changed() -> None:
    event = make.event(status="cancelled")
    Event.objects.filter(pk=event.pk).update(over=True)
    copy = clone_event(event, None, {})
    assert (copy.status, copy.over) == ("draft", False)
    assert change_event(copy, EventChange({"title": "Again"})).title == "Again"


def test_a_clone_is_refused_where_clocks_skip_one_of_its_times_and_nothing_is_written() -> None:
    event = in_paris(datetime(2030, 3, 24, 1, 30, tzinfo=PARIS), hours=1)  # ends at 02:30
    with pytest.raises(InvalidError) as refusal:
        clone_event(event, Start(datetime.fromisoformat("2030-03-31T01:30"), "/starts_at"), {})
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [("/starts_at", "skipped_by_clocks")]
    assert "2030-03-31 02:30" in refusal.value.faults[0].detail
    assert Event.objects.count() == 1


# --- Series: which dates -----------------------------------------------------------------------------------------


def days(event: Event, **rule: object) -> list[str]:
    return [f"{start.clock:%a %d %b %H:%M}" for start in Weekly(**rule).starts(event)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"count": 3}, ["Sun 31 Mar 10:00", "Sun 07 Apr 10:00"]),
        ({"count": 3, "interval": 2}, ["Sun 07 Apr 10:00", "Sun 21 Apr 10:00"]),
        ({"until": date(2030, 4, 7)}, ["Sun 31 Mar 10:00", "Sun 07 Apr 10:00"]),  # that day too
        ({"until": date(2030, 4, 6)}, ["Sun 31 Mar 10:00"]),
        ({"count": 5, "weekdays": frozenset({0, 3})}, ["Mon 25 Mar", "Thu 28 Mar", "Mon 01 Apr", "Thu 04 Apr"]),
        ({"count": 3, "weekdays": frozenset({6, 0})}, ["Mon 25 Mar", "Sun 31 Mar"]),
        # Every other week, counted from the Monday of the first one's week.
        ({"count": 4, "interval": 2, "weekdays": frozenset({0, 6})}, ["Mon 01 Apr", "Sun 07 Apr", "Mon 15 Apr"]),
    ],
)
def test_weeks_are_counted_by_the_calendar_from_the_first_events_week(
    rule: dict[str, object], expected: list[str]
) -> None:
    found = days(in_paris(), **rule)
    assert [day if ":" in wanted else day[:-6] for day, wanted in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(
    "rule", [{"until": date(2030, 3, 24)}, {"until": date(2020, 1, 1)}, {"until": date(2199, 1, 1)}, {"count": 1}]
)
def test_a_series_is_of_two_events_at_least_and_of_two_hundred_at_most(rule: dict[str, object]) -> None:
    with pytest.raises(InvalidError) as refusal:
        days(in_paris(), **rule)
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [("/weekly", "wrong_number")]
    assert len(days(in_paris(), count=MOST_EVENTS)) == MOST_EVENTS - 1


def test_a_series_across_a_change_of_clocks_stays_at_its_time_of_day() -> None:
    event = in_paris()
    series = make_series(event, Weekly(count=3).starts(event))
    assert clocks(series) == ["Sun 2030-03-24 10:00", "Sun 2030-03-31 10:00", "Sun 2030-04-07 10:00"]
    assert [first.starts_at.hour for first in series.events.all()] == [9, 8, 8]


def test_of_two_moments_that_clocks_show_the_first_is_meant_unless_the_offset_says_so() -> None:
    event = in_paris(datetime(2030, 10, 20, 2, 30, tzinfo=PARIS), hours=0.25)
    series = make_series(event, starts("2030-10-27T02:30", "2030-10-27T02:30+01:00"))
    assert [(row.starts_at.hour, row.ends_at - row.starts_at) for row in series.events.all()] == [
        (0, timedelta(minutes=15)),
        (0, timedelta(minutes=15)),
        (1, timedelta(minutes=15)),
    ]


def test_every_date_at_fault_is_named_at_once_and_nothing_is_written() -> None:
    event = in_paris(datetime(2030, 3, 24, 2, 30, tzinfo=PARIS))
    wanted = starts(
        "2030-03-31T02:30", "2030-04-07T02:30", "2030-03-24T02:30", "2031-03-30T02:30", "2030-04-07T02:30", "9999-12-31"
    )
    with pytest.raises(InvalidError) as refusal:
        make_series(event, wanted)
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [
        ("/dates/0", "skipped_by_clocks"),
        ("/dates/2", "twice"),  # the event's own
        ("/dates/3", "skipped_by_clocks"),
        ("/dates/4", "twice"),
        ("/dates/5", "invalid"),
    ]
    assert (Event.objects.count(), Series.objects.count()) == (1, 0)
    event.refresh_from_db()
    assert event.series is None


def test_a_series_copies_owner_team_and_status_and_an_event_is_in_one_alone() -> None:
    event = rich()
    series = make_series(event, starts("2030-04-07T10:00"), limit_per_person=2)
    first, second = series.events.all()
    assert (first, series.limit_per_person) == (event, 2)
    assert (second.owner, second.status, second.team.get().email) == (event.owner, "published", "manager@example.org")
    with pytest.raises(ConflictError) as refusal:
        make_series(second, starts("2030-05-07T10:00"))
    assert refusal.value.code == "already_in_series"


def test_a_series_may_begin_as_drafts_and_not_with_a_cancelled_event() -> None:
    drafts = make_series(make.event(), starts("2030-04-07T10:00"), status="draft")
    assert [event.status for event in drafts.events.all()] == ["published", "draft"]
    with pytest.raises(ConflictError) as refusal:
        make_series(make.event(status="cancelled"), starts("2030-04-07T10:00"))
    assert refusal.value.code == "event_cancelled"


def test_copies_of_a_long_conference_are_not_more_than_ten_thousand_sessions() -> None:
    session = {"starts_at": WINTER, "ends_at": WINTER + timedelta(hours=1)}
    event = in_paris(parts=Parts(sessions=[Session(title=str(number), **session) for number in range(200)]))
    with pytest.raises(InvalidError) as refusal:
        make_series(event, Weekly(count=100).starts(event))
    assert [fault.code for fault in refusal.value.faults] == ["too_many_sessions"]


# --- Series: changed together ------------------------------------------------------------------------------------


@pytest.fixture
def series() -> Series:
    """Return three events, a week apart, with two seats each."""
    event = in_paris(datetime(2030, 5, 6, 18, tzinfo=PARIS), capacity=2, title="Go")
    return make_series(event, Weekly(count=3).starts(event))


def together(series: Series, **fields: object) -> Series:
    return change_series(series, SeriesChange(event=EventChange(fields)))


def titles(series: Series) -> list[str]:
    return [event.title for event in series.events.all()]


def test_all_to_come_are_changed_and_everybody_registered_is_told(series: Series) -> None:
    for number, event in enumerate(series.events.all()):
        make.confirmed(event, f"guest{number}")
    together(series, location="Oran")
    assert {event.location for event in series.events.all()} == {"Oran"}
    told = Message.objects.filter(kind="registration.event_changed").order_by("recipient")
    assert [message.recipient for message in told] == [f"guest{number}@example.org" for number in range(3)]


def test_who_changed_one_alone_keeps_what_the_series_change_does_not_name(series: Series) -> None:
    second = series.events.all()[1]
    change_event(second, EventChange({"title": "Go, advanced", "location": "Oran"}))
    together(series, title="Rust")
    assert [(event.title, event.location) for event in series.events.all()] == [
        ("Rust", "Algiers"),
        ("Rust", "Oran"),
        ("Rust", "Algiers"),
    ]


def test_new_seats_go_to_who_waits_in_each(series: Series) -> None:
    for event in series.events.all():
        for _ in range(3):
            make.confirmed(event)
    change_series(series, SeriesChange(event=EventChange(capacity=Capacity(3))))
    assert {person.status for person in Registration.objects.all()} == {"confirmed"}


def test_one_at_fault_refuses_all_and_every_one_at_fault_is_named(series: Series) -> None:
    _first, second, third = series.events.all()
    for event in (second, third):
        for _ in range(2):
            make.confirmed(event)
    change = SeriesChange(event=EventChange({"title": "Rust"}, capacity=Capacity(1)))
    with pytest.raises(ConflictError) as refusal:
        change_series(series, change)
    assert refusal.value.code == "capacity_below_taken"
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [
        (f"/events/{event.pk}", "capacity_below_taken") for event in (second, third)
    ]
    assert titles(series) == ["Go"] * 3
    assert {pool.capacity for event in series.events.all() for pool in event.pools.all()} == {2}


def test_what_is_over_or_cancelled_stays_as_it_is(series: Series) -> None:
    first, second, _third = series.events.all()
    Event.objects.filter(pk=first.pk).update(
        starts_at=now() - timedelta(hours=3), ends_at=now() - timedelta(seconds=1), over=True
    )
    Event.objects.filter(pk=second.pk).update(status="cancelled")
    together(series, title="Rust")
    assert titles(series) == ["Go", "Go", "Rust"]


def test_what_starts_before_the_moment_asked_for_stays_as_it_is(series: Series) -> None:
    second = series.events.all()[1]
    change_series(series, SeriesChange(event=EventChange({"title": "Rust"}), since=second.starts_at))
    assert titles(series) == ["Go", "Rust", "Rust"]


def test_all_are_moved_with_their_sessions_by_the_clock() -> None:
    event = rich()
    series = make_series(event, starts("2030-04-07T10:00"))
    change_series(series, SeriesChange(start_time=time(18, 30)))
    assert clocks(series) == ["Sun 2030-03-24 18:30", "Sun 2030-04-07 18:30"]
    for moved in series.events.all():
        talk = moved.sessions.get()
        assert (talk.starts_at, moved.ends_at) == (moved.starts_at, moved.starts_at + timedelta(hours=2))
        assert moved.registration_closes_at == moved.starts_at - timedelta(hours=1)
    change_series(series, SeriesChange(shift_minutes=-15))
    assert clocks(series) == ["Sun 2030-03-24 18:15", "Sun 2030-04-07 18:15"]


def test_none_is_moved_where_clocks_skip_the_time_of_one() -> None:
    event = in_paris()
    series = make_series(event, Weekly(count=3).starts(event))
    skipped = series.events.all()[1]
    with pytest.raises(InvalidError) as refusal:
        change_series(series, SeriesChange(start_time=time(2, 30)))
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [
        (f"/events/{skipped.pk}/starts_at", "skipped_by_clocks")
    ]
    assert {clock[-5:] for clock in clocks(series)} == {"10:00"}


def test_a_new_limit_alone_touches_no_event(series: Series) -> None:
    changed = change_series(series, SeriesChange({"limit_per_person": 1}))
    assert (changed.limit_per_person, Series.objects.get().limit_per_person) == (1, 1)
    assert not AuditEntry.objects.filter(verb="event.changed").exists()


def test_a_series_is_called_off_as_each_of_its_events_would_be(series: Series) -> None:
    first, second, _third = series.events.all()
    Event.objects.filter(pk=first.pk).update(starts_at=now() - timedelta(hours=3), ends_at=now() - timedelta(hours=1))
    make.confirmed(second, "guest")
    remove_series(series)
    assert [(event.pk, event.status) for event in series.events.all()] == [
        (first.pk, "published"),
        (second.pk, "cancelled"),
    ]
    assert Message.objects.get(kind="registration.event_cancelled").recipient == "guest@example.org"


def test_a_series_without_events_is_gone(series: Series) -> None:
    remove_series(series)
    assert (Event.objects.count(), Series.objects.count()) == (0, 0)
