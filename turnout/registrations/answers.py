"""What people answer to an event's questions: what is an answer, and how answers are kept. Nothing is written here.

Kept answers are JSON in one encrypted column: `{question's key: {"question": its version's row, "value": ...}}`.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TypedDict
from uuid import UUID

from django.utils.translation import gettext as _

from turnout.core.errors import Fault, InvalidError
from turnout.events.models import Question
from turnout.registrations.models import Registration


class Answer(TypedDict):
    """One answer, and which wording of a question it answers."""

    question: str
    value: object


Answers = dict[str, Answer]

LONGEST_TEXT = 500
LONGEST_LONG_TEXT = 10_000
LARGEST_NUMBER = 10**15
_LONGEST_NUMBER = 40
_AT = "/answers/"
# What no text of people holds: control characters but tab and line feed, and half surrogate pairs.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,\u066b]\d+)?")  # in the digits of any script
_THOUSANDS = re.compile(r".*,\d{3}")  # to some a thousand, to others one
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class _NoAnswerError(Exception):
    """What was given is no answer to that question: a stable code, and what to do about it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


def check_answers(
    questions: Sequence[Question],
    given: Mapping[str, object],
    attendance_type: str,
    standing: Mapping[str, Answer] | None = None,
) -> Answers:
    """Return the answers to keep of somebody who attends like this: what stood, and over it what is given now.

    What is given answers today's question; where it does not fit that and is what stood, it stays as it stood. An
    answer to what is no longer asked at all stays; one to a question whose condition is not met is dropped. None, blank
    text and an empty list are no answer. InvalidError with a fault at `/answers/<question>`: `required`, `invalid`,
    `too_long`, `not_a_choice`, `upload_unknown`, `unknown_question`.
    """
    stood = dict(standing or {})
    asked = {str(question.key): question for question in questions}
    faults = [
        Fault(_AT + _escaped(key), "unknown_question", _("This event does not ask that."))
        for key, value in given.items()
        if key not in asked and (key not in stood or not _is_as_it_stood(value, stood[key]))
    ]
    kept = {key: answer for key, answer in stood.items() if key not in asked and not _is_taken_back(key, given)}
    values: dict[str, object] = {}
    for key, question in asked.items():
        if not question.is_asked(attendance_type, values):
            continue
        try:
            answer = _answer(question, given, stood.get(key))
        except _NoAnswerError as error:
            faults.append(Fault(_AT + key, error.code, error.detail))
            continue
        if answer is not None:
            kept[key] = answer
            values[key] = answer["value"]
    if faults:
        raise InvalidError.at(*faults)
    return kept


def _answer(question: Question, given: Mapping[str, object], stood: Answer | None) -> Answer | None:
    key = str(question.key)
    if key not in given:
        answer = stood
    else:
        try:
            value = read_value(question, given[key])
        except _NoAnswerError:
            if stood is None or given[key] != stood["value"]:
                raise
            answer = stood
        else:
            answer = None if value is None else Answer(question=str(question.pk), value=value)
    if answer is None and question.required:
        raise _NoAnswerError("required", _("This question needs an answer."))
    return answer


def _is_as_it_stood(value: object, stood: Answer) -> bool:
    return value is None or value == stood["value"]


def _is_taken_back(key: str, given: Mapping[str, object]) -> bool:
    return key in given and given[key] is None


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


# --- One answer of each type -------------------------------------------------------------------------------------


def read_value(question: Question, given: object) -> object:
    """Return what was given as it is kept; None where it is no answer at all."""
    if given is None or given == [] or (isinstance(given, str) and not given.strip()):
        return None
    return _READERS[question.type](question, given)


def _text(_question: Question, given: object) -> str:
    text = " ".join(_plain(given).split())
    return _within(text, LONGEST_TEXT)


def _long_text(_question: Question, given: object) -> str:
    return _within(_plain(given).strip(), LONGEST_LONG_TEXT)


def _plain(given: object) -> str:
    if not isinstance(given, str):
        raise _NoAnswerError("invalid", _("Answer with text."))
    text = given.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text):
        raise _NoAnswerError("invalid", _("Control characters are no text."))
    return text


