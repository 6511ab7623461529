"""A volunteer at the door with a phone: by the camera and by typed codes, with network and without."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import segno
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from tests.journeys.test_pages import PHONE, Visitor
from tests.support import make
from tests.support.browsers import opened
from tests.support.installation import Installation, Server, running, session_of
from turnout.accounts.models import User
from turnout.attendance.actions.devices import add_device, revoke
from turnout.attendance.models import Device, DoorRules, Scan
from turnout.core.clock import now
from turnout.events.actions import Parts
from turnout.events.actions.questions import QuestionDraft
from turnout.events.models import Event, Session
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text

pytestmark = pytest.mark.servers  # it starts servers: once is enough, whatever the round's database

FRAMES_A_SECOND = 30
SECONDS = 1000
SOON = 10 * SECONDS
AN_HOUR_SLOW = """
const now = () => performance.timeOrigin + performance.now() - 3_600_000;
window.Date = class extends Date {
    constructor(...given) { super(...(given.length ? given : [now()])); }
    static now() { return now(); }
};
"""

EVENTS_KNOWN = """
new Promise((resolve) => {
    indexedDB.open("turnout-scanner").onsuccess = ({ target: { result: base } }) => {
        const all = base.transaction("bundles").objectStore("bundles").getAll();
        all.onsuccess = () => resolve(all.result.map((bundle) => bundle.event.title));
    };
})
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the browser's camera looks."""
    return tmp_path_factory.mktemp("camera") / "film.mjpeg"


@pytest.fixture(scope="module")
def chromium(film: Path) -> Iterator[Browser]:
    """Yield a browser whose camera sees the film, over and over."""
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with opened(*camera, f"--use-file-for-fake-video-capture={film}") as browser:
        yield browser


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with running(installation.place, "serve") as server:
        yield server


def show(film: Path, *scenes: tuple[str, float]) -> None:
    """Hold these codes before the camera, each for some seconds; an empty one is nothing."""
    with film.open("wb") as out:
        for text, seconds in scenes:
            out.write(frame(text) * int(seconds * FRAMES_A_SECOND))


def frame(text: str) -> bytes:
    picture = Image.new("RGB", (640, 480), "grey")
    if text:
        code, drawn = segno.make_qr(text, error="m"), io.BytesIO()
        code.save(drawn, kind="png", scale=6, border=4)
        picture.paste(Image.open(drawn).convert("RGB"), (120, 40))
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=90)
    return jpeg.getvalue()


@dataclass(frozen=True)
class Night:
    """An event, who comes to it, and another event whose guests come to the wrong door."""

    owner: User
    event: Event
    guests: list[Registration]
    tickets: list[str]
    stray: str
    altered: str


def prepared() -> Night:
    owner = make.user()
    start = now() + timedelta(hours=1)
    talks = [Session(title="Lightning talks", room="Hall", starts_at=start, ends_at=start + timedelta(hours=1))]
    parts = Parts(languages=["en"], sessions=talks)
    event = make.event(owner=owner, title="Night of the short talks", starts_at=start, parts=parts)
    DoorRules.objects.create(event=event, names_offline=True)
    guests = [make.confirmed(event, name) for name in ("amina", "badis", "chahra", "djamel")]
    tickets = [ticket_text(guest) for guest in guests]
    at = tickets[3].rindex(".") + 5
    other = "B" if tickets[3][at] == "A" else "A"
    altered = f"{tickets[3][:at]}{other}{tickets[3][at + 1 :]}"
    return Night(owner, event, guests, tickets, ticket_text(make.confirmed(make.event(owner=owner))), altered)


@pytest.fixture
def night(installation: Installation) -> Night:
    return installation.do(prepared)


@pytest.fixture
def device(installation: Installation, night: Night) -> tuple[Device, str]:
    return installation.do(add_device, night.event, "Phone 1", "North", actor="test")


