"""How an event's questions are written."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import Fault, InvalidError
from turnout.core.ids import new_id
from turnout.core.validation import validate_many
from turnout.events.files import has_control
from turnout.events.models.events import Event
from turnout.events.models.questions import Question

MOST_QUESTIONS = 100
MOST_FILES = 5
MOST_CHOICES = 200
LONGEST_CHOICE = 200

# What a question means: an answer to one wording is no answer to another.
_MEANING = ("label", "type", "choices")
_Said = tuple[str, str, str]  # where, the code, what about it
_MANNER = ("rank", "help_text", "required", "at_door", "attendance_type", "depends_on", "depends_in")


@dataclass(frozen=True, slots=True)
class Condition:
    """Of whom a question is asked: of who attends like this, and gave one of these answers to an earlier one."""

    attendance_type: str = ""
    question: int | None = None  # that one's place in the list
    values: tuple[str | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """A question as it is to be asked."""

    label: str
    type: str
    required: bool = False
    choices: tuple[str, ...] = ()
    help_text: str = ""
    condition: Condition = field(default_factory=Condition)
    key: UUID | None = None  # of one that is asked already
    at_door: bool = False  # whether whoever scans sees the answer


def drafts_of(questions: Sequence[Question], *, keep_keys: bool = False) -> list[QuestionDraft]:
    """Return the questions an event asks as drafts: for another event, or with their keys for the same one."""
    places = {question.key: place for place, question in enumerate(questions)}
    return [
        QuestionDraft(
            label=question.label,
            type=question.type,
            required=question.required,
            choices=tuple(question.choices),
            help_text=question.help_text,
            condition=Condition(
                question.attendance_type,
                None if question.depends_on is None else places[question.depends_on],
                tuple(question.depends_in),
            ),
            key=question.key if keep_keys else None,
            at_door=question.at_door,
        )
        for question in questions
    ]


def copy_questions(original: Event, copies: Sequence[Event]) -> None:
    """Let copies ask what the original asks, as questions of their own; part of the caller's transaction."""
    drafts = drafts_of(list(Question.objects.asked_at(original.pk)))
    Question.objects.bulk_create(row for copy in copies for row in _rows(copy, drafts))


def write_questions(event: Event, drafts: Sequence[QuestionDraft], *, actor: str) -> None:
    """Let an event ask these questions, in this order, and no others; part of the caller's transaction.

    One that means something else than before is a new version: who answered keeps the question they answered. What is
    asked no more stays on record. InvalidError with a fault at `/questions/<place>` for each breach of a rule.
    """
    current = {question.key: question for question in Question.objects.asked_at(event.pk)}
    _check(drafts, current.keys())
    wanted = _rows(event, drafts)
    validate_many(wanted, "/questions", exclude=("event",))
    new = [row for row in wanted if row.key not in current]
    changed = [row for row in wanted if row.key in current and _differ(row, current[row.key], _MEANING)]
    moved = [row for row in wanted if row.key in current and row not in changed]
    retired = current.keys() - {row.key for row in wanted}
    for row in changed:
        row.version = current[row.key].version + 1
    outdated = [current[key].pk for key in {*retired, *(row.key for row in changed)}]
    Question.objects.filter(pk__in=outdated).update(retired_at=now())
    Question.objects.bulk_create([*new, *changed])
    touched = []
    for row in moved:
        row.pk = current[row.key].pk
        if _differ(row, current[row.key], _MANNER):
            touched.append(row)
    Question.objects.bulk_update(touched, _MANNER)
    told = {
        "added": [str(row.key) for row in new],
        "changed": [str(row.key) for row in [*changed, *touched]],
        "retired": sorted(map(str, retired)),
    }
    if any(told.values()):
        audit.record(actor, "event.questions_changed", event.id, {verb: keys for verb, keys in told.items() if keys})


def _rows(event: Event, drafts: Sequence[QuestionDraft]) -> list[Question]:
    keys = [draft.key or new_id() for draft in drafts]
    return [
        Question(
            event=event,
            key=key,
            rank=rank,
            label=draft.label,
            help_text=draft.help_text,
            type=draft.type,
            required=draft.required,
            at_door=draft.at_door,
            choices=list(draft.choices) if draft.type in Question.WITH_CHOICES else [],
            attendance_type=draft.condition.attendance_type,
            depends_on=None if draft.condition.question is None else keys[draft.condition.question],
            depends_in=list(draft.condition.values) if draft.condition.question is not None else [],
        )
        for rank, (key, draft) in enumerate(zip(keys, drafts, strict=True))
    ]


def _differ(row: Question, other: Question, names: Sequence[str]) -> bool:
    return any(getattr(row, name) != getattr(other, name) for name in names)


# --- What makes no sense -----------------------------------------------------------------------------------------


def _check(drafts: Sequence[QuestionDraft], known: Collection[UUID]) -> None:
    if len(drafts) > MOST_QUESTIONS:
        message = _("An event asks at most %d questions.") % MOST_QUESTIONS
        raise InvalidError.at(Fault("/questions", "too_many", message))
    if sum(draft.type == Question.Type.FILE for draft in drafts) > MOST_FILES:
        message = _("An event asks for at most %d files.") % MOST_FILES
        raise InvalidError.at(Fault("/questions", "too_many", message))
    faults = [
        Fault(f"/questions/{place}/{name}", code, detail)
        for place, draft in enumerate(drafts)
        for name, code, detail in (
            *_faults_of_key(drafts, place, known),
            *_faults_of_choices(draft),
            *_faults_of_condition(drafts, place),
            *_faults_at_door(draft),
        )
    ]
    if faults:
        raise InvalidError.at(*faults)


def _faults_of_key(drafts: Sequence[QuestionDraft], place: int, known: Collection[UUID]) -> Iterator[_Said]:
    key = drafts[place].key
    if key is not None and (key not in known or any(draft.key == key for draft in drafts[:place])):
        yield "id", "does_not_exist", _("This event has no question with this id.")


def _faults_of_choices(draft: QuestionDraft) -> Iterator[_Said]:
    if draft.type not in Question.WITH_CHOICES:
        return
    if not draft.choices:
        yield "choices", "required", _("Say what there is to choose from.")
    elif len(draft.choices) > MOST_CHOICES:
        yield "choices", "too_many", _("There are at most %d choices.") % MOST_CHOICES
    elif len(set(draft.choices)) < len(draft.choices):
        yield "choices", "duplicate", _("Each choice can stand there only once.")
    elif any(not choice.strip() or len(choice) > LONGEST_CHOICE or has_control(choice) for choice in draft.choices):
        yield "choices", "invalid", _("A choice is one line of at most %d characters.") % LONGEST_CHOICE


def _faults_of_condition(drafts: Sequence[QuestionDraft], place: int) -> Iterator[_Said]:
    condition = drafts[place].condition
    if condition.question is None:
        return
    if not 0 <= condition.question < place:
        yield "condition", "not_before", _("The question it depends on must stand before it.")
        return
    decides = drafts[condition.question]
    answers: tuple[str | bool, ...] = (True, False) if decides.type == Question.Type.YES_NO else decides.choices
    if decides.type not in {*Question.WITH_CHOICES, Question.Type.YES_NO}:
        yield "condition", "invalid", _("It can depend only on a choice, or on a yes or no.")
    elif not condition.values or any(value not in answers for value in condition.values):
        yield "condition", "not_a_choice", _("It can only depend on answers that the other question takes.")


def _faults_at_door(draft: QuestionDraft) -> Iterator[_Said]:
    if draft.at_door and draft.type == Question.Type.FILE:
        yield "at_door", "invalid", _("A file can't be shown at the door.")
