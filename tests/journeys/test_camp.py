"""A real schedule, on its event's page as its organisers published it."""

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.support.demo import Demo
from tests.support.shared import CAMP, needs_camp

pytestmark = [pytest.mark.servers, needs_camp]  # it starts a server

# What stands on the page: for each session its day, room, start, end, title and speakers.
READ = """() => [...document.querySelectorAll(".of-day")].flatMap(day =>
  [...day.querySelectorAll(".room")].flatMap(room => [...room.querySelectorAll(".sessions > li")].map(session => ({
    day: day.querySelector("h3").innerText,
    room: room.querySelector("h4").innerText,
    times: [...session.querySelectorAll("time")].map(time => time.innerText),
    starts: session.querySelector("time").dateTime,
    title: session.querySelector("h5").innerText,
    speakers: [...session.querySelectorAll(".who bdi")].map(name => name.innerText),
    language: session.querySelector(".tag").innerText,
  }))))"""


def published() -> list[dict[str, Any]]:
    days = json.loads(CAMP.read_text())["schedule"]["conference"]["days"]
    return [
        {
            "day": datetime.fromisoformat(day["date"]).strftime("%A %-d %B %Y"),
            "room": room,
            "times": [talk["start"], _end(talk).strftime("%H:%M")],
            "starts": talk["date"],
            "title": " ".join(talk["title"].split()),
            "speakers": sorted(" ".join(person["public_name"].split()) for person in talk["persons"]),
            "language": {"en": "English", "de": "German"}[talk["language"]],
        }
        for day in days
        for room, talks in day["rooms"].items()
        for talk in talks
    ]


def _end(talk: dict[str, Any]) -> datetime:
    hours, minutes = map(int, talk["duration"].split(":"))
    return datetime.fromisoformat(talk["date"]) + timedelta(hours=hours, minutes=minutes)


def test_the_camps_sessions_stand_there_as_published(chromium: Browser, demo: Demo) -> None:
    demo.manage("import_schedule", str(CAMP))
    found = httpx.get(f"{demo.address}/api/events/search/?q=chaos+camp&date_from=2019-08-01").json()["results"]
    page = chromium.new_page(locale="en", viewport={"width": 1280, "height": 900})
    page.goto(f"{demo.address}/events/{found[0]['id']}/")
    assert page.locator("h1").inner_text() == "Chaos Communication Camp 2019"
    shown = page.evaluate(READ)
    assert len(shown) == 79
    key = lambda session: (session["starts"], session["room"])  # noqa: E731
    expected = sorted(published(), key=key)
    read = sorted(
        (
            {name: session[name] for name in ("day", "room", "starts", "times", "title", "language")}
            | {"speakers": sorted(session["speakers"])}
            for session in shown
        ),
        key=key,
    )
    assert read == expected
    page.close()
