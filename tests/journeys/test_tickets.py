"""A seeker's way to a seat on a phone, and the organiser who lets them in: by keyboard alone, every page under axe."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.test_accounts import signs_in
from tests.journeys.test_pages import DESK, PHONE, Visitor
from tests.support.demo import Demo
from tests.support.make import PASSWORD

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database

# An event that approves, with one seat, which somebody has; whoever comes next waits. In no week that others look at.
SCENE = """
import json
from datetime import timedelta
from tests.support import make
from turnout.core.clock import now
from turnout.accounts.models import Role
from turnout.registrations.actions.reviews import approve
seeker, owner = make.user("samira-{0}", role=Role.SEEKER), make.user("farid-{0}")
start = now() + timedelta(days=30)
event = make.event(title="Bread baking", owner=owner, capacity=1, approval_required=True, starts_at=start)
holder = approve(make.confirmed(event, "holder-{0}"), actor="user:1")
print(json.dumps([seeker.email, owner.email, str(event.id), holder.page_path()]))
"""
WORDS = {"en": ("ltr", "You have a seat."), "ar": ("rtl", "لديك مقعد.")}


@pytest.fixture(params=WORDS)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def seeker(language: str, chromium: Browser, demo: Demo) -> Iterator[Visitor]:
    context = chromium.new_context(locale=language, viewport=PHONE)  # type: ignore[arg-type]  # a size
    yield Visitor(context.new_page(), demo.address)
    context.close()


@pytest.fixture
def organiser(language: str, chromium: Browser, demo: Demo) -> Iterator[Visitor]:
    context = chromium.new_context(locale=language, viewport=DESK)  # type: ignore[arg-type]  # a size
    yield Visitor(context.new_page(), demo.address)
    context.close()


def test_a_seeker_is_let_in_waits_in_line_and_gets_a_seat(
    language: str, seeker: Visitor, organiser: Visitor, demo: Demo
) -> None:
    samira, farid, event, holders_page = json.loads(demo.manage("shell", "-v", "0", "-c", SCENE.format(language)))
    direction, seated = WORDS[language]

    signs_in(seeker, samira, PASSWORD)
    seeker.follows("nav.own a")
    expect(seeker.page.locator(".nothing")).to_be_visible()
    seeker.finds_it_sound()
    seeker.goes_to(f"/events/{event}/")
    seeker.follows(f"a[href='/events/{event}/enroll/']")
    seeker.finds_it_sound()
    seeker.follows(".form button")
    expect(seeker.page.locator(".status.in_review")).to_be_visible()
    seeker.finds_it_sound()

    signs_in(organiser, farid, PASSWORD)
    organiser.follows("nav.own a[href='/organise/']")
    assert organiser.page.get_attribute("html", "dir") == direction
    organiser.finds_it_sound()
    organiser.follows(".events a")
    organiser.finds_it_sound()
    organiser.follows("button[value=approve]")
    expect(organiser.page.locator(".told")).to_contain_text("Samira")
    expect(organiser.page.locator(".place")).to_have_text("1")
    organiser.finds_it_sound()
    organiser.tabs_to(".rows summary")
    organiser.page.keyboard.press("Enter")
    organiser.finds_it_sound()
    organiser.types("[name=position]", "1")
    organiser.types("[name=reason]", " ")
    organiser.follows("button[value=move]")  # for no reason
    expect(organiser.page.locator("[aria-invalid=true]")).to_have_count(1)
    organiser.finds_it_sound()

    seeker.follows("nav.own a")
    expect(seeker.page.locator(".status.waitlisted")).to_be_visible()
    seeker.finds_it_sound()
    organiser.goes_to(holders_page)
    organiser.tabs_to(".leave summary")
    organiser.page.keyboard.press("Enter")
    organiser.follows("button.quiet")
    seeker.page.reload()
    expect(seeker.page.locator(".status")).to_have_text(seated)
    seeker.finds_it_sound()
    seeker.follows(".tickets h3 a")
    expect(seeker.page.locator(".ticket svg")).to_be_visible()
    seeker.finds_it_sound()


def test_every_page_of_the_desk_is_sound_on_a_phone_too(seeker: Visitor, language: str, demo: Demo) -> None:
    _, farid, event, _ = json.loads(demo.manage("shell", "-v", "0", "-c", SCENE.format(f"{language}-desk")))
    signs_in(seeker, farid, PASSWORD)
    for path in ("", f"{event}/", f"{event}/registrations/", f"{event}/registrations/?q=zzzz", f"{event}/clone/"):
        seeker.goes_to(f"/organise/{path}")
        seeker.finds_it_sound()
    seeker.goes_to(f"/organise/{event}/registrations/")
    seeker.follows(".rows a")
    seeker.finds_it_sound()
