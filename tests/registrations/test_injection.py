"""What strangers type into their names stays text in every mail: no link, no header, no code."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from django.core import mail

from tests.support import make
from turnout.accounts.models import User
from turnout.events.models import Event
from turnout.notifications.actions import deliver_due
from turnout.notifications.markdown import defused, write, write_line
from turnout.registrations.mailings.actions import Draft, send_mailing
from turnout.registrations.mailings.segments import Segment
from turnout.registrations.models import Registration
from turnout.registrations.texts.actions import set_text
from turnout.registrations.texts.writing import Text

pytestmark = pytest.mark.django_db

NAMES = [
    "<a href=//evil.com>x</a>",
    '<a href="http://evil.com">x</a><script>alert(1)</script><img src=http://evil.com/x.png onerror=alert(1)>',
    "[x](http://evil.com)",
    "[x][y]\n\n[y]: http://evil.com",
    "![x](http://evil.com/x.png)",
    "<http://evil.com>",
    "evil.com",
    "http://evil.com/a?b=c",
    "www.evil.com",
    "joe@evil.com",
    "mailto:joe@evil.com",
    "evil\u3002com",
    "Ada\r\nBcc: everybody@evil.com\r\n\r\nbody",
    "Ada\nContent-Type: text/html",
    "{{7*7}}",
    "{% load x %}${7*7}#{7*7}",
    "{link}",
    "{name} {event}",
    "%(name)s %s {0} {name.__class__}",
    "**bold** `code` # head",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "\u202eAda\u202c \u2066x\u2069",
    "علي <b>",
    "x" * 200,
]
BODY = (
    "# Hello {name}\n\nDear **{name}**, *{name}* `{name}` [here]({link}) {link}\n\n- {name}\n\n> {name}\n\n1. {event}"
)


class Reader(HTMLParser):
    """What a mail program sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _value in attrs}
        self.links += [str(value) for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def delivered() -> dict[str, EmailMessage]:
    """Send what is due, and return it by subject, as it arrives."""
    mail.outbox.clear()
    while deliver_due():
        pass
    read = [message_from_bytes(each.message().as_bytes(), policy=policy.default) for each in mail.outbox]
    return {" ".join(str(message["Subject"]).split()): message for message in read}


def parts(message: EmailMessage) -> tuple[str, Reader]:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return str(text.get_content()), Reader(str(html.get_content()))


def written(event: Event, owner: User, name: str) -> dict[str, EmailMessage]:
    """Return every mail to somebody of this name: with our words, the organiser's, and a mailing."""
    for kind in ("confirmed", "reminder"):
        set_text(event, kind, "en", Text(f"{kind} {{name}}", BODY))
    registration = make.confirmed(event, full_name="Ada")
    Registration.objects.filter(pk=registration.pk).update(full_name=name)
    draft = Draft(Text("mailing {name}", BODY), Segment())
    send_mailing(event, draft, Registration.objects.filter(event=event), author=owner)
    return delivered()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_in_every_mail(name: str) -> None:
    owner = make.user("owner")
    event = make.event(owner=owner, title="Go", location="Algiers")
    mails = written(event, owner, name)
    assert len(mails) == 2  # nobody who has confirmed is asked to
    shown = defused(name)
    for subject, message in mails.items():
        kind = subject.partition(" ")[0]
        assert subject == " ".join(f"{kind} {shown}".replace("\u2060", "").split())
        headers = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
        assert set(message.keys()) - headers <= {"List-Unsubscribe", "List-Unsubscribe-Post"}
        assert len(message.keys()) == len(set(message.keys()))
        text, html = parts(message)
        assert all(link.startswith("http://127.0.0.1:8000/registrations/") for link in html.links), html.links
        assert not {"script", "img", "b"} & {*html.tags}
        assert html.attributes <= {
            "lang",
            "dir",
            "href",
            "class",
            "style",
            "rel",
            "charset",
            "name",
            "content",
            "start",
        }
        for body in (text, html.text):
            assert "evil.com" not in body
            assert "http://evil" not in body
            assert "www.evil" not in body
            assert " ".join(shown.split())[:40] in " ".join(body.split())


def test_our_own_words_defuse_a_name_too() -> None:
    make.pending(make.event(title="Go"), full_name="http://evil.com <b>x</b>")
    (message,) = delivered().values()
    text, html = parts(message)
    for body in (text, html.text):
        assert "evil.com" not in body
        assert "evil.\u2060com <b>x</b>" in body


def test_a_defused_name_looks_the_same() -> None:
    assert defused("Dr. J.R. O'Neil-Șaban علي, 3rd") == "Dr. J.\u2060R. O'Neil-Șaban علي, 3rd"
    assert defused("https://evil.com:80/x").replace("\u2060", "") == "https://evil.com:80/x"
    assert defused("a\r\nb\u202ec") == "a b c"


def test_markdown_is_read_as_people_write_mail() -> None:
    source = "# One\n\ntwo *three*\nfour\n\n- a\n- b\n  - c\n\n3. x\n4. y\n\n> q\n\n---\n\n    indented [t](https://example.org/)"
    text = (
        "One\n\ntwo three\nfour\n\n- a\n- b\n  - c\n\n3. x\n4. y\n\n> q\n\n* * *\n\nindented t (https://example.org/)"
    )
    said = write(source, {})
    assert said.text == text
    read = Reader(said.html)
    assert " ".join(read.tags) == "h2 p em br ul li li ul li ol li li blockquote p hr p a"
    assert "<pre>" not in said.html


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("{name}", '<p dir="auto"><bdi>A&amp;B</bdi></p>'),
        (r"\{name\}", '<p dir="auto">{name}</p>'),
        ("`{name}`", '<p dir="auto"><code>A&amp;B</code></p>'),
        ("{other} {", '<p dir="auto">{other} {</p>'),
        ("<b>{name}</b>", '<p dir="auto">&lt;b&gt;<bdi>A&amp;B</bdi>&lt;/b&gt;</p>'),
        ("[{link}](https://example.org/)", None),
        (
            "{link}",
            '<p dir="auto"><a href="https://t.org/?a=1&amp;b" rel="noopener noreferrer">https://t.org/?a=1&amp;b</a></p>',
        ),
        ("[x](javascript:alert)", '<p dir="auto">[x](javascript:alert)</p>'),
        ("[x](//evil.com)", '<p dir="auto"><a rel="noopener noreferrer">x</a></p>'),
        (
            "![x](https://example.org/x.png)",
            '<p dir="auto">!<a href="https://example.org/x.png" rel="noopener noreferrer">x</a></p>',
        ),
    ],
)
def test_html_comes_from_markdown_alone(source: str, html: str | None) -> None:
    said = write(source, {"name": "A&B", "link": "https://t.org/?a=1&b"})
    assert said.html.count("<a") <= 1  # no link stands within another
    assert html is None or said.html == html


def test_each_paragraph_has_its_own_direction() -> None:
    said = write("مرحبا {name}\n\nHello", {"name": "Ada"})
    assert said.html == '<p dir="auto">مرحبا <bdi>Ada</bdi></p>\n<p dir="auto">Hello</p>'


def test_a_subject_is_plain_text() -> None:
    assert write_line("*{name}* <b> {link} {}", {"name": "{link}"}) == "*{link}* <b> {link} {}"
