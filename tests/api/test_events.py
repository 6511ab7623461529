from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.actions import Parts, save_partner
from turnout.events.models import Event, Partner, SeatPool

pytestmark = pytest.mark.django_db


def titles(api: APIClient, path: str, **query: Any) -> list[str]:
    answer = api.get(path, query)
    assert answer.status_code == 200, answer.json()
    return [row["title"] for row in answer.json()["results"]]


def walk(api: APIClient, url: str, direction: str) -> tuple[list[list[str]], str]:
    """Return what stands on each page from this one on, and the last page's address."""
    pages = []
    while True:
        answer = api.get(url).json()
        pages.append([row["title"] for row in answer["results"]])
        if answer[direction] is None:
            return pages, url
        url = answer[direction]


def test_an_event_is_shown_with_all_that_belongs_to_it(api: APIClient) -> None:
    start = datetime(2030, 5, 6, 8, 30, tzinfo=UTC)
    event = make.full_event(title="Go", capacity=20, starts_at=start, online_url="https://meet.example.org/secret")
    make.confirmed(event)
    answer = api.get(f"/api/events/{event.id}/").json()
    sessions, speakers = answer.pop("sessions"), answer.pop("speakers")
    assert answer == {
        "id": str(event.id),
        "title": "Go",
        "description": "",
        "kind": "workshop",
        "status": "published",
        "language": "fr",
        "languages": ["fr", "ar"],
        "location": "Algiers",
        "website": "",
        "image": "",
        "attendance_types": ["on_site", "online"],
        "timezone": "Africa/Algiers",
        "starts_at": "2030-05-06T08:30:00Z",
        "ends_at": "2030-05-06T10:30:00Z",
        "duration": 120,
        "registration_opens_at": None,
        "registration_closes_at": None,
        "capacity": 20,
        "capacities": None,
        "available_seats": 19,
        "waitlist_enabled": True,
        "waitlist_length": 0,
        "approval_required": False,
        "offer_hours": None,
        "ask_hours": None,
        "release_hours": None,
        "reminder_hours": [24],
        "questions": [],
        "certificate_rule": None,
        "series": None,
        "partner": {"id": str(event.partner_id), "name": "Partner 1", "website": "", "level": "", "logo": ""},
    }
    assert sessions == [
        {
            "id": str(part.id),
            "title": part.title,
            "description": "",
            "language": "",
            "track": "",
            "starts_at": f"2030-05-06T{8 + hour:02}:30:00Z",
            "ends_at": f"2030-05-06T{9 + hour:02}:30:00Z",
            "room": "",
            "speakers": [],
        }
        for hour, part in enumerate(event.sessions.all())
    ]
    assert [speaker["name"] for speaker in speakers] == ["Speaker 1.a", "Speaker 1.b"]


def test_seats_are_shown_by_type_where_each_has_its_own(api: APIClient) -> None:
    event = make.event(by_type={"on_site": 1, "online": 5})
    for _ in range(3):
        make.confirmed(event)
    answer = api.get(f"/api/events/{event.id}/").json()
    assert answer["capacities"] == {"on_site": 1, "online": 5}
    assert (answer["capacity"], answer["available_seats"], answer["waitlist_length"]) == (6, 5, 2)


def test_unlimited_seats_are_null(api: APIClient) -> None:
    answer = api.get(f"/api/events/{make.event().id}/").json()
    assert (answer["capacity"], answer["available_seats"]) == (None, None)


@pytest.mark.parametrize("path", ["/api/events/{}/", "/api/workshops/{}/"])
def test_drafts_are_known_to_staff_alone(api: APIClient, path: str) -> None:
    event = make.event(status="draft")
    assert api.get(path.format(event.id)).status_code == 404
    api.force_authenticate(make.staff())
    assert api.get(path.format(event.id)).status_code == 200


def test_a_cancelled_event_is_hidden_from_lists_and_still_there_for_who_knows_it(api: APIClient) -> None:
    event = make.event(status="cancelled")
    assert titles(api, "/api/events/") == titles(api, "/api/workshops/all/") == []
    assert api.get(f"/api/events/{event.id}/").json()["status"] == "cancelled"


def test_a_conference_is_no_workshop(api: APIClient) -> None:
    event = make.event(kind="conference")
    assert titles(api, "/api/workshops/all/") == []
    assert api.get(f"/api/workshops/{event.id}/").status_code == 404