@dataclass
class Scanner:
    """The page, as a volunteer uses it."""

    visitor: Visitor

    @property
    def page(self) -> Page:
        return self.visitor.page

    def types(self, text: str) -> None:
        """Type as a hand-held scanner does: wherever the cursor is."""
        self.page.evaluate("document.activeElement.blur()")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def is_told(self, sign: str, title: str, *more: str, offline: bool = False) -> None:
        """Wait for the result that fills the screen, look at it, and go on."""
        result = self.page.locator("#scan-result")
        expect(result).to_have_attribute("data-sign", sign, timeout=SOON)
        expect(self.page.locator("#scan-result-title")).to_have_text(title)
        for text in more:
            expect(result).to_contain_text(text)
        expect(self.page.locator("#scan-result-offline")).to_be_visible(visible=offline)
        result.click()
        expect(result).to_be_hidden()

    def is_kept(self) -> None:
        """Wait until the page would open without network."""
        self.page.evaluate(_KEPT)

    def has_unsent(self, number: int) -> None:
        expect(self.page.locator("#scan-unsent")).to_have_attribute("data-n", str(number), timeout=20 * SECONDS)


# Not polled from outside: what the driver asks again is an eval to the page, whose policy forbids that.
_KEPT = """async () => {
    for (let times = 0; times < 400; times++) {
        if (navigator.serviceWorker.controller && (await caches.keys()).length === 1) return;
        await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error("The page is not kept.");
}"""


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en", viewport=PHONE)  # type: ignore[arg-type]  # a size
    yield context
    context.close()


@pytest.fixture
def scanner(context: BrowserContext, server: Server, device: tuple[Device, str]) -> Scanner:
    return paired(context, server, device[1])


def paired(context: BrowserContext, server: Server, code: str) -> Scanner:
    visitor = Visitor(context.new_page(), server.url)
    visitor.goes_to(f"/scan/#pair={code}")
    expect(visitor.page.locator("#scan-door")).to_be_visible()
    expect(visitor.page.locator("#scan-online")).to_be_visible()
    return Scanner(visitor)


@contextmanager
def told(page: Page, *, answer: bool = True) -> Iterator[list[str]]:
    """Answer what the page asks or says in a box of its own, and yield what that was: there is one by the end."""
    said: list[str] = []

    def hear(box: Dialog) -> None:
        said.append(box.message)
        if answer:
            box.accept()
        else:
            box.dismiss()

    page.once("dialog", hear)
    with page.expect_event("dialog", timeout=SOON):
        yield said


def codes_elsewhere(owner: User, number: int) -> list[str]:
    """Return codes by which devices are paired with another event."""
    event = make.event(owner=owner, title="Elsewhere")
    return [add_device(event, f"Phone {each}", "South", actor="test")[1] for each in range(number)]


def asked_at_the_door() -> tuple[str, str]:
    """Return the code of a device, and the ticket of somebody whose answers the door sees."""
    lunch = QuestionDraft("Vegan?", "yes_no", at_door=True)
    event, (vegan, days) = make.asking(
        lunch, QuestionDraft("Days", "choices", choices=("Friday", "Saturday"), at_door=True)
    )
    guest = make.confirmed(event, "amina", answers={str(vegan.key): True, str(days.key): ["Friday", "Saturday"]})
    return add_device(event, "Phone 1", "North", actor="test")[1], ticket_text(guest)


def scans_at(event: Event) -> list[tuple[str, str, str, str]]:
    rows = Scan.objects.filter(event=event).order_by("scanned_at").select_related("registration")
    return [(row.registration.full_name if row.registration else "", row.result, row.device, row.door) for row in rows]


def test_a_paired_phone_scans_by_its_camera_and_does_so_without_network(
    scanner: Scanner, server: Server, film: Path, night: Night, installation: Installation
) -> None:
    page = scanner.page
    assert page.url.endswith("/scan/")  # the code is not in the address any more
    scanner.visitor.finds_it_sound()
    show(film, (night.tickets[0], 2), ("", 5))
    page.locator("#scan-start").click()
    scanner.is_told("yes", "Come in", "Amina")
    scanner.is_told("look", "Already in", "Amina", "North")  # the film begins again
    assert installation.do(scans_at, night.event) == [
        ("Amina", "checked_in", "Phone 1", "North"),
        ("Amina", "already_checked_in", "Phone 1", "North"),
    ]
    scanner.visitor.finds_it_sound()
    scanner.is_kept()
    server.die()
    page.reload()  # the camera begins by itself: it was allowed
    scanner.is_told("look", "Already in", "Amina", offline=True)
    scanner.visitor.finds_it_sound()
    server.start()
    scanner.has_unsent(0)


