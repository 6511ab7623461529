"""An account's whole story in a browser on a phone, by keyboard alone; and every page of it under axe."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.test_pages import DESK, PATIENCE, PHONE, Visitor
from tests.support.demo import Demo

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database

FIRST, SECOND = "correct horse battery staple", "seven green bicycles"


@pytest.fixture(params=["en", "ar"])
def visitor(request: pytest.FixtureRequest, chromium: Browser, demo: Demo) -> Iterator[Visitor]:
    context = chromium.new_context(locale=request.param, viewport=PHONE)  # type: ignore[arg-type]  # a size
    yield Visitor(context.new_page(), demo.address)
    context.close()


def replaces(visitor: Visitor, name: str, text: str) -> None:
    visitor.page.locator(f"[name={name}]").focus()
    visitor.page.keyboard.press("Control+A")
    visitor.page.keyboard.type(text)


def reads(visitor: Visitor, address: str, number: int) -> None:
    """Open the newest mail to an address, once there are so many."""
    visitor.goes_to("/mail/")
    for _ in range(PATIENCE):
        if visitor.page.locator(".mails li", has_text=address).count() == number:
            visitor.follows(".mails a")
            return
        visitor.page.wait_for_timeout(250)
        visitor.page.reload()
    raise AssertionError(f"no mail {number} to {address}")


def signs_in(visitor: Visitor, address: str, password: str) -> None:
    visitor.goes_to("/")
    visitor.follows("header nav a")
    visitor.types("[name=email]", address)
    visitor.types("[name=password]", password)
    visitor.follows(".form button")


def test_somebody_signs_up_signs_in_and_sets_a_new_password(visitor: Visitor) -> None:
    page = visitor.page
    visitor.goes_to("/")
    language = page.get_attribute("html", "lang") or ""
    address = f"nadia.{language}@example.org"
    visitor.follows("header nav a")
    visitor.finds_it_sound()
    visitor.follows("main a[href='/signup/']")
    visitor.finds_it_sound()
    visitor.types("[name=email]", "nadia")
    visitor.types("[name=password]", "12345678")
    visitor.follows(".form button")
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    assert page.evaluate("document.activeElement.name") == "email"
    visitor.finds_it_sound()
    replaces(visitor, "email", address)
    visitor.types("[name=password]", "12345678")
    visitor.types("[name=name]", "Nadia")
    visitor.follows(".form button")
    assert page.evaluate("document.activeElement.name") == "password"  # too common
    visitor.finds_it_sound()
    page.keyboard.type(FIRST)
    visitor.follows(".form button")
    expect(page.locator(".lead bdi")).to_have_text(address)
    visitor.finds_it_sound()

    reads(visitor, address, 1)
    code = re.search(r"^\d{6}$", page.locator("pre").inner_text(), re.MULTILINE)
    assert code
    visitor.goes_to("/signup/verify/")
    visitor.types("[name=otp]", "1")
    visitor.follows(".form button")
    visitor.finds_it_sound()
    page.keyboard.type(code[0])
    visitor.follows(".form button")
    expect(page.locator(".told")).to_be_visible()
    expect(page.locator(".who bdi")).to_have_text("Nadia")
    visitor.finds_it_sound()
    visitor.follows("header button")
    expect(page.locator("header a[href='/login/']")).to_be_visible()

    signs_in(visitor, address, FIRST)
    expect(page.locator(".who bdi")).to_have_text("Nadia")
    visitor.follows(".who")
    for way in ("address", "password", "sessions", "erase"):
        visitor.follows(f"main a[href='/account/{way}/']")
        visitor.finds_it_sound()
        visitor.follows(".back a")
    visitor.follows("header button")

    visitor.goes_to("/login/")
    visitor.types("[name=email]", address)
    visitor.types("[name=password]", SECOND)
    visitor.follows(".form button")
    expect(page.locator(".fault")).to_be_visible()
    visitor.finds_it_sound()
    visitor.follows("main a[href='/password/reset/']")
    visitor.finds_it_sound()
    visitor.types("[name=email]", address)
    visitor.follows(".form button")
    expect(page.locator(".told")).to_contain_text(address)
    visitor.finds_it_sound()
    reads(visitor, address, 2)
    link = page.locator("pre a[href*='/password/reset/']").get_attribute("href") or ""
    link = re.sub(r"^https?://[^/]+", "", link)
    visitor.goes_to(link)
    visitor.finds_it_sound()
    visitor.types("[name=password]", SECOND)
    visitor.follows(".form button")
    expect(page.locator(".told")).to_be_visible()
    visitor.goes_to(link)
    expect(page.locator(".notice")).to_be_visible()
    visitor.finds_it_sound()
    visitor.types("[name=email]", address)
    visitor.follows(".form button")
    expect(page.locator(".told")).to_contain_text(address)
    signs_in(visitor, address, SECOND)
    expect(page.locator(".who bdi")).to_have_text("Nadia")


def test_all_works_at_a_desk_and_without_scripts(chromium: Browser, demo: Demo) -> None:
    context = chromium.new_context(locale="en", viewport=DESK, java_script_enabled=False)  # type: ignore[arg-type]  # a size
    visitor = Visitor(context.new_page(), demo.address)
    page = visitor.page
    page.goto(f"{demo.address}/signup/")
    page.fill("[name=email]", "omar@example.org")
    page.fill("[name=password]", FIRST)
    page.get_by_label("I organise events").check()
    page.get_by_role("button", name="Sign up").click()
    visitor.goes_to("/mail/")
    visitor.awaits_mail_to("omar@example.org")
    page.locator(".mails a").first.click()
    code = re.search(r"^\d{6}$", page.locator("pre").inner_text(), re.MULTILINE)
    assert code
    page.goto(f"{demo.address}/signup/verify/")
    page.fill("[name=otp]", code[0])
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".who bdi")).to_have_text("omar@example.org")
    page.get_by_role("link", name="Erase your account").click()
    page.fill("[name=email]", "omar@example.org")
    page.get_by_role("button", name="Erase my account for good").click()
    expect(page.locator("h1")).to_have_text("Your account is erased")
    context.close()
