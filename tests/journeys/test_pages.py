"""A guest's whole story in a browser on a phone, by keyboard alone, in each language; and every page under axe."""

import io
import re
from collections.abc import Iterator

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.support.demo import Demo

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database

PHONE, DESK = {"width": 375, "height": 800}, {"width": 1280, "height": 900}
MANY_TABS, PATIENCE = 80, 60


# Nothing but colours changes in the dark.
AXE = {"light": {"resultTypes": ["violations"]}, "dark": {"runOnly": ["color-contrast"]}}


class Visitor:
    """Somebody at a browser, and what their browser complained about."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self._heard(line.text))

    def _heard(self, text: str) -> None:
        if "Failed to load resource" not in text:  # a page with a status of its own
            self.complaints.append(text)

    def goes_to(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def tabs_to(self, selector: str) -> None:
        """Press Tab until something is reached, as who has no mouse does."""
        for _ in range(MANY_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"no way to {selector} by keyboard")

    def follows(self, selector: str) -> None:
        """Reach a link or a button, press it, and wait for the page it leads to."""
        self.tabs_to(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def types(self, selector: str, text: str) -> None:
        self.tabs_to(selector)
        self.page.keyboard.type(text)

    def awaits_mail_to(self, address: str) -> None:
        """Load the list of mails again until the worker has delivered one."""
        for _ in range(PATIENCE):
            if address in self.page.locator(".mails li").first.inner_text():
                return
            self.page.wait_for_timeout(250)
            self.page.reload()
        raise AssertionError(f"no mail to {address}")

    def finds_it_sound(self) -> None:
        """Check the page: axe has nothing to say, light or dark; nothing is wider than the screen."""
        for scheme, options in AXE.items():
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
            found = Axe().run(self.page, options=options).response["violations"]
            assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == [], self.page.url
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), self.page.url
        assert self.complaints == []


@pytest.fixture(params=["en", "fr", "ar"])
def guest(request: pytest.FixtureRequest, chromium: Browser, demo: Demo) -> Iterator[Visitor]:
    context = chromium.new_context(locale=request.param, viewport=PHONE)  # type: ignore[arg-type]  # a size
    yield Visitor(context.new_page(), demo.address)
    context.close()


WORDS = {
    "en": ("ltr", "Find what you want to learn", "This field is required.", "You have a seat."),
    "fr": ("ltr", "Trouvez ce que vous voulez apprendre", "Ce champ est obligatoire.", "Vous avez une place."),
    "ar": ("rtl", "اعثر على ما تود تعلّمه", "هذا الحقل مطلوب.", "لديك مقعد."),
}


def test_a_guest_comes_from_the_list_to_a_ticket_and_gives_it_back(guest: Visitor) -> None:
    page = guest.page
    guest.goes_to("/")
    language = page.get_attribute("html", "lang") or ""
    direction, title, required, seated = WORDS[language]
    assert page.get_attribute("html", "dir") == direction
    expect(page.locator("h1")).to_have_text(title)
    guest.finds_it_sound()

    guest.types("input[name=q]", "first web")
    expect(page.locator(".events h3")).to_have_count(1)
    assert "q=first+web" in page.url
    guest.finds_it_sound()
    guest.follows(".events h3 a")
    expect(page.locator("h1")).to_have_text("Your first web page, from an empty file to a public address")
    guest.finds_it_sound()

    guest.follows("a.button")
    guest.follows("form[method=post].form button")  # with nothing filled in
    expect(page.locator("[aria-invalid=true]")).to_have_count(2)
    expect(page.locator("#id_email_error")).to_have_text(required)
    guest.finds_it_sound()
    assert page.evaluate("document.activeElement.name") == "full_name"
    page.keyboard.type("Amina Bouzid")
    guest.types("[name=email]", "amina")
    guest.types("[name=phone]", "call me")
    guest.follows(".form button")
    expect(page.locator("[aria-invalid=true]")).to_have_count(2)
    assert page.input_value("[name=full_name]") == "Amina Bouzid"  # nothing typed is lost
    address = f"amina.{language}@example.org"
    for name, text in (("email", address), ("phone", "+213 555 12 34 56")):
        page.locator(f"[name={name}]").focus()
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
    guest.follows(".form button")
    expect(page.locator(".lead bdi")).to_have_text(address)
    guest.finds_it_sound()

    guest.goes_to("/mail/")
    guest.awaits_mail_to(address)
    guest.finds_it_sound()
    guest.follows(".mails a")
    link = page.locator("pre a[href*='/confirm/']").get_attribute("href") or ""
    guest.goes_to(re.sub(r"^https?://[^/]+", "", link))
    expect(page.locator(".card h2")).to_contain_text("Your first web page")
    guest.finds_it_sound()
    guest.follows("main button")
    expect(page.locator(".status")).to_have_text(seated)
    guest.finds_it_sound()
    code = zxingcpp.read_barcode(Image.open(io.BytesIO(page.locator(".ticket").screenshot())))
    assert code is not None
    assert code.text.startswith("T1.")

    guest.tabs_to(".leave summary")
    page.keyboard.press("Enter")
    guest.finds_it_sound()
    guest.follows(".leave button.quiet")
    expect(page.locator(".status.cancelled")).to_be_visible()
    guest.finds_it_sound()
    guest.follows("a.button")
    expect(page.locator("[name=full_name]")).to_be_visible()


def test_the_language_is_changed_on_any_page_and_kept(chromium: Browser, demo: Demo) -> None:
    page = chromium.new_page(locale="en", viewport=DESK)  # type: ignore[arg-type]  # a size
    guest = Visitor(page, demo.address)
    guest.goes_to("/?q=web")
    page.locator("button[lang=ar]").click()
    assert page.get_attribute("html", "dir") == "rtl"
    assert page.url.endswith("/?q=web")
    guest.goes_to("/confirm/?token=x")  # whose address goes to nobody, so that its forms come from nowhere
    page.locator("button[lang=fr]").click()
    assert (page.get_attribute("html", "lang"), page.url.endswith("/confirm/?token=x")) == ("fr", True)
    page.close()


def test_every_page_is_sound_at_a_desk_too(chromium: Browser, demo: Demo) -> None:
    page = chromium.new_page(locale="ar", viewport=DESK)  # type: ignore[arg-type]  # a size
    guest = Visitor(page, demo.address)
    for path in ("/", "/?q=zzzz", "/?q=e&kind=workshop", "/nothing/", "/mail/", "/confirm/?token=x", "/?cursor=x"):
        guest.goes_to(path)
        guest.finds_it_sound()
    guest.goes_to("/")
    guest.follows(".events h3 a")
    guest.finds_it_sound()
    page.close()


def test_going_back_from_an_event_shows_what_was_found(chromium: Browser, demo: Demo) -> None:
    page = chromium.new_page(locale="en")
    guest = Visitor(page, demo.address)
    guest.goes_to("/")
    page.fill("input[name=q]", "first web")
    expect(page.locator(".events h3")).to_have_count(1)
    page.locator(".events h3 a").click()
    expect(page.locator(".programme")).to_be_visible()
    page.go_back()
    expect(page.locator(".events h3")).to_have_count(1)
    assert (page.input_value("input[name=q]"), page.url.endswith("/?q=first+web")) == ("first web", True)
    page.locator("button[lang=fr]").click()  # what was typed is not lost with the language
    expect(page.locator(".events h3")).to_have_count(1)
    assert page.get_attribute("html", "lang") == "fr"
    page.close()


def test_all_works_without_scripts(chromium: Browser, demo: Demo) -> None:
    context = chromium.new_context(locale="en", java_script_enabled=False)
    page = context.new_page()
    page.goto(demo.address)
    page.fill("input[name=q]", "first web")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".events h3")).to_have_count(1)
    page.goto(demo.address)
    first = page.locator(".events h3").all_inner_texts()
    page.locator("a[rel=next]").click()
    page.locator("a[rel=prev]").click()
    assert page.locator(".events h3").all_inner_texts() == first
    context.close()