@pytest.mark.parametrize("path", ["/api/events/", "/api/events/search/"])
def test_events_stand_soonest_first_without_what_is_over(api: APIClient, path: str) -> None:
    make.event(title="later", starts_at=now() + timedelta(days=9))
    make.event(title="over", starts_at=now() - timedelta(days=9))
    make.event(title="running", starts_at=now() - timedelta(hours=1))
    make.event(title="soon", starts_at=now() + timedelta(days=1))
    assert titles(api, path) == ["running", "soon", "later"]
    assert titles(api, path, ordering="-starts_at") == ["later", "soon", "running"]
    assert titles(api, path, ordering="title,-starts_at") == ["later", "running", "soon"]


def test_what_is_over_is_shown_where_the_dates_asked_for_reach_back(api: APIClient) -> None:
    past = now() - timedelta(days=30)
    make.event(title="over", starts_at=past)
    make.event(title="coming")
    assert titles(api, "/api/events/", starts_after=(past - timedelta(days=1)).isoformat()) == ["over", "coming"]
    assert titles(api, "/api/events/", starts_before=(past + timedelta(days=1)).isoformat()) == ["over"]
    assert titles(api, "/api/events/", starts_before=(now() + timedelta(days=9)).isoformat()) == ["coming"]
    assert titles(api, "/api/events/search/", date_from=(past.date() - timedelta(days=1)).isoformat()) == [
        "over",
        "coming",
    ]


def test_a_date_at_the_end_of_a_range_means_all_of_that_day(api: APIClient) -> None:
    make.event(title="evening", starts_at=datetime(2030, 5, 6, 20, tzinfo=UTC))
    assert titles(api, "/api/events/search/", date_from="2030-05-06", date_to="2030-05-06") == ["evening"]
    assert titles(api, "/api/events/", starts_before="2030-05-06T00:00:00Z") == []


@pytest.mark.parametrize(
    ("day", "last"),
    [
        ("2026-10-25", datetime(2026, 10, 25, 22, 59, tzinfo=UTC)),
        ("20260329", datetime(2026, 3, 29, 21, 59, tzinfo=UTC)),
    ],
)
def test_a_day_on_which_clocks_change_is_as_long_as_it_is(
    api: APIClient, settings: Settings, day: str, last: datetime
) -> None:
    settings.TIME_ZONE = "Europe/Paris"
    make.event(title="last minute", starts_at=last)
    make.event(title="next day", starts_at=last + timedelta(minutes=1))
    assert titles(api, "/api/events/", starts_before=day, starts_after="2026-01-01") == ["last minute"]


def test_an_offset_whose_plus_the_address_lost_is_still_an_offset(api: APIClient) -> None:
    make.event(title="noon", starts_at=datetime(2030, 5, 6, 12, tzinfo=UTC))
    answer = api.get("/api/events/?starts_after=2030-05-06T14:00:00+02:00&starts_before=2030-05-06T14:00:00%2B02:00")
    assert [row["title"] for row in answer.json()["results"]] == ["noon"]


def search_set() -> None:
    make.event(title="Découvrir Python", description="Pour les débutants", location="München, Germany")
    make.event(
        title="Modern C++", description="Templates and pyramids", location="Berlin", parts=Parts(languages=["de"])
    )
    make.event(title="Go go go", location="Bergen", parts=Parts(languages=["en", "de"]), offers_online=False)
    make.event(title="100% fun_damental", location="Online", offers_on_site=False, kind="meetup")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "python"}, ["Découvrir Python"]),
        ({"q": "PYTH"}, ["Découvrir Python"]),
        ({"q": "ython"}, []),
        ({"q": "decouvrir debutants"}, ["Découvrir Python"]),
        ({"q": "débutants python"}, ["Découvrir Python"]),
        ({"q": "py"}, ["Découvrir Python", "Modern C++"]),
        ({"q": "c++"}, ["Modern C++"]),
        ({"q": "c"}, ["Modern C++"]),
        ({"q": "go"}, ["Go go go"]),
        ({"q": "100%"}, ["100% fun_damental"]),
        ({"q": "%"}, []),
        ({"q": "fun_"}, ["100% fun_damental"]),
        ({"q": "((("}, []),
        ({"q": "' OR 1=1 --"}, []),
        ({"q": " "}, ["Découvrir Python", "Modern C++", "Go go go", "100% fun_damental"]),
        ({"location": "munchen"}, ["Découvrir Python"]),
        ({"location": "MÜN"}, ["Découvrir Python"]),
        ({"location": "ber"}, ["Modern C++", "Go go go"]),
        ({"location": "erlin"}, []),
        ({"location": "ber%"}, []),
        ({"language": "de"}, ["Modern C++", "Go go go"]),
        ({"language": "DE"}, ["Modern C++", "Go go go"]),
        ({"language": "en"}, ["Découvrir Python", "Go go go", "100% fun_damental"]),
        ({"kind": "meetup"}, ["100% fun_damental"]),
        ({"attendance_type": "on_site", "location": "b"}, ["Modern C++", "Go go go"]),
        ({"attendance_type": "online", "location": "b"}, ["Modern C++"]),
        ({"q": "go", "language": "fr"}, []),
        ({"nobody": "knows"}, ["Découvrir Python", "Modern C++", "Go go go", "100% fun_damental"]),
    ],
)
@pytest.mark.parametrize("path", ["/api/events/", "/api/events/search/"])
def test_filters_find_what_a_person_means(api: APIClient, path: str, query: dict[str, str], found: list[str]) -> None:
    search_set()
    assert titles(api, path, **query) == found


