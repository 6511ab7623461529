"""A guest checks in themselves: the organiser's screen, the guest's phone, by keyboard alone, every page under axe."""

import io
import json

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_accounts import signs_in
from tests.journeys.test_pages import PHONE, Visitor
from tests.support.demo import Demo
from tests.support.make import PASSWORD

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database

PROJECTOR = {"width": 1280, "height": 720}
SCENE = """
import json
from datetime import timedelta
from tests.support import make
from turnout.core.clock import now
from turnout.events.actions import Parts
from turnout.events.models import Session
owner = make.user("room-{0}")
start = now() - timedelta(minutes=5)
talk = Session(title="Sourdough, أسرار العجين", starts_at=start, ends_at=start + timedelta(hours=1))
parts = Parts(languages=["en"], sessions=[talk])
event = make.event(title="Bread baking", owner=owner, starts_at=start, parts=parts)
guest = make.confirmed(event, "amina-{0}", full_name="Amina أمينة Benali")
print(json.dumps([owner.email, str(event.id), guest.page_path()]))
"""


def link_on(screen: Page) -> str:
    """Return where the code on the screen leads, as a phone's camera reads it."""
    (scanned,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(screen.locator(".qr").screenshot())))
    return scanned.text


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_a_guest_checks_in_by_the_code_on_the_screen(language: str, chromium: Browser, demo: Demo) -> None:
    owner, event, ticket = json.loads(demo.manage("shell", "-v", "0", "-c", SCENE.format(language)))
    desk = chromium.new_context(locale=language, viewport=PROJECTOR)  # type: ignore[arg-type]  # a size
    organiser = Visitor(desk.new_page(), demo.address)
    signs_in(organiser, owner, PASSWORD)
    organiser.goes_to(f"/organise/{event}/room/")
    organiser.finds_it_sound()
    organiser.follows(f"a[href='/organise/{event}/door/rules/']")
    organiser.tabs_to("[name=self_check_in]")
    organiser.page.keyboard.press("Space")
    organiser.follows(".form button")
    organiser.finds_it_sound()
    organiser.follows("#screens ~ ul li:last-child a")
    organiser.finds_it_sound()
    link = link_on(organiser.page)
    assert link.startswith(f"{demo.address}/here/{event}/?code={organiser.page.locator('.code').inner_text()}&session=")

    pocket = chromium.new_context(locale=language, viewport=PHONE)  # type: ignore[arg-type]  # a size
    guest = Visitor(pocket.new_page(), demo.address)
    guest.goes_to(link.removeprefix(demo.address))  # who is unknown here
    guest.finds_it_sound()
    expect(guest.page.locator("main form")).to_have_count(0)
    guest.goes_to(ticket)
    guest.finds_it_sound()
    guest.goes_to(link.removeprefix(demo.address))
    guest.finds_it_sound()
    guest.follows("main form button")
    expect(guest.page.locator(".status.confirmed")).to_be_visible()
    guest.finds_it_sound()
    pocket.close()

    shown = organiser.page.locator(".code").inner_text()
    expect(organiser.page.locator(".code")).not_to_have_text(shown, timeout=40_000)  # it renews itself
    organiser.page.context.set_offline(True)
    expect(organiser.page.locator("[data-lost]")).to_be_visible(timeout=10_000)
    organiser.page.context.set_offline(False)
    expect(organiser.page.locator("[data-lost]")).to_be_hidden(timeout=10_000)
    desk.close()
