"""A guest who has to show that they are no program: in a browser on a phone, by keyboard alone, in each language."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.journeys.test_pages import PHONE, Visitor
from tests.support.demo import Demo, running

pytestmark = pytest.mark.servers  # it starts a server: once is enough, whatever the round's database

VERIFIED = {"en": "Verified", "fr": "Vérifié", "ar": "تم التحقق"}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Yield a demo that asks by ALTCHA."""
    with running(tmp_path_factory.mktemp("asking"), CAPTCHA="altcha") as demo:
        yield demo


@pytest.fixture(params=["en", "fr", "ar"])
def guest(request: pytest.FixtureRequest, chromium: Browser, asking: Demo) -> Iterator[Visitor]:
    context = chromium.new_context(locale=request.param, viewport=PHONE)  # type: ignore[arg-type]  # a size
    yield Visitor(context.new_page(), asking.address)
    context.close()


def at_the_form(guest: Visitor) -> Page:
    page = guest.page
    guest.goes_to("/?q=first+web")
    page.locator(".events h3 a").click()
    page.locator("a.button").click()
    return page


def test_a_browser_works_while_the_form_is_filled_in(guest: Visitor) -> None:
    page = at_the_form(guest)
    language = page.get_attribute("html", "lang") or ""
    guest.finds_it_sound()
    guest.types("[name=full_name]", "Amina Bouzid")
    expect(page.locator("altcha-widget")).to_contain_text(VERIFIED[language])
    guest.finds_it_sound()
    guest.types("[name=email]", f"amina.{language}@example.org")
    guest.follows(".form .act button")
    expect(page.locator(".lead bdi")).to_have_text(f"amina.{language}@example.org")
    assert guest.complaints == []


def test_a_form_sent_at_once_waits_for_it(guest: Visitor) -> None:
    page = at_the_form(guest)
    language = page.get_attribute("html", "lang") or ""
    page.fill("[name=full_name]", "Amina Bouzid")
    page.fill("[name=email]", f"hasty.{language}@example.org")
    with page.expect_navigation():
        page.locator(".form .act button").click()
    expect(page.locator(".lead bdi")).to_have_text(f"hasty.{language}@example.org")
    assert guest.complaints == []


def test_without_scripts_the_page_says_what_to_do(chromium: Browser, asking: Demo) -> None:
    context = chromium.new_context(locale="en", java_script_enabled=False)
    guest = Visitor(context.new_page(), asking.address)
    page = at_the_form(guest)
    expect(page.locator(".captcha .notice")).to_contain_text("it needs JavaScript for that")
    page.fill("[name=full_name]", "Amina Bouzid")
    page.fill("[name=email]", "amina@example.org")
    page.locator(".form .act button").click()
    expect(page.locator(".fault")).to_contain_text("Show first that you are no program.")
    assert page.input_value("[name=full_name]") == "Amina Bouzid"
    context.close()


@dataclass(frozen=True)
class Played:
    """Another's CAPTCHA: our settings for it, where its script lies, what we play that does, and what we then send."""

    settings: dict[str, str]
    address: str
    script: str
    answer: str


RECAPTCHA, TURNSTILE = "https://www.google.com/recaptcha/api.js*", "https://challenges.cloudflare.com/turnstile/**"
RECAPTCHA_KEYS = {"RECAPTCHA_PUBLIC_KEY": "shown", "RECAPTCHA_PRIVATE_KEY": "hidden"}
TURNSTILE_KEYS = {"CAPTCHA": "turnstile", "TURNSTILE_SITE_KEY": "shown", "TURNSTILE_SECRET_KEY": "hidden"}
RENDER = "render: (box, o) => o.callback(`${box.tagName} ${o.sitekey} ${o.action}`)"
EXECUTE = "execute: async (key, o) => `${key} ${o.action}`"
SCRIPTS = {
    "render": f"window.grecaptcha = {{ready: (f) => f(), {RENDER}}}",
    "execute": f"window.grecaptcha = {{ready: (f) => f(), {EXECUTE}}}",
    "turnstile": f"window.turnstile = {{{RENDER}}}",
}
PLAYED = {
    "recaptcha 2": Played(RECAPTCHA_KEYS, RECAPTCHA, SCRIPTS["render"], "DIV shown undefined"),
    "recaptcha 3": Played(
        RECAPTCHA_KEYS | {"RECAPTCHA_VERSION": "3"}, RECAPTCHA, SCRIPTS["execute"], "shown registration"
    ),
    "turnstile": Played(TURNSTILE_KEYS, TURNSTILE, SCRIPTS["turnstile"], "DIV shown registration"),
    "turnstile away": Played(TURNSTILE_KEYS, TURNSTILE, "", "unavailable"),
}


@pytest.mark.parametrize("played", PLAYED.values(), ids=PLAYED)
def test_the_widget_of_another_is_loaded_and_its_answer_sent(chromium: Browser, tmp_path: Path, played: Played) -> None:
    sent: list[Request] = []

    def take(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        sent.append(route.request)
        return route.fulfill(body="taken")

    with running(tmp_path, **played.settings) as demo:
        page = chromium.new_page(locale="en")
        page.route(played.address, lambda route: route.fulfill(body=played.script) if played.script else route.abort())
        page.route("**/register/", take)
        guest = Visitor(page, demo.address)
        with page.expect_response(played.address) if played.script else page.expect_event("requestfailed"):
            at_the_form(guest)
        page.wait_for_load_state("networkidle")
        guest.finds_it_sound()
        page.fill("[name=full_name]", "Amina Bouzid")
        with page.expect_navigation():
            page.locator(".form .act button").click()
        page.close()
    assert [parse_qs(request.post_data or "")["captcha"] for request in sent] == [[played.answer]]
