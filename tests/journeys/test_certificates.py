"""A certificate's whole story in browsers: decided, earned, issued, opened from the mail, verified, revoked."""

import json
import re

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.test_accounts import reads, signs_in
from tests.journeys.test_pages import DESK, PHONE, Visitor
from tests.support.demo import Demo
from tests.support.make import PASSWORD

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database

SCENE = """
import json
from datetime import timedelta
from tests.support import door, make
from turnout.core.clock import now
from turnout.events.actions import Parts
from turnout.events.models import Session
owner = make.user("certifies-{0}")
start = now() - timedelta(minutes=5)
talk = Session(title="Sourdough, أسرار العجين", starts_at=start, ends_at=start + timedelta(hours=1))
parts = Parts(languages=["en"], sessions=[talk])
event = make.event(title="Bread baking", owner=owner, starts_at=start, parts=parts)
people = [make.confirmed(event, name + "-{0}", full_name=name.title()) for name in ("amina", "bilal")]
door.scan(owner, people[0], session=event.sessions.get().pk)
print(json.dumps([owner.email, str(event.id), people[0].email, people[0].page_path()]))
"""
END = """
from datetime import timedelta
from django.db.models import F
from turnout.core.clock import now
from turnout.events.models import Event, Session
hour = timedelta(hours=3)
Event.objects.filter(pk="{0}").update(starts_at=F("starts_at") - hour, ends_at=now() - timedelta(minutes=1))
"""


def replaces(visitor: Visitor, selector: str, text: str) -> None:
    visitor.tabs_to(selector)
    visitor.page.keyboard.press("Control+A")
    visitor.page.keyboard.type(text)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_certificate_is_earned_verified_and_revoked(language: str, chromium: Browser, demo: Demo) -> None:
    scene = demo.manage("shell", "-v", "0", "-c", SCENE.format(language))
    owner, event, address, ticket = json.loads(scene)
    desk = chromium.new_context(locale=language, viewport=DESK)  # type: ignore[arg-type]  # a size
    organiser, base = Visitor(desk.new_page(), demo.address), f"/organise/{event}/certificates/"
    signs_in(organiser, owner, PASSWORD)
    organiser.goes_to(base)
    organiser.finds_it_sound()
    organiser.follows(f"main a[href='{base}rules/']")
    organiser.finds_it_sound()
    replaces(organiser, "[name=min_attendance_percent]", "101")
    organiser.follows(".form button")
    expect(organiser.page.locator("[aria-invalid=true]")).to_have_count(1)
    organiser.finds_it_sound()
    replaces(organiser, "[name=min_attendance_percent]", "50")
    organiser.tabs_to("[name=automatic]")
    organiser.page.keyboard.press("Space")
    organiser.follows(".form button")
    organiser.follows(f"main a[href='{base}design/']")
    organiser.finds_it_sound()
    organiser.tabs_to("[name=template]")
    organiser.page.keyboard.press("ArrowDown")
    organiser.types("[name='signatures/0/name']", "Dr. Omar")
    organiser.follows(".form button")
    expect(organiser.page.locator("[name=template]:checked")).to_have_value("modern")
    organiser.finds_it_sound()

    pocket = chromium.new_context(locale=language, viewport=PHONE)  # type: ignore[arg-type]  # a size
    guest = Visitor(pocket.new_page(), demo.address)
    guest.goes_to(ticket)
    guest.follows("main a[href*='/certificate/']")
    guest.finds_it_sound()
    expect(guest.page.locator(".proof .name")).to_have_text("Amina")
    replaces(guest, "[name=full_name]", "Amina أمينة Benali")
    guest.follows("main form button")
    expect(guest.page.locator(".proof .name")).to_have_text("Amina أمينة Benali")
    guest.finds_it_sound()

    demo.manage("shell", "-v", "0", "-c", END.format(event))
    organiser.goes_to(base)
    organiser.finds_it_sound()
    organiser.follows("#figures ~ form button")
    expect(organiser.page.locator(".told")).to_be_visible()
    expect(organiser.page.locator("#issued ~ .rows li")).to_have_count(1)
    organiser.follows(f"main a[href='{base}missing/']")
    expect(organiser.page.locator(".rows li")).to_have_count(1)
    organiser.finds_it_sound()

    reads(guest, address, 2)  # the first was the ticket's
    link = guest.page.locator("pre a[href*='/certificates/']").first.get_attribute("href") or ""
    paper = re.sub(r"^https?://[^/]+", "", link).partition("?")[0]
    guest.goes_to(paper)
    expect(guest.page.locator(".verdict.valid")).to_be_visible()
    expect(guest.page.locator(".says h2")).to_have_text("Amina أمينة Benali")
    guest.finds_it_sound()

    organiser.goes_to(f"{base}{paper.removeprefix('/certificates/')}")
    organiser.finds_it_sound()
    organiser.tabs_to("details summary")
    organiser.page.keyboard.press("Enter")
    organiser.types("#id_revoked_reason", "Somebody else's ticket")
    organiser.follows("[value=revoke]")
    organiser.finds_it_sound()
    guest.goes_to(paper)
    expect(guest.page.locator(".verdict.revoked q")).to_have_text("Somebody else's ticket")
    guest.finds_it_sound()
    guest.goes_to("/certificates/00000000-0000-4000-8000-000000000000/")
    guest.finds_it_sound()
    guest.types("[name=id]", paper)
    guest.follows("main form button")
    expect(guest.page.locator(".verdict.revoked")).to_be_visible()
    for context in (desk, pocket):
        context.close()