def test_seed_b_names_the_keyword_its_own_way(api: APIClient) -> None:
    search_set()
    assert titles(api, "/api/events/search/", keyword="python") == ["Découvrir Python"]


def test_events_are_found_by_partner_and_speaker(api: APIClient) -> None:
    one, _two = make.full_event(1, title="one"), make.full_event(2, title="two")
    assert titles(api, "/api/events/", partner=str(one.partner_id)) == ["one"]
    assert titles(api, "/api/events/", speaker=str(one.speakers.first().pk)) == ["one"]  # type: ignore[union-attr]
    assert titles(api, "/api/events/", speaker=str(new_id())) == []


def test_events_are_found_by_whether_seats_are_left(api: APIClient) -> None:
    full = make.event(title="full", capacity=1)
    make.confirmed(full)
    make.event(title="free", capacity=1)
    make.event(title="unlimited")
    half = make.event(title="half", by_type={"on_site": 1, "online": 1})
    make.confirmed(half)
    assert titles(api, "/api/events/", has_seats="true") == ["free", "unlimited", "half"]
    assert titles(api, "/api/events/", has_seats="false") == ["full"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"starts_after": "yesterday"}, "/starts_after"),
        ({"starts_after": "0001-01-01T00:00:00+14:00"}, "/starts_after"),
        ({"starts_before": "9999-12-31T23:59:59-14:00"}, "/starts_before"),
        ({"starts_before": "9999-12-31"}, "/starts_before"),
        ({"partner": "1"}, "/partner"),
        ({"speaker": "x" * 10_000}, "/speaker"),
        ({"kind": "party"}, "/kind"),
        ({"attendance_type": "asleep"}, "/attendance_type"),
        ({"ordering": "password"}, "/ordering"),
        ({"cursor": "x"}, "/cursor"),
        ({"cursor": "é" * 500}, "/cursor"),
        ({"page_size": "0"}, "/page_size"),
        ({"page_size": "-1"}, "/page_size"),
        ({"page_size": "9" * 400}, "/page_size"),
        ({"page_size": "٣"}, "/page_size"),
        ({"q": "x" * 5000}, "/q"),
        ({"q": "\ud800"}, None),
        ({"location": "\u202e" * 300}, "/location"),
        ({"location": "\u202e" * 200}, None),
    ],
)
@pytest.mark.parametrize("path", ["/api/events/", "/api/events/search/"])
def test_a_parameter_that_makes_no_sense_is_named(
    api: APIClient, path: str, query: dict[str, str], pointer: str | None
) -> None:
    make.event()
    answer = api.get(path, {name: value.encode("utf-8", "replace") for name, value in query.items()})
    if pointer is None:
        assert answer.status_code == 200
        return
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_pages_are_walked_to_the_end_and_back_without_a_gap(api: APIClient) -> None:
    start = now() + timedelta(days=1)
    for number in range(25):
        make.event(title=f"{number:02}", starts_at=start + timedelta(hours=number // 10))  # many at one moment
    everything = titles(api, "/api/events/", page_size=100)
    assert len(everything) == 25

    forward, last = walk(api, "/api/events/?page_size=10", "next")
    assert forward == [everything[:10], everything[10:20], everything[20:]]
    assert walk(api, last, "previous")[0] == forward[::-1]


def test_a_page_is_not_shifted_by_what_comes_in_before_it(api: APIClient) -> None:
    start = now() + timedelta(days=2)
    for number in range(4):
        make.event(title=f"{number}", starts_at=start + timedelta(hours=number))
    first = api.get("/api/events/?page_size=2").json()
    make.event(title="new", starts_at=start - timedelta(days=1))
    assert titles(api, first["next"]) == ["2", "3"]


def test_a_cursor_for_one_order_is_none_for_another(api: APIClient) -> None:
    for _ in range(3):
        make.event()
    following = api.get("/api/events/?page_size=2").json()["next"]
    assert api.get(following + "&ordering=-starts_at").status_code == 400


def test_what_has_the_words_in_its_title_comes_first_and_whole_words_before_beginnings(api: APIClient) -> None:
    start = now() + timedelta(days=1)
    titles_by_hour = ["Meetup", "Google day", "Learn Go", "Gophers", "Go, a language", "Good evening", "Pipes"]
    for hour, title in enumerate(titles_by_hour):
        description = "A language to go for" if title in {"Meetup", "Pipes"} else ""
        make.event(title=title, description=description, starts_at=start + timedelta(hours=hour))
    make.event(title="Rust", starts_at=start)
    ranked = ["Learn Go", "Go, a language", "Google day", "Gophers", "Good evening", "Meetup", "Pipes"]
    assert titles(api, "/api/events/search/", q="go") == ranked
    assert titles(api, "/api/events/search/", keyword="GÓ") == ranked
    assert titles(api, "/api/events/search/", q="go lang") == ["Go, a language", "Meetup", "Pipes"]
    assert titles(api, "/api/events/", q="go") == [
        title for title in titles_by_hour if title in ranked
    ]  # soonest first
    assert titles(api, "/api/events/search/", q="go", ordering="title") == sorted(ranked)
    for size in (1, 2, 3):
        forward, last = walk(api, f"/api/events/search/?q=go&page_size={size}", "next")
        assert [title for page in forward for title in page] == ranked
        assert walk(api, last, "previous")[0] == forward[::-1]


def test_a_cursor_for_a_ranked_list_is_none_for_another(api: APIClient) -> None:
    for number in range(3):
        make.event(title=f"Rust {number}", description="go")
    following = api.get("/api/events/search/?q=go&page_size=2").json()["next"]
    assert api.get(following.replace("q=go", "ordering=starts_at")).status_code == 400


def test_rows_are_counted_only_for_who_asks(api: APIClient) -> None:
    for _ in range(3):
        make.event()
    assert "count" not in api.get("/api/events/").json()
    assert api.get("/api/events/?count=true&page_size=1").json()["count"] == 3
    assert len(api.get("/api/events/?page_size=1000").json()["results"]) == 3


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/api/events/", 5),
        ("/api/events/search/?q=workshop", 8),  # three ranks, then the rows themselves
        ("/api/workshops/", 5),
        ("/api/workshops/all/", 5),
        ("/api/speakers/", 2),
        ("/api/partners/", 2),
    ],
)
@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.long
def test_lists_ask_as_often_for_a_hundred_rows_as_for_one(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries, path: str, queries: int, rows: int
) -> None:
    with time_machine.travel(datetime(2030, 5, 7, 12, tzinfo=UTC)):  # a Tuesday
        for number in range(rows):
            make.full_event(number)
        with django_assert_num_queries(queries):
            answer = api.get(path, {"page_size": 100}) if "?" not in path else api.get(f"{path}&page_size=100")
        assert len(answer.json()["results"]) == rows if "speakers" not in path else min(100, 2 * rows)


