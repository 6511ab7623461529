"""An organiser pairs a device on their phone, and revokes it: by keyboard alone, every page under axe."""

import io
import json

import httpx
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.journeys.test_accounts import signs_in
from tests.journeys.test_pages import PHONE, Visitor
from tests.support.demo import Demo
from tests.support.make import PASSWORD

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database

# An event with a device that has gone wrong in every way there is.
SCENE = """
import json
from tests.support import make
from turnout.attendance.actions.devices import add_device, note_seen, pair
owner = make.user("devices-{0}")
event = make.event(title="Bread baking", owner=owner)
tablet, _ = pair(add_device(event, "Tablet in the lobby", "North gate", actor="user:1")[1])
note_seen(tablet, battery=4, queued=1200, clock_error_ms=-185000)
print(json.dumps([owner.email, str(event.id)]))
"""


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_a_device_is_paired_by_the_code_on_the_page_and_revoked(language: str, chromium: Browser, demo: Demo) -> None:
    owner, event = json.loads(demo.manage("shell", "-v", "0", "-c", SCENE.format(language)))
    context = chromium.new_context(locale=language, viewport=PHONE)  # type: ignore[arg-type]  # a size
    organiser = Visitor(context.new_page(), demo.address)
    page = organiser.page
    signs_in(organiser, owner, PASSWORD)
    organiser.goes_to(f"/organise/{event}/")
    organiser.follows(f"a[href='/organise/{event}/door/']")
    organiser.follows(f"a[href='/organise/{event}/door/devices/']")
    organiser.finds_it_sound()
    organiser.types("[name=name]", "Phone at the side door")
    organiser.follows(".form button")
    organiser.finds_it_sound()

    scanned = zxingcpp.read_barcode(Image.open(io.BytesIO(page.locator(".ticket").screenshot())))
    assert scanned is not None
    assert scanned.text == page.locator("pre").inner_text()
    code = scanned.text.partition("#pair=")[2]
    assert code == page.locator(".ticket figcaption").inner_text()
    answer = httpx.post(f"{demo.address}/api/devices/pair/", json={"code": code}, trust_env=False)
    assert answer.status_code == 201
    organiser.follows("#pair ~ p a")
    expect(page.locator(".ticket")).to_have_count(0)
    expect(page.locator(".tag.confirmed")).to_be_visible()

    organiser.tabs_to("details:has([value=code]) summary")
    page.keyboard.press("Enter")
    organiser.tabs_to("details:has([value=revoke]) summary")
    page.keyboard.press("Enter")
    organiser.finds_it_sound()
    organiser.follows("[value=revoke]")
    expect(page.locator(".told")).to_contain_text("Phone at the side door")
    expect(page.locator(".tag.cancelled")).to_be_visible()
    organiser.finds_it_sound()
    context.close()
