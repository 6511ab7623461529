"""What people answered, in lists and sheets."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from turnout.core.sheets.writing import Cell, Column
from turnout.events.models import Event, Question
from turnout.registrations.answers import values_of
from turnout.registrations.models import Registration

_WIDTH = 24


def answers_of(registrations: Iterable[Registration]) -> dict[UUID, dict[str, object]]:
    """Return each one's answers by the question's id; they are part of the row, and nothing is asked for."""
    return {registration.pk: values_of(registration) for registration in registrations}


def questions_ever(event: Event) -> list[Question]:
    """Return every question that an event asks or asked, in its latest wording and order."""
    latest = {question.key: question for question in Question.objects.filter(event=event).order_by("version")}
    return sorted(latest.values(), key=lambda question: question.rank)


def answer_columns(questions: Iterable[Question]) -> list[Column]:
    """Return a column of a sheet for each question."""
    return [Column(question.label, _WIDTH) for question in questions]


def answer_cells(questions: Iterable[Question], answers: Mapping[str, object]) -> Sequence[Cell]:
    """Return the cells of somebody's answers, in the order of the questions."""
    return [_cell(answers.get(str(question.key))) for question in questions]


def _cell(answer: object) -> Cell:
    match answer:
        case bool():
            return "yes" if answer else "no"
        case list():
            return "; ".join(map(str, answer))
        case int() | float() | None:
            return answer
        case _:
            return str(answer)