def test_nothing_is_lost_without_network(
    scanner: Scanner, context: BrowserContext, server: Server, night: Night, installation: Installation
) -> None:
    page = scanner.page
    scanner.types(night.tickets[0])
    scanner.is_told("yes", "Come in", "Amina")
    scanner.is_kept()

    server.die()
    scanner.types(night.tickets[1])
    scanner.is_told("yes", "Come in", "Badis", offline=True)  # it waits in vain, once
    expect(page.locator("#scan-offline")).to_be_visible()
    context.set_offline(True)
    scanner.types(night.stray)
    scanner.is_told("no", "Another event", offline=True)
    scanner.types(night.altered)
    scanner.is_told("no", "Not valid", "somebody changed it", offline=True)
    scanner.types(night.tickets[0])  # went in while there was network
    scanner.is_told("look", "Already in", "Amina", offline=True)
    scanner.has_unsent(4)

    page.reload()
    scanner.has_unsent(4)
    scanner.types(night.tickets[1])
    scanner.is_told("look", "Already in", "Badis", "North", offline=True)
    scanner.types(night.tickets[2])
    scanner.is_told("yes", "Come in", "Chahra", offline=True)
    scanner.has_unsent(6)
    scanner.visitor.finds_it_sound()

    server.start()
    context.set_offline(False)
    scanner.has_unsent(0)
    expect(page.locator("#scan-online")).to_be_visible()
    expect(page.locator("#scan-differing")).to_be_hidden()
    expect(page.locator("#scan-undo")).to_be_visible()  # the last of them, too
    assert installation.do(scans_at, night.event) == [
        ("Amina", "checked_in", "Phone 1", "North"),
        ("Badis", "checked_in", "Phone 1", "North"),
        ("", "wrong_event", "Phone 1", "North"),
        ("", "invalid_ticket", "Phone 1", "North"),
        ("Amina", "already_checked_in", "Phone 1", "North"),
        ("Badis", "already_checked_in", "Phone 1", "North"),
        ("Chahra", "checked_in", "Phone 1", "North"),
    ]
    told = installation.do(Device.objects.get, event=night.event)
    assert (told.queued, abs(told.clock_error_ms or 0) < SECONDS) == (0, True)


def test_a_phone_whose_clock_is_wrong_scans_at_the_right_time(
    context: BrowserContext, server: Server, device: tuple[Device, str], night: Night, installation: Installation
) -> None:
    context.add_init_script(AN_HOUR_SLOW)
    scanner = paired(context, server, device[1])
    scanner.types(night.tickets[0])
    scanner.is_told("yes", "Come in", "Amina")
    server.die()
    scanner.types(night.tickets[1])
    scanner.is_told("yes", "Come in", "Badis", offline=True)
    server.start()
    scanner.has_unsent(0)
    for scan in installation.do(lambda: list(Scan.objects.filter(event=night.event))):
        assert abs(scan.clock_offset_ms - 3600 * SECONDS) < SECONDS
        assert abs(scan.at - scan.received_at) < timedelta(minutes=1)


def test_a_revoked_phone_says_so_and_keeps_what_it_has_not_sent(
    scanner: Scanner, server: Server, device: tuple[Device, str], night: Night, installation: Installation
) -> None:
    page = scanner.page
    scanner.is_kept()
    server.die()
    scanner.types(night.tickets[0])
    scanner.is_told("yes", "Come in", "Amina", offline=True)
    installation.do(revoke, device[0], actor="test")
    server.start()
    expect(page.locator("#scan-notice")).to_contain_text("This device may no longer scan here.", timeout=20 * SECONDS)
    scanner.has_unsent(1)
    scanner.types(night.tickets[1])
    scanner.is_told("no", "Not accepted", "This device may no longer scan here.")
    page.reload()
    expect(page.locator("#scan-notice")).to_contain_text("This device may no longer scan here.")
    scanner.has_unsent(1)
    scanner.visitor.finds_it_sound()
    page.get_by_text("Settings").click()
    with page.expect_download() as download:
        page.locator("#scan-export").click()
    (saved,) = json.loads(download.value.path().read_text())["scans"]
    assert (saved["ticket"], saved["event"]) == (night.tickets[0], str(night.event.pk))

    # The team gives it another code: it sends what it has.
    _, code = installation.do(add_device, night.event, "Phone 1 again", "North", actor="test")
    scanner.visitor.goes_to(f"/scan/#pair={code}")
    scanner.has_unsent(0)
    assert installation.do(scans_at, night.event) == [("Amina", "checked_in", "Phone 1 again", "North")]