def _within(text: str, longest: int) -> str:
    if len(text) > longest:
        raise _NoAnswerError("too_long", _("At most %d characters.") % longest)
    return text


def _choice(question: Question, given: object) -> str:
    if not isinstance(given, str) or given not in question.choices:
        raise _NoAnswerError("not_a_choice", _("Choose one of the choices."))
    return given


def _choices(question: Question, given: object) -> list[str]:
    if not isinstance(given, list) or any(choice not in question.choices for choice in given):
        raise _NoAnswerError("not_a_choice", _("Choose among those that are offered."))
    return [choice for choice in question.choices if choice in given]


def _yes_no(_question: Question, given: object) -> bool:
    if not isinstance(given, bool):
        raise _NoAnswerError("invalid", _("Answer with yes or no."))
    return given


def _number(_question: Question, given: object) -> int | float:
    number = _from_text(given) if isinstance(given, str) else given
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise _NoAnswerError("invalid", _("Answer with a number."))
    if abs(number) > LARGEST_NUMBER or (isinstance(number, float) and not math.isfinite(number)):
        raise _NoAnswerError("invalid", _("This number is too large."))
    return int(number) if number == int(number) else number


def _from_text(text: str) -> int | float:
    """Return a number as people type it: in the digits of any script, with a point or a comma."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text) or _THOUSANDS.fullmatch(text):
        raise _NoAnswerError("invalid", _("Answer with a number, without signs between the thousands."))
    plain = text.replace(",", ".").replace("\N{ARABIC DECIMAL SEPARATOR}", ".")
    return float(plain) if "." in plain else int(plain)


def _date(_question: Question, given: object) -> str:
    try:
        if not isinstance(given, str) or not _DATE.fullmatch(given.strip()):
            raise ValueError  # noqa: TRY301  # one kind of refusal
        return date.fromisoformat(given.strip()).isoformat()
    except ValueError as error:
        raise _NoAnswerError("invalid", _("Answer with a date, such as 2030-12-31.")) from error


def _file(_question: Question, given: object) -> str:
    try:
        if not isinstance(given, str):
            raise ValueError  # noqa: TRY301, TRY004  # one kind of refusal
        return str(UUID(given))
    except ValueError as error:
        raise _NoAnswerError("upload_unknown", _("Send the file first, and answer with its id.")) from error


_READERS: Mapping[str, Callable[[Question, object], object]] = {
    Question.Type.TEXT: _text,
    Question.Type.LONG_TEXT: _long_text,
    Question.Type.CHOICE: _choice,
    Question.Type.CHOICES: _choices,
    Question.Type.YES_NO: _yes_no,
    Question.Type.NUMBER: _number,
    Question.Type.DATE: _date,
    Question.Type.FILE: _file,
}


# --- As they are kept --------------------------------------------------------------------------------------------


def written(answers: Answers) -> str:
    """Return answers as they are kept."""
    return json.dumps(answers) if answers else ""


def answers_of(registration: Registration) -> Answers:
    """Return what somebody answered, each with the question it answers."""
    kept: Answers = json.loads(registration.answers) if registration.answers else {}
    return kept


def values_of(registration: Registration) -> dict[str, object]:
    """Return what somebody answered, by the questions' keys."""
    return {key: answer["value"] for key, answer in answers_of(registration).items()}


def told(registrations: Iterable[Registration]) -> dict[UUID, list[tuple[Question, object]]]:
    """Return of each of them, by id, which questions they answered and how, in the order asked: by one query in all.

    The questions are those that they answered: another version may be asked by now, or none.
    """
    by_person = {registration.pk: answers_of(registration) for registration in registrations}
    rows = {answer["question"] for answers in by_person.values() for answer in answers.values()}
    questions = {str(question.pk): question for question in Question.objects.filter(pk__in=rows)} if rows else {}
    return {
        person: sorted(
            ((questions[answer["question"]], answer["value"]) for answer in answers.values()),
            key=lambda pair: (pair[0].rank, pair[0].version),
        )
        for person, answers in by_person.items()
    }
