"""Where one second, one hour or one day decides: registration, weeks, clock changes, turns of the year."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import translation
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.core.errors import ConflictError
from turnout.events.actions import mark_over
from turnout.events.models import Event
from turnout.events.timezones import at, read_clock, zone_names
from turnout.events.when import when
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel, confirm
from turnout.registrations.actions.events import EventChange, change_event
from turnout.registrations.mails import render

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)
NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def refusal(event: Event) -> str:
    try:
        make.pending(event)
    except ConflictError as error:
        return error.code
    return ""


def at_moment(moment: datetime, event: Event) -> str:
    with time_machine.travel(moment, tick=False):
        return refusal(event)


# --- Registration ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_at_noon")
def test_registration_opens_and_closes_at_the_second_it_says() -> None:
    opens, closes = NOW + timedelta(days=1), NOW + timedelta(days=2)
    event = make.event(
        starts_at=NOW + timedelta(days=3), registration_opens_at=opens, registration_closes_at=closes, timezone="UTC"
    )
    assert [at_moment(moment, event) for moment in (opens - MICROSECOND, opens, closes - MICROSECOND, closes)] == [
        "registration_not_open",
        "",
        "",
        "registration_closed",
    ]


@pytest.mark.usefixtures("_at_noon")
@pytest.mark.parametrize("closes", [None, timedelta(days=30)])
def test_registration_closes_when_the_event_ends_at_the_latest(closes: timedelta | None) -> None:
    event = make.event(starts_at=NOW, registration_closes_at=NOW + closes if closes else None)
    assert [at_moment(moment, event) for moment in (event.ends_at - MICROSECOND, event.ends_at)] == [
        "",
        "registration_closed",
    ]


@pytest.mark.usefixtures("_at_noon")
def test_who_registered_in_time_confirms_and_cancels_until_the_event_ends() -> None:
    event = make.event(starts_at=NOW, registration_closes_at=NOW + timedelta(seconds=1))
    early, late, held = make.pending(event), make.pending(event), make.confirmed(event)
    with time_machine.travel(event.ends_at - MICROSECOND, tick=False):
        assert confirm(early.confirmation_token).status == "confirmed"
    with time_machine.travel(event.ends_at, tick=False):
        with pytest.raises(ConflictError) as unconfirmed:
            confirm(late.confirmation_token)
        with pytest.raises(ConflictError) as uncancelled:
            cancel(held)
    assert (unconfirmed.value.code, uncancelled.value.code) == ("registration_closed", "registration_closed")


@pytest.mark.usefixtures("_at_noon")
def test_an_event_leaves_the_list_and_is_over_at_the_moment_it_ends() -> None:
    event = make.event(starts_at=NOW, hours=1)
    for moment, is_listed in ((event.ends_at - MICROSECOND, True), (event.ends_at, False)):
        with time_machine.travel(moment, tick=False):
            assert Event.objects.not_over().exists() == is_listed
            assert mark_over() == (0 if is_listed else 1)


# --- Weeks -------------------------------------------------------------------------------------------------------


def is_in_week(start: datetime, end: datetime, day: datetime) -> bool:
    event = make.event(starts_at=start.astimezone(UTC), hours=(end.timestamp() - start.timestamp()) / 3600)
    assert event.ends_at == end
    found = Event.objects.filter(pk=event.pk).in_week_of(day).exists()
    event.delete()
    return found


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu"])
@pytest.mark.parametrize(
    "monday",
    [
        (2030, 5, 6),
        (2030, 3, 25),  # its Sunday has 23 hours in Paris
        (2030, 10, 21),  # its Sunday has 25 hours there
        (2029, 12, 31),  # a Monday of last year
    ],
)
def test_a_week_is_from_mondays_first_moment_to_sundays_last(
    settings: Settings, zone: str, monday: tuple[int, int, int]
) -> None:
    settings.TIME_ZONE = zone
    start = datetime(*monday, tzinfo=ZoneInfo(zone))
    end = start + timedelta(days=7)  # on the calendar
    hour, first, last = timedelta(hours=1), start.astimezone(UTC), end.astimezone(UTC) - MICROSECOND
    for day in (first, last):
        assert is_in_week(first, first + hour, day)
        assert is_in_week(last, last + hour, day)
        assert is_in_week(first - hour, first + MICROSECOND, day)  # its last moment lies in it
        assert is_in_week(first - hour, last + hour, day)  # it spans the week
        assert not is_in_week(last + MICROSECOND, last + hour, day)
        assert not is_in_week(first - hour, first, day)
    assert not is_in_week(first, first + hour, last + MICROSECOND)
    assert not is_in_week(first, first + hour, first - MICROSECOND)


def test_a_week_whose_first_midnight_clocks_skip_begins_when_they_do(settings: Settings) -> None:
    settings.TIME_ZONE = "America/Sao_Paulo"
    monday, hour = datetime(1997, 10, 6, 3, tzinfo=UTC), timedelta(hours=1)  # at 01:00 there, and 00:59 was on Sunday
    for day, is_new in ((monday, True), (monday - MICROSECOND, False)):
        assert is_in_week(monday, monday + hour, day) == is_new
        assert is_in_week(monday - hour, monday, day) != is_new


def test_the_api_lists_workshops_by_the_sites_week(settings: Settings, api: APIClient) -> None:
    settings.TIME_ZONE = "Pacific/Kiritimati"  # 14 hours before UTC
    monday = datetime(2030, 5, 5, 10, tzinfo=UTC)
    with time_machine.travel(monday - timedelta(days=3), tick=False):
        make.event(title="Sunday", starts_at=monday - timedelta(hours=1), hours=1)
        make.event(title="Monday", starts_at=monday, hours=1)
        assert [row["title"] for row in api.get("/api/workshops/").json()["results"]] == ["Sunday"]
    with time_machine.travel(monday, tick=False):
        assert [row["title"] for row in api.get("/api/workshops/").json()["results"]] == ["Monday"]


# --- Clocks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> APIClient:
    return make.client(make.user("owner"))


def sent(**fields: Any) -> dict[str, Any]:
    least = {"title": "Go", "starts_at": "2030-03-30T10:00", "ends_at": "2030-11-01T10:00", "timezone": "Europe/Paris"}
    return least | fields


def test_every_time_that_clocks_skip_is_named_at_once(api: APIClient) -> None:
    skipped = "2030-03-31T02:30"
    names = ("starts_at", "ends_at", "registration_opens_at", "registration_closes_at")
    answer = api.post("/api/events/", sent(**dict.fromkeys(names, skipped)))
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
        (f"/{name}", "skipped_by_clocks") for name in names
    ]
    session = {"title": "Talk", "starts_at": skipped, "ends_at": "2030-03-31T03:30"}
    answer = api.post("/api/events/", sent(sessions=[session, session | {"starts_at": "2030-03-31T01:30"}]))
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/sessions/0/starts_at"]


@pytest.mark.parametrize(
    ("clock", "moment"),
    [
        ("2030-03-31T01:59:59.999999", "2030-03-31T00:59:59.999999Z"),
        ("2030-03-31T02:00:00", None),
        ("2030-03-31T02:59:59.999999", None),
        ("2030-03-31T03:00:00", "2030-03-31T01:00:00Z"),
        ("2030-10-27T01:59:59.999999", "2030-10-26T23:59:59.999999Z"),
        ("2030-10-27T02:00:00", "2030-10-27T00:00:00Z"),  # the first of two
        ("2030-10-27T02:59:59.999999", "2030-10-27T00:59:59.999999Z"),
        ("2030-10-27T02:00:00+01:00", "2030-10-27T01:00:00Z"),
        ("2030-10-27T03:00:00", "2030-10-27T02:00:00Z"),
    ],
)
def test_a_clock_is_read_to_the_microsecond_around_a_change(api: APIClient, clock: str, moment: str | None) -> None:
    session = {"title": "Talk", "starts_at": clock, "ends_at": "2030-11-01T10:00"}
    answer = api.post("/api/events/", sent(starts_at=clock, sessions=[session]))
    if moment is None:
        assert answer.status_code == 400
    else:
        shown = answer.json()
        assert (shown["starts_at"], shown["sessions"][0]["starts_at"]) == (moment, moment)


@pytest.mark.parametrize(
    ("zone", "clock", "moment"),
    [
        ("Pacific/Apia", "2011-12-30T12:00", None),  # a day that was skipped whole
        ("Australia/Lord_Howe", "2030-10-06T02:15", None),  # half an hour is
        ("Australia/Lord_Howe", "2030-10-06T02:30", "2030-10-05T15:30:00Z"),
        ("Africa/Casablanca", "2030-01-06T02:30", "2030-01-06T02:30:00Z"),  # the clock of Ramadan begins: twice
        ("Asia/Kathmandu", "2030-01-01T00:00", "2029-12-31T18:15:00Z"),  # another year in UTC
        ("Pacific/Kiritimati", "2030-01-01T00:00", "2029-12-31T10:00:00Z"),
    ],
)
def test_odd_clocks_are_read_as_they_are(zone: str, clock: str, moment: str | None) -> None:
    found = at(datetime.fromisoformat(clock), ZoneInfo(zone))
    assert (found and f"{found:%Y-%m-%dT%H:%M:%S}Z") == moment


def test_of_two_moments_the_second_is_read_where_the_fold_says_so() -> None:
    clock = datetime.fromisoformat("2030-10-27T02:30")
    assert [read_clock(clock.replace(fold=fold), PARIS).hour for fold in (0, 1)] == [0, 1]


def test_changing_the_timezone_alone_moves_nothing_and_later_clocks_are_read_there(api: APIClient) -> None:
    created = api.post("/api/events/", sent()).json()
    door = f"/api/events/{created['id']}/"
    assert api.patch(door, {"timezone": "Asia/Tokyo"}).json() == created | {"timezone": "Asia/Tokyo"}
    assert api.patch(door, {"starts_at": "2030-04-01T10:00"}).json()["starts_at"] == "2030-04-01T01:00:00Z"


def test_an_alias_is_a_timezone_and_the_hosts_own_clock_is_none(api: APIClient) -> None:
    created = api.post("/api/events/", sent(timezone="Asia/Calcutta")).json()
    assert (created["timezone"], created["starts_at"]) == ("Asia/Calcutta", "2030-03-30T04:30:00Z")
    assert {"US/Eastern", "Europe/Kiev", "Etc/GMT-2", "UTC"} <= zone_names()
    for name in ("localtime", "Factory", "europe/paris", "../../etc/passwd", ""):
        assert api.post("/api/events/", sent(timezone=name)).status_code == 400


@pytest.mark.parametrize("name", ["starts_at", "ends_at", "registration_opens_at", "registration_closes_at"])
@pytest.mark.parametrize("moment", ["1969-12-31T23:59", "2201-01-01T00:00", "0001-01-01T00:00", "9999-12-31T23:59:59"])
def test_a_year_that_makes_no_sense_is_refused_in_every_time(api: APIClient, name: str, moment: str) -> None:
    answer = api.post("/api/events/", sent(**{name: moment}))
    assert (f"/{name}", "invalid") in [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


# --- What people read --------------------------------------------------------------------------------------------


def test_a_mail_says_what_clocks_at_the_event_show_before_and_after_a_change_of_clocks() -> None:
    event = make.event(starts_at=datetime(2030, 3, 30, 9, tzinfo=UTC), timezone="Europe/Paris")
    make.confirmed(event)
    change_event(
        event,
        EventChange(
            {"starts_at": datetime(2030, 3, 31, 8, tzinfo=UTC), "ends_at": datetime(2030, 3, 31, 10, tzinfo=UTC)}
        ),
    )
    mail = render(Message.objects.get(kind="registration.event_changed"))
    assert mail is not None
    assert "Sunday 31 March 2030, 10:00 – 12:00 (Europe/Paris)" in mail.text
    assert "Saturday 30 March 2030, 10:00 – 12:00 (Europe/Paris)" in mail.text


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        ("2030-03-31T01:30", "2030-03-31T03:30", "Sunday 31 March 2030, 01:30 – 03:30 (Europe/Paris)"),
        (
            "2030-10-27T02:45",
            "2030-10-27T02:15+01:00",
            "Sunday 27 October 2030, 02:45 +0200 – 02:15 +0100 (Europe/Paris)",
        ),
        (
            "2029-12-31T22:00",
            "2030-01-01T02:00",
            "Monday 31 December 2029, 22:00 – Tuesday 1 January 2030, 02:00 (Europe/Paris)",
        ),
    ],
)
def test_a_time_is_written_as_it_was_meant(start: str, end: str, written: str) -> None:
    moments = [read_clock(datetime.fromisoformat(clock), PARIS) for clock in (start, end)]
    with translation.override("en"):
        assert when(Event(starts_at=moments[0], ends_at=moments[1], timezone="Europe/Paris")) == written
