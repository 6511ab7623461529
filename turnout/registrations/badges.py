"""Badges and name labels as PDF: one to print at the door, or sheets of many for the day before.

What a badge shows is a person's name, the event's title, one line, and if wanted one answer and the ticket's QR code;
never an address, and nothing that the team noted.
"""

import io
import re
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from uuid import UUID

import segno
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from turnout.core.errors import ConflictError, Fault, InvalidError, NotFoundError
from turnout.core.pdf import forget, typeset
from turnout.events.models import Event, Question
from turnout.events.queries import language_of
from turnout.registrations.answers import values_of
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.registrations.tickets import ticket_text

MOST = 500  # badges of one file: about a second of work with codes, a quarter of it without
LONGEST_LINE = 60
_LONGEST_ANSWER = 120  # characters of an answer: more is no line on a badge
_SOURCE = Path(__file__).parent / "badge.typ"
_MASK = 2  # of the QR code: to look for the fairest of eight takes four times as long, and every reader reads each


@dataclass(frozen=True, slots=True)
class Layout:
    """Where labels lie on a page; in millimetres, from its upper left corner."""

    page: tuple[float, float]
    label: tuple[float, float]
    columns: int = 1
    rows: int = 1
    at: tuple[float, float] = (0, 0)  # the first label
    step: tuple[float, float] = (0, 0)  # from one to the next

    @property
    def per_page(self) -> int:
        """How many labels a page has."""
        return self.columns * self.rows


