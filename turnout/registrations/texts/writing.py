"""Organisers' texts: what they may hold, and what they say to somebody."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from turnout.core.errors import Fault, InvalidError, NotFoundError
from turnout.events.models import Event
from turnout.events.queries import language_of
from turnout.notifications.markdown import LINK, faults_of, faults_of_line, write, write_line
from turnout.registrations.texts.models import LONGEST_BODY, LONGEST_SUBJECT, MailText

# What stands for something in every mail, and what does so in some.
PLACEHOLDERS = ("name", "event", "when", "where", LINK, "site")
_ALSO = {MailText.Kind.WAITLISTED.value: ("position",), MailText.Kind.OFFERED.value: ("until",)}


@dataclass(frozen=True, slots=True)
class Text:
    """A subject, one line of text, and a body, Markdown; both with placeholders."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Words:
    """What an organiser's text says to one person."""

    subject: str
    text: str
    html: SafeString
    language: str


def placeholders(kind: str) -> tuple[str, ...]:
    """Return what can stand in the text of one kind of mail."""
    return PLACEHOLDERS + _ALSO.get(kind, ())


def check(text: Text, known: tuple[str, ...]) -> None:
    """InvalidError where the text is empty, holds a placeholder that is none of these, or a link that leads nowhere.

    A subject holds no link.
    """
    faults = [*_length(text.subject, LONGEST_SUBJECT, "/subject"), *_length(text.body, LONGEST_BODY, "/body")]
    if not faults:
        line = tuple(name for name in known if name != LINK)
        faults = faults_of_line(text.subject, line, "/subject") + faults_of(text.body, known, "/body")
    if faults:
        raise InvalidError.at(*faults)


def _length(text: str, longest: int, at: str) -> list[Fault]:
    if not text.strip():
        return [Fault(at, "blank", _("Write something here."))]
    return [Fault(at, "too_long", _("At most %d characters.") % longest)] if len(text) > longest else []


def check_place(event: Event, kind: str, language: str) -> None:
    """NotFoundError where the event has no such mail, or none in that language."""
    if kind not in MailText.Kind.values or language not in languages_of(event):
        raise NotFoundError


def say(text: Text, values: Mapping[str, str], language: str) -> Words:
    """Return what it says with these values."""
    body = write(text.body, values)
    return Words(write_line(text.subject, values), body.text, body.html, language)


def languages_of(event: Event) -> list[str]:
    """Return the languages in which an event can have texts: its own, the main one first, and those of the site."""
    return list(dict.fromkeys([*(each.code for each in event.languages.all()), *dict(settings.LANGUAGES)]))


def text_for(event: Event, kind: str, language: str) -> MailText | None:
    """Return the text for somebody of this language: theirs, else that in the event's main language; None: ours."""
    texts = {text.language: text for text in MailText.objects.filter(event=event, kind=kind)}
    if not texts or language in texts:
        return texts.get(language)
    spoken = event.languages.order_by("rank").first()  # of all languages, not of ours alone
    return (spoken and texts.get(spoken.code)) or texts.get(language_of(event))
