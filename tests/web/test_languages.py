"""English, French, Arabic: every text there is, in each."""

import gettext
import re
from pathlib import Path

import pytest
from django.core import mail
from django.test import Client

from tests.support import make
from turnout.notifications.actions import deliver_due

PRODUCT = Path(__file__).parents[2] / "turnout"
TAGS = (r'{%\s*translate "([^"]+)"', r'_\("([^"]+)"\)')
BLOCK = r"{%\s*blocktranslate[^%]*%}(.*?){%\s*endblocktranslate\s*%}"


def texts() -> set[str]:
    found = set()
    for path in [*PRODUCT.rglob("*.html"), *PRODUCT.rglob("*.txt"), *PRODUCT.rglob("*.py")]:
        source = path.read_text()
        for tag in TAGS:
            found |= set(re.findall(tag, source))
        for block in re.findall(BLOCK, source, re.DOTALL):
            singular = block.partition("{% plural %}")[0]
            found.add(re.sub(r"{{\s*(\w+)\s*}}", r"%(\1)s", singular))
    return found


def test_there_are_texts_to_look_for() -> None:
    assert len(texts()) > 40


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_every_text_is_translated(language: str) -> None:
    """The compiled catalogue is what is read; `manage.py compilemessages` makes it of the one beside it."""
    with (PRODUCT / f"locale/{language}/LC_MESSAGES/django.mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    same = {text for text in texts() if catalogue.gettext(text) == text == catalogue.ngettext(text, "", 1)}
    assert same <= {
        "A4",
        "Administration",
        "Badge (PDF)",
        "Badges",
        "Date",
        "Letter",
        "Minutes",
        "Notifications",
        "Orientation",
        "Programme",
        "Pages",
        "Participant",
        "Portrait",
        "Signature %(number)s",
        "Signatures",
        "Version %(number)s",
        "Version %d",
        "Versions",
        "Webhooks",
        "%(day)s, %(time)s",
        ", ",
    }


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_compiled_catalogue_says_what_the_source_says(language: str) -> None:
    folder = PRODUCT / f"locale/{language}/LC_MESSAGES"
    with (folder / "django.mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    source = (folder / "django.po").read_text()
    found = re.findall(r'(?:msgctxt "(.+)"\n)?msgid "(.+)"\nmsgstr "(.+)"', source)
    pairs = [tuple(part.replace(r"\"", '"') for part in pair) for pair in found]
    compiled = [catalogue.pgettext(context, text) if context else catalogue.gettext(text) for context, text, _ in pairs]
    assert [pair for pair, said in zip(pairs, compiled, strict=True) if said != pair[2]] == []
    assert len(pairs) > 40


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "direction", "subject", "greeting"),
    [
        ("en", "ltr", "Your ticket: Atelier", "Hello Amina,"),
        ("fr", "ltr", "Votre billet : Atelier", "Bonjour Amina,"),
        ("ar", "rtl", "تذكرتك: Atelier", "مرحبًا Amina،"),
    ],
)
def test_a_mail_is_in_the_language_of_who_registered(
    language: str, direction: str, subject: str, greeting: str
) -> None:
    make.confirmed(make.event(title="Atelier"), full_name="Amina", language=language)
    deliver_due()
    message = mail.outbox[-1]
    assert (message.subject, greeting in message.body) == (subject, True)
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert f'<html lang="{language}" dir="{direction}">' in str(message.alternatives[0][0])


@pytest.mark.django_db
def test_a_page_is_in_the_language_the_browser_asks_for(browser: Client) -> None:
    page = browser.get(make.confirmed(make.event()).page_url(), headers={"Accept-Language": "ar,fr;q=0.5"})
    assert "لديك مقعد." in page.content.decode()