_A4, _LETTER = (210, 297), (215.9, 279.4)
LAYOUTS = {
    "a6": Layout((105, 148), (105, 148)),
    "90x55": Layout((90, 55), (90, 55)),
    "85x54": Layout((85, 54), (85, 54)),
    "a4-8": Layout(_A4, (85, 54), 2, 4, (17, 31.5), (91, 60)),
    "a4-10": Layout(_A4, (80, 50), 2, 5, (17.5, 13.5), (95, 55)),
    "a4-10-cards": Layout(_A4, (85, 54), 2, 5, (15, 13.5), (95, 54)),
    "a4-21": Layout(_A4, (63.5, 38.1), 3, 7, (7.2, 15.15), (66.05, 38.1)),
    "letter-8": Layout(_LETTER, (85.7, 59.2), 2, 4, (17.5, 14.8), (95.25, 63.5)),
    "letter-10": Layout(_LETTER, (101.6, 50.8), 2, 5, (4, 12.7), (106.3, 50.8)),
}
LAYOUT_NAMES = {
    "a6": _("Badge, A6 upright"),
    "90x55": _("Label printer, 90 x 55 mm"),
    "85x54": _("Card printer, 85 x 54 mm"),
    "a4-8": _("A4 sheet of 8, 85 x 54 mm"),
    "a4-10": _("A4 sheet of 10, 80 x 50 mm"),
    "a4-10-cards": _("A4 sheet of 10, 85 x 54 mm"),
    "a4-21": _("A4 sheet of 21, 63.5 x 38.1 mm"),
    "letter-8": _("Letter sheet of 8, 3⅜ x 2⅓ in"),
    "letter-10": _("Letter sheet of 10, 4 x 2 in"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What badges are to be like."""

    layout: str = "a6"
    start: int = 1  # the label of the first sheet with which to begin, from 1: those before it are gone
    question: UUID | None = None  # whose answer stands under the name
    line: str | None = None  # what stands on all; None for how people attend, where the event knows several ways
    qr: bool = False  # of those who have a ticket
    page: int | None = None  # which part of what is too much for one file, from 1


def badges(event: Event, registrations: RegistrationQuerySet, wanted: Wanted) -> bytes:
    """Return badges of these registrations of the event, by name, in its language, as one PDF.

    InvalidError at `layout`, `start`, `question`, and `too_many` at `page` for more than fit in a file where no part of
    them is asked for; ConflictError `nobody` where there are none, NotFoundError for a part that there is not.
    """
    layout, question = _checked(event, wanted)
    some = _part(registrations, layout, wanted)
    with translation.override(language_of(event)):
        data = {
            "title": event.title,
            "language": translation.get_language(),
            "sheet": {name: getattr(layout, name) for name in ("page", "label", "columns", "at", "step")},
            "pages": [
                [{"place": place % layout.per_page, **_badge(event, one, question, wanted)} for place, one in page]
                for _number, page in groupby(some, key=lambda pair: pair[0] // layout.per_page)
            ],
        }
    pdf = typeset(_SOURCE, data)
    if len(some) > 1:
        forget()
    return pdf


def file_name(event: Event, wanted: Wanted) -> str:
    """Return what to call the file."""
    title = re.sub(r"[\\/:*?\"<>|\s]+", " ", event.title).strip()
    return f"{title}, {wanted.page}.pdf" if wanted.page else f"{title}.pdf"


def to_show(event: Event) -> list[Question]:
    """Return the questions, asked now or before, whose answers can stand on a badge, in their latest wording."""
    ever = Question.objects.filter(event=event).exclude(type=Question.Type.FILE).order_by("version")
    return sorted({question.key: question for question in ever}.values(), key=lambda question: question.rank)


def _checked(event: Event, wanted: Wanted) -> tuple[Layout, Question | None]:
    layout = LAYOUTS.get(wanted.layout)
    if layout is None:
        raise _fault("layout", "invalid_choice", gettext("There is no such layout."))
    if not 1 <= wanted.start <= layout.per_page:
        raise _fault("start", "out_of_range", gettext("A sheet has the labels 1 to %d.") % layout.per_page)
    if wanted.question is None:
        return layout, None
    question = next((each for each in to_show(event) if each.key == wanted.question), None)
    if question is None:
        raise _fault("question", "does_not_exist", gettext("This event has no such question with an answer to print."))
    return layout, question


def _part(registrations: RegistrationQuerySet, layout: Layout, wanted: Wanted) -> list[tuple[int, Registration]]:
    """Return the people of one file, each with the label that is theirs, counted from the first sheet's first."""
    size = MOST // layout.per_page * layout.per_page  # whole sheets: the next file goes on with a new one
    gone = wanted.start - 1
    page = wanted.page or 1
    first, last = max((page - 1) * size - gone, 0), page * size - gone
    some = list(registrations.order_by("name_key", "id")[first : last + 1])  # and one, to know whether there are more
    if not some and page == 1:
        raise ConflictError(gettext("There is nobody to make a badge for."), "nobody")
    if not some:
        raise NotFoundError
    if last - first < len(some) and wanted.page is None:
        message = gettext("These are more than %d badges. Get them in parts, from part 1 on.") % size
        raise _fault("page", "too_many", message)
    return list(enumerate(some[: last - first], first + gone))


def _fault(name: str, code: str, detail: str) -> InvalidError:
    return InvalidError.at(Fault(f"/{name}", code, detail))


def _badge(event: Event, registration: Registration, question: Question | None, wanted: Wanted) -> dict[str, object]:
    several = len(event.attendance_types) > 1
    usual = registration.get_attendance_type_display() if several else ""
    has_ticket = registration.status == Registration.Status.CONFIRMED
    answer = question and values_of(registration).get(str(question.key))
    registration.event = event
    return {
        "name": registration.full_name,
        "line": usual if wanted.line is None else wanted.line,
        "answer": "" if answer is None else _said(question, answer),
        "code": list(_code(registration)) if wanted.qr and has_ticket else None,
    }


def _said(question: Question | None, answer: object) -> str:
    match answer:
        case bool():
            text = gettext("Yes") if answer else gettext("No")
        case list():
            text = gettext(", ").join(map(str, answer))
        case _ if question and question.type == Question.Type.DATE:
            text = _day(str(answer))
        case _:
            text = " ".join(str(answer).split())
    return text if len(text) <= _LONGEST_ANSWER else text[: _LONGEST_ANSWER - 1] + "…"


def _day(text: str) -> str:
    """Return a date as people read it; an answer to an earlier wording may be none."""
    try:
        return date_format(date.fromisoformat(text))
    except ValueError:
        return text


def _code(registration: Registration) -> bytes:
    """Return the ticket's QR code as the smallest PNG there is, a pixel a module."""
    out = io.BytesIO()
    segno.make_qr(ticket_text(registration), error="m", mask=_MASK).save(out, kind="png", scale=1, border=0)
    return out.getvalue()
