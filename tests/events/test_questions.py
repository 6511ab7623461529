"""What an event asks at registration: written, reworded, retired."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support import make
from turnout.core.errors import InvalidError
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts, update_event
from turnout.events.actions.copies import write_copies
from turnout.events.actions.questions import Condition, QuestionDraft, drafts_of
from turnout.events.dates import Times
from turnout.events.models import Event, Question

pytestmark = pytest.mark.django_db

SIZE = QuestionDraft("T-shirt", "choice", choices=("S", "M"))
WHY = QuestionDraft("Why?", "text")
VEGAN = QuestionDraft("Vegan?", "yes_no")


def ask(event: Event, *drafts: QuestionDraft) -> list[Question]:
    update_event(event, Parts(questions=drafts))
    return asked(event)


def asked(event: Event) -> list[Question]:
    return list(Question.objects.asked_at(event.pk))


def rows(event: Event) -> list[tuple[str, int, bool]]:
    every = Question.objects.filter(event=event).order_by("key", "version")
    return [(question.label, question.version, question.retired_at is None) for question in every]


def known(event: Event) -> list[QuestionDraft]:
    return drafts_of(asked(event), keep_keys=True)


def refused(*drafts: QuestionDraft, event: Event | None = None) -> list[tuple[str, str]]:
    with pytest.raises(InvalidError) as caught:
        update_event(event or make.event(), Parts(questions=drafts))
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_an_event_asks_what_its_organisers_wrote_in_their_order() -> None:
    event, questions = make.asking(WHY, SIZE)
    assert [(question.label, question.type, question.choices) for question in questions] == [
        ("Why?", "text", []),
        ("T-shirt", "choice", ["S", "M"]),
    ]
    assert asked(make.event()) == []
    assert asked(event) == questions


def test_an_event_that_is_changed_otherwise_asks_what_it_asked() -> None:
    event, questions = make.asking(WHY)
    event.title = "Other"
    update_event(event, Parts())
    assert asked(event) == questions


@pytest.mark.parametrize("other", [{"label": "Size"}, {"choices": ("S", "M", "L")}, {"type": "choices"}])
def test_another_meaning_is_another_version_under_the_same_id(other: dict[str, Any]) -> None:
    event, (before,) = make.asking(SIZE)
    (after,) = ask(event, replace(known(event)[0], **other))
    before.refresh_from_db()
    assert (after.key, after.version, after.pk == before.pk) == (before.key, 2, False)
    assert (before.label, before.choices, before.type) == ("T-shirt", ["S", "M"], "choice")
    assert before.retired_at is not None


@pytest.mark.parametrize("other", [{"help_text": "Runs small"}, {"required": True}, {"at_door": True}])
def test_asking_in_another_manner_is_no_new_version(other: dict[str, Any]) -> None:
    event, (before,) = make.asking(SIZE)
    (after,) = ask(event, replace(known(event)[0], **other))
    assert (after.pk, after.version) == (before.pk, 1)
    assert {name: getattr(after, name) for name in other} == other


def test_what_is_seen_at_the_door_stays_so_when_it_is_reworded_or_copied() -> None:
    event, _asked = make.asking(replace(WHY, at_door=True), SIZE)
    why, size = known(event)
    assert [question.at_door for question in ask(event, replace(why, label="What for?"), size)] == [True, False]
    (copy,) = write_copies(event, [Times({"starts_at": event.starts_at, "ends_at": event.ends_at}, [])], {})
    assert [question.at_door for question in asked(copy)] == [True, False]


def test_a_file_is_not_seen_at_the_door() -> None:
    assert refused(QuestionDraft("Passport", "file", at_door=True)) == [("/questions/0/at_door", "invalid")]


def test_what_is_left_out_is_asked_no_more_and_stays_on_record() -> None:
    event, (why, _size) = make.asking(WHY, SIZE)
    ask(event, *known(event)[1:], VEGAN)
    assert [question.label for question in asked(event)] == ["T-shirt", "Vegan?"]
    why.refresh_from_db()
    assert (why.label, why.retired_at is None) == ("Why?", False)


def test_the_same_again_changes_nothing_and_leaves_no_trace() -> None:
    event, _questions = make.asking(WHY, SIZE, replace(VEGAN, condition=Condition(question=1, values=("S",))))
    before = list(Question.objects.order_by("pk").values())
    ask(event, *known(event))
    assert list(Question.objects.order_by("pk").values()) == before
    assert AuditEntry.objects.filter(verb="event.questions_changed").count() == 1


def test_a_condition_follows_its_question_to_another_place() -> None:
    event, _questions = make.asking(SIZE, WHY, replace(VEGAN, condition=Condition(question=0, values=("S",))))
    size, why, vegan = known(event)
    ask(event, why, size, replace(vegan, condition=Condition(question=1, values=("S",))))
    _why, moved, depends = asked(event)
    assert (depends.depends_on, depends.depends_in, depends.version) == (moved.key, ["S"], 1)


def test_questions_are_copied_to_another_event_with_their_conditions() -> None:
    event, questions = make.asking(SIZE, replace(VEGAN, condition=Condition("online", 0, ("S",))))
    copy, copied = make.asking(*drafts_of(questions))
    assert {question.key for question in copied}.isdisjoint({question.key for question in questions})
    assert (copied[1].attendance_type, copied[1].depends_on, copied[1].depends_in) == ("online", copied[0].key, ["S"])
    assert asked(event) == questions
    assert asked(copy) == copied


def test_the_audit_trail_says_which_questions_changed() -> None:
    event, (why, size) = make.asking(WHY, SIZE)
    new = ask(event, replace(known(event)[1], label="Size"), VEGAN)[1]
    entries = AuditEntry.objects.filter(verb="event.questions_changed", subject=event.id).order_by("id")
    assert [entry.data for entry in entries] == [
        {"added": [str(why.key), str(size.key)]},
        {"added": [str(new.key)], "changed": [str(size.key)], "retired": [str(why.key)]},
    ]


def test_what_makes_no_sense_is_refused_where_it_stands() -> None:
    condition = Condition(question=0, values=("S",))
    assert refused(replace(SIZE, choices=())) == [("/questions/0/choices", "required")]
    assert refused(WHY, replace(SIZE, choices=("S", "S"))) == [("/questions/1/choices", "duplicate")]
    assert refused(replace(SIZE, choices=("S", " "))) == [("/questions/0/choices", "invalid")]
    assert refused(replace(SIZE, choices=("x" * 201,))) == [("/questions/0/choices", "invalid")]
    assert refused(replace(SIZE, choices=tuple(map(str, range(201))))) == [("/questions/0/choices", "too_many")]
    assert refused(replace(WHY, label="")) == [("/questions/0/label", "blank")]
    assert refused(replace(WHY, label="x" * 501)) == [("/questions/0/label", "max_length")]
    assert refused(replace(WHY, type="song")) == [("/questions/0/type", "invalid_choice")]
    assert refused(*[WHY] * 101) == [("/questions", "too_many")]
    assert refused(*[replace(WHY, type="file")] * 6) == [("/questions", "too_many")]
    assert refused(replace(WHY, condition=condition), SIZE) == [("/questions/0/condition", "not_before")]
    assert refused(WHY, replace(SIZE, condition=condition)) == [("/questions/1/condition", "invalid")]
    assert refused(SIZE, replace(WHY, condition=replace(condition, values=("L",)))) == [
        ("/questions/1/condition", "not_a_choice")
    ]
    assert refused(SIZE, replace(WHY, condition=replace(condition, values=()))) == [
        ("/questions/1/condition", "not_a_choice")
    ]


def test_the_question_of_another_event_is_none_here() -> None:
    _event, (foreign,) = make.asking(WHY)
    assert refused(replace(WHY, key=foreign.key)) == [("/questions/0/id", "does_not_exist")]
    event, _questions = make.asking(WHY)
    own = known(event)[0]
    assert refused(own, own, event=event) == [("/questions/1/id", "does_not_exist")]
    assert rows(event) == [("Why?", 1, True)]