@pytest.mark.parametrize(("path", "queries"), [("/api/events/{}/", 8), ("/api/workshops/{}/", 8)])
@pytest.mark.parametrize("rows", [1, 100])
def test_a_detail_asks_as_often_whatever_hangs_on_it(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries, path: str, queries: int, rows: int
) -> None:
    event = make.full_event(capacity=rows)
    for _ in range(rows):
        make.confirmed(event)
    with django_assert_num_queries(queries):
        api.get(path.format(event.id))


class TestTheWeek:
    """Monday to Sunday in the site's timezone, whatever the clock does."""

    @pytest.fixture
    def week(self, api: APIClient, settings: Settings) -> Callable[[str, datetime], list[str]]:
        def titles_of(zone: str, moment: datetime) -> list[str]:
            settings.TIME_ZONE = zone
            with time_machine.travel(moment, tick=False):
                return titles(api, "/api/workshops/")

        return titles_of

    def test_begins_on_monday_at_midnight_and_ends_with_sunday(
        self, week: Callable[[str, datetime], list[str]]
    ) -> None:
        zone = ZoneInfo("Africa/Algiers")
        for title, start in {
            "sunday before": datetime(2030, 5, 5, 21, 59, tzinfo=zone),
            "monday": datetime(2030, 5, 6, 0, 0, tzinfo=zone),
            "sunday": datetime(2030, 5, 12, 23, 59, tzinfo=zone),
            "monday after": datetime(2030, 5, 13, 0, 0, tzinfo=zone),
        }.items():
            make.event(title=title, starts_at=start)
        for moment in (
            datetime(2030, 5, 6, 0, 0, tzinfo=zone),
            datetime(2030, 5, 9, 12, 0, tzinfo=zone),
            datetime(2030, 5, 12, 23, 59, 59, tzinfo=zone),
        ):
            assert week("Africa/Algiers", moment) == ["monday", "sunday"]

    def test_follows_the_clocks_that_change_in_it(self, week: Callable[[str, datetime], list[str]]) -> None:
        paris = ZoneInfo("Europe/Paris")  # clocks go back on Sunday, 27 October 2030
        make.event(title="last hour", starts_at=datetime(2030, 10, 27, 23, 30, tzinfo=paris), hours=0.25)
        make.event(title="next week", starts_at=datetime(2030, 10, 28, 0, 0, tzinfo=paris))
        assert week("Europe/Paris", datetime(2030, 10, 23, 12, tzinfo=paris)) == ["last hour"]

    def test_holds_what_began_before_it_and_goes_on(self, week: Callable[[str, datetime], list[str]]) -> None:
        make.event(title="over the weekend", starts_at=datetime(2030, 5, 4, 8, tzinfo=UTC), hours=60)
        assert week("UTC", datetime(2030, 5, 6, 12, tzinfo=UTC)) == ["over the weekend"]

    def test_holds_only_what_takes_place(self, week: Callable[[str, datetime], list[str]]) -> None:
        for status in ("draft", "cancelled"):
            make.event(starts_at=datetime(2030, 5, 7, 8, tzinfo=UTC), status=status)
        make.event(starts_at=datetime(2030, 5, 7, 8, tzinfo=UTC), kind="conference")
        assert week("UTC", datetime(2030, 5, 6, 12, tzinfo=UTC)) == []


