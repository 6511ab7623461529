"""Calendar files of events, of the site, and of a registration."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from tests.support import make
from tests.support.calendars import Entry, read_with_vobject
from turnout.accounts.models import Role
from turnout.api import calendars
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.registrations.actions import cancel
from turnout.registrations.actions.events import EventChange, change_event, remove_event

pytestmark = pytest.mark.django_db


def entries(answer: Any) -> list[Entry]:
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    return read_with_vobject(answer.content).entries


def titles(api: APIClient, **asked: Any) -> list[str]:
    return [each.summary for each in entries(api.get("/api/calendar.ics", asked))]


def ended(title: str, *, days: float, lasted: float = 0.1) -> Event:
    """Return an event that ended so many days ago."""
    event = make.event(title=title)
    end = now() - timedelta(days=days)
    Event.objects.filter(pk=event.pk).update(starts_at=end - timedelta(days=lasted), ends_at=end, over=True)
    return event


# --- One event ---------------------------------------------------------------------------------------------------


def test_everybody_gets_an_event_for_their_calendar(api: APIClient) -> None:
    event = make.event(title="Go", location="Oran", online_url="https://meet.example.org/go")
    answer = api.get(f"/api/events/{event.id}/calendar.ics")
    (found,) = entries(answer)
    assert (found.uid, found.summary, found.location, found.starts, found.status) == (
        f"{event.id}@127.0.0.1",
        "Go",
        "Oran",
        event.starts_at.replace(microsecond=0),
        "CONFIRMED",
    )
    assert b"meet.example.org" not in answer.content
    assert (answer["Content-Disposition"], answer["Cache-Control"]) == (
        f'inline; filename="event-{event.id}.ics"',
        "public, max-age=300",
    )


def test_it_is_sent_again_only_once_something_changed(api: APIClient) -> None:
    event = make.event()
    path = f"/api/events/{event.id}/calendar.ics"
    known = {"If-None-Match": api.get(path)["ETag"]}
    assert api.get(path, headers=known).status_code == 304
    change_event(event, EventChange({"title": "Other"}))
    assert api.get(path, headers=known).status_code == 200


def test_a_move_and_the_end_are_each_a_higher_number(api: APIClient) -> None:
    event = make.event()
    make.confirmed(event)
    path, said = f"/api/events/{event.id}/calendar.ics", []
    for change in (
        lambda: change_event(event, EventChange({"title": "Other"})),
        lambda: change_event(event, EventChange({"location": "Oran"})),
        lambda: remove_event(event),
    ):
        change()
        said += [(each.sequence, each.status) for each in entries(api.get(path))]
    assert said == [(0, "CONFIRMED"), (1, "CONFIRMED"), (2, "CANCELLED")]


def test_a_draft_is_its_teams_alone(api: APIClient) -> None:
    owner = make.user()
    path = f"/api/events/{make.event(status=Event.Status.DRAFT, owner=owner).id}/calendar.ics"
    assert [client.get(path).status_code for client in (api, make.client(make.user()))] == [404, 404]
    answer = make.client(owner).get(path)
    assert [each.status for each in entries(answer)] == ["TENTATIVE"]
    assert answer["Cache-Control"] == "no-store"


def test_what_is_not_there_is_not_found(api: APIClient) -> None:
    assert api.get("/api/events/0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d/calendar.ics").status_code == 404


# --- The site ----------------------------------------------------------------------------------------------------


def test_the_sites_calendar_is_what_is_published_from_30_days_ago_on(api: APIClient) -> None:
    make.event(title="To come")
    make.event(title="Draft", status=Event.Status.DRAFT)
    gone = make.event(title="Cancelled")
    make.confirmed(gone)
    remove_event(gone)
    for title, days, lasted in (("Last week", 7, 0.1), ("Long ago", 31, 0.1), ("A long course", 29, 60)):
        ended(title, days=days, lasted=lasted)
    assert titles(api) == ["A long course", "Last week", "To come"]
    found = read_with_vobject(api.get("/api/calendar.ics").content)
    assert (found.method, found.name) == ("", "Turnout")


def test_it_has_the_filters_of_the_list(api: APIClient) -> None:
    make.event(title="In Oran", location="Oran", kind="meetup")
    make.event(title="In Algiers", starts_at=now() + timedelta(days=40))
    assert titles(api, location="oran") == titles(api, kind="meetup") == titles(api, q="oran") == ["In Oran"]
    assert titles(api, starts_after=(now() + timedelta(days=30)).isoformat()) == ["In Algiers"]
    assert titles(api, ordering="-starts_at") == ["In Oran", "In Algiers"]
    assert api.get("/api/calendar.ics", {"kind": "party"}).status_code == 400


def test_it_is_bounded(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "_MOST_IN_SITE", 2)
    for number in range(3):
        make.event(title=f"{number}", starts_at=now() + timedelta(days=number + 1))
    assert titles(api) == ["0", "1"]


@pytest.mark.parametrize("rows", [1, 5])
def test_it_costs_the_same_whatever_its_length(
    api: APIClient, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for number in range(rows):
        change_event(make.full_event(number), EventChange({"location": "Oran"}))
    with django_assert_num_queries(3):  # events, moves, deeds
        assert len(titles(api)) == rows


def test_programs_ask_again_every_hour(api: APIClient, settings: Settings) -> None:
    settings.SITE_NAME = "Ateliers\r\nX-EVIL:1"
    lines = api.get("/api/calendar.ics").content.decode().split("\r\n")
    wanted = ["X-WR-CALNAME:Ateliers X-EVIL:1", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H"]
    assert [line for line in lines if line.startswith(("X-", "REFRESH"))] == wanted


# --- A registration ----------------------------------------------------------------------------------------------


def test_the_holder_gets_the_entry_that_came_by_mail(api: APIClient) -> None:
    event = make.event(online_url="https://meet.example.org/go")
    held = make.confirmed(event, attendance_type="online")
    path = f"/api/registrations/{held.id}/calendar.ics"
    answer = api.get(f"{path}?token={held.manage_token}")
    (found,) = entries(answer)
    assert (found.uid, found.location, found.attendee) == (
        f"{held.id}@127.0.0.1",
        "https://meet.example.org/go",
        "",
    )
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
    cancel(held)
    gone = api.get(path, headers={"X-Registration-Token": held.manage_token})
    assert [(each.status, each.sequence) for each in entries(gone)] == [("CANCELLED", 1)]
    assert [client.get(path).status_code for client in (api, make.client(make.user()))] == [404, 404]


def test_what_is_not_confirmed_is_in_no_calendar(api: APIClient) -> None:
    pending = make.pending(make.event())
    answer = api.get(f"/api/registrations/{pending.id}/calendar.ics?token={pending.manage_token}")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_confirmed")


def test_pages_lead_to_the_files() -> None:
    browser, seeker = Client(SERVER_NAME="localhost"), make.user(role=Role.SEEKER)
    event = make.event()
    public = f'href="/api/events/{event.id}/calendar.ics"'
    assert public in browser.get(f"/events/{event.id}/").content.decode()
    held = make.enrolled(event, seeker)
    own = f'href="/api/registrations/{held.id}/calendar.ics'
    assert f"{own}?token={held.manage_token}" in browser.get(held.page_path()).content.decode()
    browser.force_login(seeker)
    assert f'{own}"' in browser.get(f"/registrations/{held.id}/").content.decode()
    assert public not in browser.get(f"/events/{event.id}/").content.decode()