def test_whom_a_phone_turned_away_because_it_was_revoked_did_not_go_in(
    scanner: Scanner, server: Server, device: tuple[Device, str], night: Night, installation: Installation
) -> None:
    page = scanner.page
    page.get_by_text("Somebody without a ticket").click()
    page.locator("#scan-q").fill("badis")
    page.keyboard.press("Enter")
    found = page.locator("#scan-people button")
    expect(found).to_be_visible()
    installation.do(revoke, device[0], actor="test")
    scanner.types(night.tickets[0])
    scanner.is_told("no", "Not accepted")
    found.click()
    scanner.is_told("no", "Not accepted", "This device may no longer scan here.")
    scanner.has_unsent(1)  # the one that was read before the phone knew; it says who stood there

    _, code = installation.do(add_device, night.event, "Phone 1 again", "North", actor="test")
    paired(page.context, server, code).has_unsent(0)
    assert installation.do(lambda: [scan.passed for scan in Scan.objects.filter(event=night.event)]) == [False]


@pytest.mark.usefixtures("scanner")
def test_a_code_that_was_used_is_refused_with_what_to_do(
    context: BrowserContext, server: Server, device: tuple[Device, str]
) -> None:
    other = Visitor(context.new_page(), server.url)
    other.goes_to("/scan/")
    expect(other.page.locator("#scan-door")).to_be_visible()  # one browser is one device
    with told(other.page) as said:
        other.goes_to(f"/scan/#pair={device[1]}")  # the page is open: nothing is loaded
    assert "This code was used already." in said[0]
    expect(other.page.locator("#scan-door")).to_be_visible()
    other.page.goto("about:blank")
    with told(other.page) as said:
        other.goes_to("/scan/#pair=2222-2222-2222")
    assert "This code is not right." in said[0]
    expect(other.page.locator("#scan-door")).to_be_visible()
    expect(other.page.locator("#scan-online")).to_be_visible()


def test_a_phone_with_scans_to_send_asks_before_it_goes_to_another_event(
    scanner: Scanner, night: Night, installation: Installation
) -> None:
    page = scanner.page
    page.route("**/api/attendance/**", lambda route: route.abort())  # none is sent, while all else is answered
    scanner.types(night.tickets[0])
    scanner.is_told("yes", "Come in", "Amina", offline=True)
    codes = installation.do(codes_elsewhere, night.owner, 2)
    with told(page, answer=False) as said:
        scanner.visitor.goes_to(f"/scan/#pair={codes[0]}")
    assert "Scans on this device that were not sent yet: 1." in said[0]
    expect(page.locator("#scan-title")).to_have_text(night.event.title)
    with told(page, answer=True):
        scanner.visitor.goes_to(f"/scan/#pair={codes[1]}")
    expect(page.locator("#scan-title")).to_have_text("Elsewhere")
    expect(page.locator("#scan-online")).to_be_visible()
    scanner.has_unsent(1)
    assert page.evaluate(EVENTS_KNOWN) == ["Elsewhere"]

    # Nothing would wait at the event that it goes to.
    page.unroute("**/api/attendance/**")
    _, code = installation.do(add_device, night.event, "Phone 1 again", "North", actor="test")
    scanner.visitor.goes_to(f"/scan/#pair={code}")
    expect(page.locator("#scan-title")).to_have_text(night.event.title)
    scanner.has_unsent(0)


def test_the_space_bar_presses_what_has_the_focus(scanner: Scanner) -> None:
    page = scanner.page
    page.get_by_text("Settings").focus()
    page.keyboard.press("Space")
    expect(page.locator("#scan-leave")).to_be_visible()
    page.locator("#scan-leave").focus()
    page.keyboard.press("Space")
    expect(page.locator("#scan-pair")).to_be_visible()
    expect(page.locator("#scan-read")).to_have_value("")