def test_speakers_and_partners_are_shown_with_their_public_workshops(api: APIClient) -> None:
    event = make.full_event(1, title="public")
    draft = make.full_event(2, title="draft", status="draft")
    partner, speaker = event.partner, event.speakers.first()
    assert partner is not None
    assert speaker is not None
    brief = {
        "id": str(event.id),
        "title": "public",
        "starts_at": event.starts_at.isoformat().replace("+00:00", "Z"),
        "ends_at": event.ends_at.isoformat().replace("+00:00", "Z"),
        "timezone": "Africa/Algiers",
        "location": "Algiers",
    }
    shown = {"id": str(partner.id), "name": "Partner 1", "website": "", "level": "", "logo": ""}
    assert api.get(f"/api/partners/{partner.id}/").json() == {**shown, "workshops": [brief]}
    assert api.get(f"/api/speakers/{speaker.id}/").json() == {
        "id": str(speaker.id),
        "name": "Speaker 1.a",
        "bio": "",
        "image": "",
        "partner": shown,
        "workshops": [brief],
    }
    assert api.get(f"/api/partners/{draft.partner_id}/").json()["workshops"] == []


def test_partners_and_speakers_of_one_name_are_paged_too(api: APIClient) -> None:
    for _ in range(3):
        save_partner(Partner(name="Same"))
    first = api.get("/api/partners/?page_size=2").json()
    second = api.get(first["next"]).json()
    assert len({row["id"] for row in first["results"] + second["results"]}) == 3


@pytest.mark.parametrize("path", ["events", "workshops", "speakers", "partners"])
@pytest.mark.parametrize("named", [lambda: str(new_id()), lambda: "1", lambda: "x" * 3000, lambda: "0" * 32])
def test_what_is_unknown_is_a_404_in_one_form(api: APIClient, path: str, named: Callable[[], str]) -> None:
    answer = api.get(f"/api/{path}/{named()}/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert {name: answer.json()[name] for name in ("type", "title", "status", "code")} == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
    }


@pytest.mark.parametrize("path", ["workshops/all", "events/search"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_what_is_only_read(api: APIClient, path: str, method: str) -> None:
    make.event()
    answer = getattr(api, method)(f"/api/{path}/", {"title": "x"})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert Event.objects.count() == SeatPool.objects.count() == 1
