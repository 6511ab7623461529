"""Draw the pages for docs/screenshots/, from the demo and an invented schedule.

    .venv/bin/python -m scripts.screenshots

Two widths, English and Arabic, light and dark. Needs Chromium: `make browser`.
"""

import io
import re
import shutil
import sys
import tempfile
from itertools import product
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.support.demo import Demo, running

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
SCHEDULE = ROOT / "tests" / "data" / "schedule-small.json"
SIZES = {375: 812, 1280: 900}
LANGUAGES, SCHEMES = ("en", "ar"), ("light", "dark")
COLOURS = 128


def guest(demo: Demo) -> dict[str, str]:
    """Register somebody, and return the paths of the pages to be drawn."""
    workshop = _id(demo, "/api/events/search/?q=first+web")
    conference = _id(demo, "/api/events/search/?q=dunes&date_from=2000-01-01")
    amina = {"event": workshop, "full_name": "Amina Bouzid", "email": "amina@example.org", "attendance_type": "on_site"}
    httpx.post(f"{demo.address}/api/registrations/", json=amina).raise_for_status()
    mail = _latest_mail(demo)
    token = re.findall(r"/confirm/\?token=([\w.~-]+)", mail)[0]
    confirmed = httpx.post(f"{demo.address}/api/registrations/confirm-email/", json={"token": token}).json()
    return {
        "home": "/",
        "event": f"/events/{workshop}/",
        "programme": f"/events/{conference}/#programme",
        "register": f"/events/{workshop}/register/",
        "confirm": f"/confirm/?token={token}",
        "ticket": f"/registrations/{confirmed['id']}/?token={confirmed['manage_token']}",
    }


def _id(demo: Demo, path: str) -> str:
    return str(httpx.get(f"{demo.address}{path}").json()["results"][0]["id"])


def _latest_mail(demo: Demo) -> str:
    for _ in range(100):
        if found := re.findall(r'href="(/mail/[^"]+/)"', httpx.get(f"{demo.address}/mail/").text):
            return httpx.get(f"{demo.address}{found[0]}").text
    raise SystemExit("no mail came")


def draw(page: Page, demo: Demo, paths: dict[str, str], suffix: str) -> None:
    """Draw each page as it opens, the form with faults in it."""
    for name, path in paths.items():
        page.goto(f"{demo.address}{path}", wait_until="networkidle")
        if name == "register":
            page.fill("[name=full_name]", "Amina Bouzid")
            page.fill("[name=email]", "amina@")
            with page.expect_navigation(wait_until="networkidle"):
                page.locator(".form button").click()
        picture = Image.open(io.BytesIO(page.screenshot()))
        picture.convert("RGB").quantize(COLOURS).save(TARGET / f"{name}-{suffix}.png", optimize=True)


def main() -> int:
    """Draw them all; the exit status is for the shell."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as demo, sync_playwright() as playwright:
        demo.manage("import_schedule", str(SCHEDULE))
        paths = guest(demo)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for (width, height), language, scheme in product(SIZES.items(), LANGUAGES, SCHEMES):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                locale=language,
                color_scheme=scheme,  # type: ignore[arg-type]  # one of its words
                reduced_motion="reduce",
            )
            draw(context.new_page(), demo, paths, f"{width}-{language}-{scheme}")
            context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
