"""The pages on which events are found and shown."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.models import Event

pytestmark = pytest.mark.django_db


def shown(html: str) -> list[str]:
    return re.findall(r'<h3><a href="[^"]+" dir="auto">([^<]*)</a></h3>', html)


def test_the_home_page_shows_what_is_coming_and_finds_what_is_asked_for(browser: Client) -> None:
    start = now() + timedelta(days=1)
    make.event(title="Go for all", starts_at=start + timedelta(hours=1))
    make.event(title="Rust", description="and go", starts_at=start, location="Béjaïa")
    make.event(title="Over", starts_at=start - timedelta(days=3))
    make.event(title="Draft", status=Event.Status.DRAFT)
    assert shown(browser.get("/").content.decode()) == ["Rust", "Go for all"]
    assert shown(browser.get("/?q=GO").content.decode()) == ["Go for all", "Rust"]  # ranked
    assert shown(browser.get("/?location=bejaia&language=en&kind=workshop").content.decode()) == ["Rust"]
    nothing = browser.get("/?q=cobol").content.decode()
    assert (shown(nothing), "Nothing fits." in nothing) == ([], True)


def test_who_types_gets_the_list_alone_and_caches_keep_the_two_apart(browser: Client) -> None:
    make.event(title="Go")
    whole, part = browser.get("/?q=go"), browser.get("/?q=go", headers={"HX-Request": "true"})
    assert [shown(answer.content.decode()) for answer in (whole, part)] == [["Go"], ["Go"]]
    assert ["<html" in answer.content.decode() for answer in (whole, part)] == [True, False]
    assert "1 event shown" in part.content.decode()
    assert "HX-Request" in whole["Vary"]
    back = browser.get("/?q=go", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in back.content.decode()


def test_the_list_is_walked_by_its_links(browser: Client) -> None:
    for number in range(45):
        make.event(title=f"{number:02}", starts_at=now() + timedelta(days=1, hours=number))
    pages, path = [], "/?kind=workshop"
    while path:
        html = browser.get(path).content.decode()
        pages.append(shown(html))
        following = re.search(r'<a rel="next" href="([^"]+)"', html)
        path = "/" + following[1].replace("&amp;", "&") if following else ""
    assert [len(page) for page in pages] == [20, 20, 5]
    assert [title for page in pages for title in page] == [f"{number:02}" for number in range(45)]


@pytest.mark.parametrize("query", ["kind=party", "q=" + "x" * 201, "q=%00", "attendance_type=asleep"])
def test_what_cannot_be_looked_for_is_said_and_kept(browser: Client, query: str) -> None:
    answer = browser.get(f"/?{query}")
    assert (answer.status_code, "errorlist" in answer.content.decode()) in {(200, True), (400, False)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(name=st.sampled_from(["q", "location", "language", "kind", "cursor", "attendance_type"]), text=st.text())
def test_nothing_anybody_types_fails(browser: Client, name: str, text: str) -> None:
    assert browser.get("/", {name: text.encode("utf-8", "replace")}).status_code in {200, 400}


def test_an_event_shows_what_belongs_to_it_and_never_where_it_takes_place_online(browser: Client) -> None:
    event = make.full_event(
        title="Web <b>&</b>", description="See https://example.org", online_url="https://meet.test/1"
    )
    html = browser.get(f"/events/{event.id}/").content.decode()
    assert "Web &lt;b&gt;&amp;&lt;/b&gt;" in html
    assert '<a href="https://example.org" rel="nofollow">' in html
    assert [
        name in html for name in ("Speaker 1.a", "Speaker 1.b", "Partner 1", "<bdi>French</bdi>, <bdi>Arabic</bdi>")
    ] == [True] * 4
    assert "meet.test" not in html
    assert f'href="/events/{event.id}/register/"' in html


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": Event.Status.CANCELLED}, "This event is cancelled."),
        ({"registration_closes_at": now() - timedelta(hours=1)}, "Registration for this event is closed."),
        ({"registration_opens_at": now() + timedelta(hours=1)}, "Registration opens on "),
        ({"capacity": 0, "waitlist_enabled": False}, "Every seat is taken."),
    ],
)
def test_an_event_nobody_can_register_for_says_why(browser: Client, fields: dict[str, object], said: str) -> None:
    event = make.event(**fields)  # type: ignore[arg-type]  # as the parameters say
    html = browser.get(f"/events/{event.id}/").content.decode()
    assert (said in html, "/register/" in html) == (True, False)
    assert "<form method" not in browser.get(f"/events/{event.id}/register/").content.decode() or "capacity" in fields


def test_few_seats_are_worth_a_word_and_a_full_event_has_a_line(browser: Client) -> None:
    event = make.event(capacity=1)
    assert "1 seat left" in browser.get("/").content.decode()
    make.confirmed(event)
    assert "Full, with a waiting list" in browser.get("/").content.decode()
    assert "Join the waiting list" in browser.get(f"/events/{event.id}/").content.decode()


def test_drafts_and_unknown_events_are_nothing(browser: Client) -> None:
    draft = make.event(status=Event.Status.DRAFT)
    for key in (draft.id, new_id()):
        for page in ("", "register/", "registered/"):
            assert browser.get(f"/events/{key}/{page}").status_code == 404


@pytest.mark.parametrize("rows", [1, 20])
def test_the_list_asks_as_often_for_many_events_as_for_one(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for number in range(rows):
        make.full_event(number)
    with django_assert_num_queries(3):
        assert len(shown(browser.get("/").content.decode())) == rows


@pytest.mark.parametrize("rows", [1, 100])
def test_an_event_asks_as_often_whatever_hangs_on_it(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    event = make.full_event(capacity=rows)
    for _ in range(rows):
        make.confirmed(event)
    with django_assert_num_queries(6):
        assert browser.get(f"/events/{event.id}/").status_code == 200


def test_pages_run_no_script_but_ours(browser: Client) -> None:
    event = make.full_event()
    for path in ("/", f"/events/{event.id}/", f"/events/{event.id}/register/", "/confirm/?token=x", "/nothing/"):
        answer = browser.get(path)
        policy, html = answer["Content-Security-Policy"], answer.content.decode()
        assert ("default-src 'none'" in policy, "unsafe" in policy) == (True, False)
        assert re.findall(r"<script(?![^>]+src=)|<style| style=| on\w+=|javascript:", html) == []
