"""Draw every mail for docs/screenshots/mails/: a sheet a mail, three languages in the light, in the dark and as text.

    .venv/bin/python -m scripts.mails

Needs Chromium: `make browser`.
"""

import io
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from html import escape
from pathlib import Path

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.management import call_command
from PIL import Image
from playwright.sync_api import Page, sync_playwright

TARGET = Path(__file__).resolve().parent.parent / "docs" / "screenshots" / "mails"
WIDTH, COLOURS = 400, 64


def mails() -> dict[str, list[EmailMultiAlternatives]]:
    """Return by kind what each mail says, in a database of its own, in each language."""
    from tests.support.letters import Letters  # noqa: PLC0415  # needs Django

    call_command("migrate", verbosity=0)
    names = {"ar": "أمينة بوزيد", "fr": "Amélie Bouzid"}
    titles = {"ar": "ورشة اللحام للمبتدئين", "fr": "La soudure pour débuter"}
    kinds: dict[str, list[EmailMultiAlternatives]] = defaultdict(list)
    for language, _name in settings.LANGUAGES:
        known = {"name": names.get(language), "title": titles.get(language)}
        for kind, mail in Letters(language, **{name: text for name, text in known.items() if text}).all():
            kinds[kind].append(mail)
    return kinds


def draw(page: Page, html: str) -> Image.Image:
    """Draw a mail as long as it is."""
    page.set_content(html)
    return Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")


def as_text(mail: EmailMultiAlternatives) -> str:
    """Return a mail's text as a plain mail program shows it, below its subject."""
    font = "font: 13px/1.4 'Noto Sans Mono', monospace"
    style = f"margin: 16px; {font}; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext"
    return f'<body style="{style}"><b>{escape(str(mail.subject))}</b>\n\n{escape(str(mail.body))}'


def sheet(rows: list[list[Image.Image]]) -> Image.Image:
    """Put drawings of one width together."""
    heights = [max(each.height for each in row) for row in rows]
    whole = Image.new("RGB", (WIDTH * len(rows[0]), sum(heights)), "#888888")
    for top, row in zip((sum(heights[:number]) for number in range(len(rows))), rows, strict=True):
        for column, drawing in enumerate(row):
            whole.paste(drawing, (column * WIDTH, top))
    return whole


def main() -> int:
    """Draw them all; the exit status is for the shell."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "turnout.config.settings"}
        django.setup()
        kinds = mails()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        size = {"width": WIDTH, "height": 100}
        light, dark = (
            browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]  # its words
            for scheme in ("light", "dark")
        )
        for kind, letters in kinds.items():
            pages = [str(letter.alternatives[0][0]) for letter in letters]
            rows = [[draw(each, html) for html in pages] for each in (light, dark)]
            rows.append([draw(light, as_text(letter)) for letter in letters])
            sheet(rows).quantize(COLOURS).save(TARGET / f"{kind}.png", optimize=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