def test_a_volunteer_who_is_signed_in_finds_somebody_by_name_and_takes_it_back(
    context: BrowserContext, server: Server, night: Night, installation: Installation
) -> None:
    session = installation.do(session_of, night.owner)
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    visitor = Visitor(context.new_page(), server.url)
    page, scanner = visitor.page, Scanner(visitor)
    visitor.goes_to("/scan/")
    expect(page.locator("#scan-events button")).to_have_count(2)
    visitor.finds_it_sound()
    page.get_by_role("button", name=night.event.title).click()
    expect(page.locator("#scan-online")).to_be_visible()

    page.get_by_text("Settings").click()
    page.locator("#scan-session").select_option(index=1)
    expect(page.locator("#scan-where")).to_contain_text("Lightning talks · Hall · In")
    page.locator("#scan-door-name").fill("Hall")
    page.locator("#scan-door-name").blur()
    page.get_by_text("Somebody without a ticket").click()
    page.locator("#scan-q").fill("chah")
    with page.expect_request("**/check-in/people/*") as asked:
        page.keyboard.press("Enter")
    assert f"session={page.locator('#scan-session').input_value()}" in asked.value.url  # who is in there
    page.locator("#scan-people").get_by_role("button", name="Check in").click()
    scanner.is_told("yes", "Come in", "Chahra")
    visitor.finds_it_sound()
    page.locator("#scan-undo summary").click()
    page.locator("#scan-undoing button").click()
    expect(page.locator("#scan-undo-said")).to_have_text("Undone.")
    (scan,) = installation.do(lambda: list(Scan.objects.filter(event=night.event).select_related("session")))
    assert scan.session is not None
    assert (scan.session.title, scan.door, scan.undone_reason) == ("Lightning talks", "Hall", "Scanned by mistake")

    page.locator("#scan-direction").select_option("out")
    leaving = page.locator("#scan-people").get_by_role("button", name="Check out")
    expect(leaving).to_contain_text("Chahra")
    page.locator("#scan-q").fill("djam")
    page.locator("#scan-q").press("Enter")
    expect(leaving).to_contain_text("Djamel")
    leaving.click()
    scanner.is_told("yes", "Goodbye", "Djamel")
    page.reload()  # what was chosen is remembered
    expect(page.locator("#scan-where")).to_contain_text("Lightning talks · Hall · Out")
    expect(page.locator("#scan-online")).to_be_visible()
    scanner.types(night.tickets[1])
    scanner.is_told("yes", "Goodbye", "Badis")
    scanner.types("WIFI:T:WPA;S:guests;;")
    scanner.is_told("no", "Not valid", "This code is no ticket.")

    context.clear_cookies()
    scanner.types(night.tickets[0])
    scanner.is_told("yes", "Goodbye", "Amina", offline=True)
    expect(page.locator("#scan-notice")).to_contain_text("You are not signed in")
    scanner.has_unsent(1)
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    page.reload()
    scanner.has_unsent(0)


def test_answers_are_told_in_words_of_the_page(chromium: Browser, server: Server, installation: Installation) -> None:
    code, ticket = installation.do(asked_at_the_door)
    context = chromium.new_context(locale="fr")
    scanner = paired(context, server, code)
    scanner.types(ticket)
    expect(scanner.page.locator("#scan-result")).to_have_attribute("data-sign", "yes", timeout=SOON)
    expect(scanner.page.locator("#scan-result-lines li")).to_have_text(["Vegan?: Oui", "Days: Friday et Saturday"])
    context.close()


NARROW = {"width": 320, "height": 568}


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_it_is_sound_on_a_narrow_phone_in_each_language(
    chromium: Browser, server: Server, device: tuple[Device, str], night: Night, language: str
) -> None:
    context = chromium.new_context(locale=language, viewport=NARROW)  # type: ignore[arg-type]  # a size
    visitor = Visitor(context.new_page(), server.url)
    visitor.goes_to("/scan/")
    expect(visitor.page.locator("#scan-pair")).to_be_visible()
    visitor.finds_it_sound()
    visitor.page.locator("#scan-pair-code").fill(device[1])
    visitor.page.keyboard.press("Enter")
    page, result = visitor.page, visitor.page.locator("#scan-result")
    expect(page.locator("#scan-online")).to_be_visible()
    for details in page.locator("#scan-door > details > summary").all():
        details.click()
    visitor.finds_it_sound()
    for text, sign in ((night.tickets[0], "yes"), (night.tickets[0], "look"), (night.altered, "no")):
        Scanner(visitor).types(text)
        expect(result).to_have_attribute("data-sign", sign)
        visitor.finds_it_sound()
        page.keyboard.press("Escape")
        expect(result).to_be_hidden()
    context.close()
