"""Every mail there is, in every language: what each is made of, and that nothing a stranger types becomes more."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from django.conf import settings

from tests.support.letters import TITLE, Letters

pytestmark = pytest.mark.django_db

LANGUAGES = [code for code, _ in settings.LANGUAGES]
HOSTILE = (
    "<a href=//evil.com>Click</a>",
    "[Click](http://evil.com)",
    "{{7*7}} {% now 'Y' %} {link} %(when)s",
    "evil.com",
    "http://evil.com/x?y=1",
    "www.evil.com",
)


class Reader(HTMLParser):
    """Collects where links lead, which tags there are, and what is read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.language = self.direction = ""
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        if tag == "html":
            self.language, self.direction = named.get("lang") or "", named.get("dir") or ""
        self.links += [named["href"] or ""] if "href" in named else []

    def handle_data(self, data: str) -> None:
        self.text += data


def read(raw: bytes) -> tuple[EmailMessage, str, Reader]:
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert text is not None
    assert html is not None
    return parsed, text.get_content(), Reader(html.get_content())


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_mail_says_the_same_in_text_and_html_and_links_to_us_alone(language: str) -> None:
    for kind, mail in Letters(language).all():
        _parsed, text, html = read(mail.message().as_bytes())
        assert (html.language, html.direction) == (language, "rtl" if language == "ar" else "ltr"), kind
        assert "style" not in html.tags, kind  # all of it stands at its element
        ours = [link for link in html.links if link.startswith(f"{settings.PUBLIC_BASE_URL}/")]
        others = set(html.links) - set(ours)
        assert others <= {"https://meet.example.org/soldering"}, kind
        assert set(html.links) == set(re.findall(r"https?://\S+", text)), kind


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.long
def test_what_a_stranger_gives_for_a_name_or_a_title_is_text_and_nothing_else(name: str) -> None:
    usual = dict(Letters("en").all())
    for kind, mail in Letters("en", name=name, title=name, place=name).all():
        parsed, text, html = read(mail.message().as_bytes())
        _parsed, _text, expected = read(usual[kind].message().as_bytes())
        assert html.tags == expected.tags, kind
        assert all("evil" not in link for link in html.links), kind
        # Mail programs make links of what looks like an address.
        for said in (text, html.text):
            assert not re.search(r"evil\.com|https?://evil|www\.evil", said), kind
        assert parsed.keys() == read(usual[kind].message().as_bytes())[0].keys(), kind


def test_a_title_of_several_lines_adds_no_header() -> None:
    for kind, mail in Letters("en", title=f"{TITLE}\r\nBcc: victim@example.org").all():
        parsed, _text, _html = read(mail.message().as_bytes())
        assert "Bcc" not in parsed, kind
        assert mail.recipients() == mail.to, kind
