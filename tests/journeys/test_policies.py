"""The pages that others made work in a browser under our Content-Security-Policy, and it complains of nothing."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.support.demo import Demo
from turnout.jobs.demo import ADMINISTRATOR

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database


@pytest.fixture
def page(chromium: Browser, demo: Demo) -> Iterator[Page]:
    """Yield a page in a browser; what it complains of fails the test."""
    complaints: list[str] = []
    context = chromium.new_context(base_url=demo.address)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if _counts(line) else None)
    yield page
    context.close()
    assert complaints == []


def _counts(line: ConsoleMessage) -> bool:
    return not line.location["url"].endswith("/favicon.ico")  # browsers ask for one whether it is there or not


def test_the_api_is_read_and_tried_in_the_browser(page: Page) -> None:
    page.goto("/api/docs/")
    health = page.locator("#operations-health-health button.opblock-summary-control")
    for _ in range(100):  # what is far down is drawn when it comes into view
        if health.count():
            break
        page.mouse.wheel(0, 1500)
        page.wait_for_timeout(100)
    health.click()
    page.locator(".try-out__btn").click()
    page.locator(".execute").click()
    expect(page.locator(".live-responses-table .response .response-col_status")).to_have_text("200")


def test_staff_sign_in_and_walk_through_the_admin(page: Page, demo: Demo) -> None:
    kept = json.loads((Path(demo.environment["DATA_DIR"]) / "demo.json").read_text())
    page.goto("/admin/login/")
    page.fill("[name=username]", ADMINISTRATOR)
    page.fill("[name=password]", kept["password"])
    page.fill("[name=otp_token]", f"{TOTP(base64.b32decode(kept['secret'])).token():06}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")
    for path in ("events/event/", "events/event/add/", "registrations/registration/", "core/auditentry/?q=a"):
        page.goto(f"/admin/{path}")
        expect(page.locator("body")).not_to_contain_text("x-data")
    page.goto("/admin/events/event/")
    page.locator("#result_list tbody th a").first.click()
    page.wait_for_url("**/change/**")
    page.locator("[name=_save]").scroll_into_view_if_needed()
    page.locator(".select2-selection").first.click()
    expect(page.locator(".select2-results")).to_be_visible()
