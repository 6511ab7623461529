"""What people answer to an event's questions, and what becomes of the answers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.storage import storages
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import make
from tests.support.files import PDF
from turnout.core.clock import now
from turnout.core.errors import ConflictError, InvalidError, ThrottledError, UnavailableError
from turnout.core.models import AuditEntry
from turnout.core.rotation import rotate
from turnout.events.actions import Parts, update_event
from turnout.events.actions.questions import Condition, QuestionDraft, drafts_of
from turnout.events.models import Event, Question
from turnout.guard.notation import windows
from turnout.media import vault
from turnout.media.vault import PRIVATE
from turnout.privacy.actions import erase
from turnout.privacy.queries import export
from turnout.registrations.actions import cancel, change, confirm, expire_unconfirmed
from turnout.registrations.answers import check_answers, read_value, told, values_of
from turnout.registrations.attacks.actions import roll_back
from turnout.registrations.models import Registration, Upload
from turnout.registrations.uploads.actions import forget_uploads, receive

pytestmark = pytest.mark.django_db

SIZE = QuestionDraft("T-shirt", "choice", required=True, choices=("S", "M"))
WHY = QuestionDraft("Why?", "text")
VEGAN = QuestionDraft("Vegan?", "yes_no")
PASSPORT = QuestionDraft("Passport", "file")


def of_type(kind: str, *choices: str) -> Question:
    return Question(type=kind, label="?", choices=list(choices))


def refused(deed: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidError) as caught:
        deed()
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def reword(event: Event, **other: Any) -> None:
    """Change the event's first question."""
    first, *others = drafts_of(list(Question.objects.asked_at(event.pk)), keep_keys=True)
    update_event(event, Parts(questions=[replace(first, **other), *others]))


# --- Each type ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "given", "kept"),
    [
        (of_type("text"), "  Hello\n there ", "Hello there"),
        (of_type("text"), " ", None),
        (of_type("long_text"), " a\r\nb ", "a\nb"),
        (of_type("long_text"), "x" * 10_000, "x" * 10_000),
        (of_type("choice", "S", "M"), "M", "M"),
        (of_type("choices", "a", "b", "c"), ["c", "a", "c"], ["a", "c"]),
        (of_type("choices", "a"), [], None),
        (of_type("yes_no"), False, False),
        (of_type("number"), 0, 0),
        (of_type("number"), -2.5, -2.5),
        (of_type("number"), 3.0, 3),
        (of_type("number"), " 3,5", 3.5),
        (of_type("number"), "٣٤", 34),
        (of_type("number"), "٣٫٥", 3.5),
        (of_type("date"), "2028-02-29", "2028-02-29"),
        (of_type("file"), "0190163D8694739BAEA5966C26F8AD91", "0190163d-8694-739b-aea5-966c26f8ad91"),
        (of_type("text"), None, None),
    ],
)
def test_an_answer_is_kept_as_it_is_meant(question: Question, given: object, kept: object) -> None:
    read = read_value(question, given)
    assert (read, type(read)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("question", "given", "code"),
    [
        (of_type("text"), 3, "invalid"),
        (of_type("text"), "a\0b", "invalid"),
        (of_type("text"), "\ud800", "invalid"),
        (of_type("text"), "x" * 501, "too_long"),
        (of_type("long_text"), "x" * 10_001, "too_long"),
        (of_type("choice", "S"), "L", "not_a_choice"),
        (of_type("choice", "S"), ["S"], "not_a_choice"),
        (of_type("choices", "S"), "S", "not_a_choice"),
        (of_type("choices", "S"), ["S", {}], "not_a_choice"),
        (of_type("yes_no"), "yes", "invalid"),
        (of_type("yes_no"), 1, "invalid"),
        (of_type("number"), True, "invalid"),
        (of_type("number"), "three", "invalid"),
        (of_type("number"), "1,000", "invalid"),
        (of_type("number"), "1e5", "invalid"),
        (of_type("number"), 10**400, "invalid"),
        (of_type("number"), float("inf"), "invalid"),
        (of_type("number"), float("nan"), "invalid"),
        (of_type("date"), "2027-02-29", "invalid"),
        (of_type("date"), "20280229", "invalid"),
        (of_type("date"), 20280229, "invalid"),
        (of_type("file"), "passport.pdf", "upload_unknown"),
        (of_type("file"), {}, "upload_unknown"),
    ],
)
def test_what_is_no_answer_is_refused_at_its_question(question: Question, given: object, code: str) -> None:
    assert refused(lambda: check_answers([question], {str(question.key): given}, "on_site")) == [
        (f"/answers/{question.key}", code)
    ]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(kind=st.sampled_from(Question.Type.values), value=_json)
def test_whatever_is_given_is_an_answer_or_a_fault_and_reads_the_same_again(kind: str, value: object) -> None:
    question = of_type(kind, "a", "b")
    try:
        answers = check_answers([question], {str(question.key): value}, "on_site")
    except InvalidError:
        return
    again = {key: answer["value"] for key, answer in answers.items()}
    assert check_answers([question], again, "on_site") == answers


# --- Who is asked ------------------------------------------------------------------------------------------------


def test_who_registers_answers_and_what_was_asked_stays_with_it() -> None:
    event, (size, why) = make.asking(SIZE, WHY)
    person = make.pending(event, answers={str(size.key): "M", str(why.key): "Fun"})
    person.refresh_from_db()
    assert values_of(person) == {str(size.key): "M", str(why.key): "Fun"}
    assert told([person]) == {person.pk: [(size, "M"), (why, "Fun")]}


def test_what_is_required_and_missing_is_said_and_nothing_is_written() -> None:
    event, (size, _why) = make.asking(SIZE, WHY)
    for answers in ({}, {str(size.key): None}, {str(size.key): " "}):
        assert refused(lambda answers=answers: make.pending(event, answers=answers)) == [
            (f"/answers/{size.key}", "required")
        ]
    assert not Registration.objects.exists()


def test_what_nobody_asked_is_refused_by_a_pointer_that_can_be_followed() -> None:
    event, _questions = make.asking(WHY)
    assert refused(lambda: make.pending(event, answers={"a/b~c": 1})) == [("/answers/a~1b~0c", "unknown_question")]


def test_a_question_for_one_way_to_attend_is_asked_of_nobody_else() -> None:
    event, (size,) = make.asking(replace(SIZE, condition=Condition("on_site")))
    assert refused(lambda: make.pending(event)) == [(f"/answers/{size.key}", "required")]
    online = make.pending(event, attendance_type="online", answers={str(size.key): "M"})
    assert values_of(online) == {}


def test_a_question_that_depends_on_another_is_asked_where_the_answer_is_so_and_else_dropped() -> None:
    event, (vegan, size) = make.asking(VEGAN, replace(SIZE, condition=Condition(question=0, values=(True,))))
    assert refused(lambda: make.pending(event, answers={str(vegan.key): True})) == [
        (f"/answers/{size.key}", "required")
    ]
    for answers in ({}, {str(vegan.key): False}):
        person = make.pending(event, answers={**answers, str(size.key): "nonsense"})
        assert values_of(person) == answers


def test_a_chain_of_conditions_ends_where_one_is_not_met() -> None:
    event, (first, second, third) = make.asking(
        replace(SIZE, type="choices", required=False),
        replace(VEGAN, condition=Condition(question=0, values=("S",))),
        replace(WHY, required=True, condition=Condition(question=1, values=(True, False))),
    )
    asked = {str(first.key): ["S", "M"], str(second.key): False}
    assert refused(lambda: make.pending(event, answers=asked)) == [(f"/answers/{third.key}", "required")]
    person = make.pending(event, answers={str(first.key): ["M"], str(second.key): False})
    assert values_of(person) == {str(first.key): ["M"]}


# --- Versions ----------------------------------------------------------------------------------------------------


def test_an_answer_keeps_the_question_it_answered_though_that_is_reworded() -> None:
    event, (vegan,) = make.asking(VEGAN)
    early = make.pending(event, answers={str(vegan.key): True})
    reword(event, label="Do you eat meat?")
    late = make.pending(event, answers={str(vegan.key): True})
    answers = told([early, late])
    assert [(str(question), answer) for question, answer in (*answers[early.pk], *answers[late.pk])] == [
        ("Vegan?", True),
        ("Do you eat meat?", True),
    ]


def test_who_changes_another_answer_keeps_those_that_stand_with_their_questions() -> None:
    event, (size, why) = make.asking(SIZE, WHY)
    person = make.confirmed(event, answers={str(size.key): "S"})
    reword(event, choices=("M", "L"))
    changed = change(person, {}, answers={str(why.key): "Fun"})
    assert told([changed]) == {person.pk: [(size, "S"), (why, "Fun")]}


def test_what_is_answered_anew_answers_what_is_asked_today() -> None:
    event, (size,) = make.asking(SIZE)
    person = make.confirmed(event, answers={str(size.key): "S"})
    reword(event, label="Size", choices=("S", "L"))
    changed = change(person, {}, answers={str(size.key): "S"})
    assert [(str(question), question.version) for question, _ in told([changed])[person.pk]] == [("Size", 2)]
    assert refused(lambda: change(person, {}, answers={str(size.key): "M"})) == [
        (f"/answers/{size.key}", "not_a_choice")
    ]


def test_sending_back_what_stands_is_no_fault_though_it_is_asked_otherwise_or_no_more() -> None:
    event, (size, why) = make.asking(SIZE, WHY)
    given = {str(size.key): "S", str(why.key): "Fun"}
    person = make.confirmed(event, answers=given)
    reword(event, choices=("M", "L"))
    update_event(event, Parts(questions=drafts_of(list(Question.objects.asked_at(event.pk)[:1]), keep_keys=True)))
    changed = change(person, {}, answers=given)
    assert told([changed]) == {person.pk: [(size, "S"), (why, "Fun")]}
    assert refused(lambda: change(person, {}, answers={str(why.key): "Work"})) == [
        (f"/answers/{why.key}", "unknown_question")
    ]
    assert values_of(change(person, {}, answers={str(why.key): None})) == {str(size.key): "S"}


def test_an_answer_is_taken_back_by_null_unless_it_is_required() -> None:
    event, (size, why) = make.asking(SIZE, WHY)
    person = make.confirmed(event, answers={str(size.key): "S", str(why.key): "Fun"})
    assert values_of(change(person, {}, answers={str(why.key): None})) == {str(size.key): "S"}
    assert refused(lambda: change(person, {}, answers={str(size.key): None})) == [(f"/answers/{size.key}", "required")]


def test_who_attends_otherwise_is_asked_what_is_asked_there() -> None:
    event, (size,) = make.asking(replace(SIZE, condition=Condition("on_site")))
    person = make.confirmed(event, attendance_type="online")
    assert refused(lambda: change(person, {"attendance_type": "on_site"})) == [(f"/answers/{size.key}", "required")]
    there = change(person, {"attendance_type": "on_site"}, answers={str(size.key): "M"})
    assert (there.attendance_type, values_of(there)) == ("on_site", {str(size.key): "M"})
    assert values_of(change(there, {"attendance_type": "online"})) == {}


def test_a_name_is_changed_though_a_new_question_is_not_answered() -> None:
    event = make.event()
    person = make.confirmed(event)
    update_event(event, Parts(questions=[SIZE]))
    assert change(person, {"full_name": "Other"}).full_name == "Other"


def test_the_audit_trail_says_that_answers_changed_and_not_to_what() -> None:
    event, (why,) = make.asking(WHY)
    person = make.confirmed(event)
    change(person, {}, answers={str(why.key): "Secret"})
    change(person, {}, answers={str(why.key): "Secret"})
    entry = AuditEntry.objects.get(verb="registration.changed")
    assert entry.data == {"fields": ["answers"]}


# --- At rest -----------------------------------------------------------------------------------------------------


def held(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {connection.ops.quote_name(column)} FROM {table}")  # noqa: S608  # names of ours
        return str(cursor.fetchone()[0])


def test_answers_are_sealed_and_sealed_anew_when_the_secret_changes(settings: Any) -> None:
    event, (why,) = make.asking(WHY)
    person = make.pending(event, answers={str(why.key): "Fun"})
    assert "Fun" not in (before := held("registrations_registration", "answers"))
    settings.KEYS_SECRET = ["a new secret of enough characters!", *settings.KEYS_SECRET]
    assert {counted.column: counted.resealed for counted in rotate()}["registrations_registration.answers"] == 1
    assert held("registrations_registration", "answers") != before
    settings.KEYS_SECRET = settings.KEYS_SECRET[:1]
    person.refresh_from_db()
    assert values_of(person) == {str(why.key): "Fun"}


def test_what_many_answered_is_read_by_one_query(django_assert_num_queries: Any) -> None:
    people = [make.pending(make.event())]
    with django_assert_num_queries(0):
        assert told(people) == {people[0].pk: []}
    for number in range(3):
        event, (why,) = make.asking(WHY)
        people.append(make.pending(event, answers={str(why.key): str(number)}))
    with django_assert_num_queries(1):
        assert [[value for _, value in answers] for answers in told(people).values()] == [[], ["0"], ["1"], ["2"]]


# --- Files -------------------------------------------------------------------------------------------------------


def send(event: Event, name: str = "passport.pdf", content: bytes = PDF) -> str:
    return str(receive(event, name, content).pk)


def test_a_file_becomes_the_registrations_that_answers_with_it() -> None:
    event, (passport,) = make.asking(PASSPORT)
    upload = send(event)
    person = make.pending(event, answers={str(passport.key): upload})
    kept = Upload.objects.get()
    assert (kept.registration, kept.expires_at, kept.name, kept.size) == (person, None, "passport.pdf", len(PDF))
    assert vault.fetch(kept.path, kept.key) == PDF


def test_a_file_lies_sealed_and_its_name_too() -> None:
    event, _questions = make.asking(PASSPORT)
    send(event, "Amina Bouzid.pdf", PDF)
    upload = Upload.objects.get()
    with storages[PRIVATE].open(upload.path) as file:
        assert PDF[:4] not in file.read()
    assert held("registrations_upload", "name").startswith("gAAAA")
    assert held("registrations_upload", "key") != "".join(upload.key)


def test_a_file_is_claimed_once_by_one_registration_of_its_event_for_one_question() -> None:
    event, (passport,) = make.asking(PASSPORT)
    upload = send(event)
    make.pending(event, answers={str(passport.key): upload})
    other, (elsewhere,) = make.asking(PASSPORT)
    unknown = [(f"/answers/{passport.key}", "upload_unknown")]
    assert refused(lambda: make.pending(event, answers={str(passport.key): upload})) == unknown
    assert refused(lambda: make.pending(other, answers={str(elsewhere.key): send(event)})) == [
        (f"/answers/{elsewhere.key}", "upload_unknown")
    ]
    assert refused(lambda: make.pending(event, answers={str(passport.key): str(passport.key)})) == unknown
    twice, (one, two) = make.asking(PASSPORT, PASSPORT)
    again = send(twice)
    assert refused(lambda: make.pending(twice, answers={str(one.key): again, str(two.key): again})) == [
        (f"/answers/{one.key}", "upload_unknown")
    ]
    assert Registration.objects.count() == 1


def test_another_file_takes_the_place_of_the_first_whose_key_is_gone_at_once() -> None:
    event, (passport,) = make.asking(PASSPORT)
    first = send(event)
    person = make.confirmed(event, answers={str(passport.key): first})
    second = send(event)
    change(person, {}, answers={str(passport.key): second})
    assert values_of(Registration.objects.get()) == {str(passport.key): second}
    old = Upload.objects.get(pk=first)
    assert (old.registration, old.key, old.name) == (None, "", "")
    with pytest.raises(vault.LostError):
        vault.fetch(old.path, old.key)
    assert forget_uploads() == 1
    assert [str(upload.pk) for upload in Upload.objects.all()] == [second]
    assert not storages[PRIVATE].exists(old.path)


def test_answering_with_ones_own_file_again_keeps_it() -> None:
    event, (passport, why) = make.asking(PASSPORT, WHY)
    upload = send(event)
    person = make.confirmed(event, answers={str(passport.key): upload})
    change(person, {}, answers={str(passport.key): upload, str(why.key): "Fun"})
    assert Upload.objects.get().registration == person


def test_a_file_stays_though_its_question_is_asked_no_more() -> None:
    event, (passport,) = make.asking(PASSPORT)
    person = make.confirmed(event, answers={str(passport.key): send(event)})
    update_event(event, Parts(questions=[WHY]))
    why = Question.objects.asked_at(event.pk).get()
    change(person, {}, answers={str(why.key): "Fun"})
    assert Upload.objects.get().registration == person


def test_what_nobody_claims_is_removed_after_a_day() -> None:
    event, (passport,) = make.asking(PASSPORT)
    upload = send(event)
    kept = send(event)
    make.confirmed(event, answers={str(passport.key): kept})
    path = Upload.objects.get(pk=upload).path
    assert forget_uploads() == 0
    with time_machine.travel(Upload.objects.get(pk=upload).created_at + timedelta(days=1, seconds=1), tick=False):
        assert refused(lambda: make.pending(event, answers={str(passport.key): upload})) == [
            (f"/answers/{passport.key}", "upload_unknown")
        ]
        assert (forget_uploads(), forget_uploads()) == (1, 0)
    assert not storages[PRIVATE].exists(path)
    assert [str(each.pk) for each in Upload.objects.all()] == [kept]


def test_files_of_registrations_that_were_never_confirmed_are_removed() -> None:
    event, (passport,) = make.asking(PASSPORT, starts_at=None)
    make.pending(event, answers={str(passport.key): send(event)})
    with time_machine.travel(Registration.objects.get().expires_at + timedelta(seconds=1)):
        expire_unconfirmed()
        assert forget_uploads() == 1
    assert not Upload.objects.exists()


def test_files_of_who_was_rolled_back_stay_as_long_as_that_can_be_undone() -> None:
    event, (passport,) = make.asking(PASSPORT)
    person = make.pending(event, answers={str(passport.key): send(event)})
    Registration.objects.filter(pk=person.pk).update(quarantined_at=now())
    roll_back(event)
    assert forget_uploads() == 0
    with time_machine.travel(person.expires_at + timedelta(seconds=1)):
        assert forget_uploads() == 1


def test_no_network_fills_an_events_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.registrations.uploads.actions._MEGABYTES", windows("2/day"))
    event, _questions = make.asking(PASSPORT)
    for client in ("a", "a", "b"):
        receive(event, "passport.pdf", PDF, client=client)
    with pytest.raises(ThrottledError):
        receive(event, "passport.pdf", PDF, client="a")


def test_who_cancels_leaves_the_file_with_the_team() -> None:
    event, (passport,) = make.asking(PASSPORT)
    cancel(make.confirmed(event, answers={str(passport.key): send(event)}))
    assert forget_uploads() == 0


def test_an_event_that_asks_for_no_file_takes_none_and_neither_does_one_that_is_over() -> None:
    event, _questions = make.asking(WHY)
    with pytest.raises(ConflictError) as caught:
        send(event)
    assert caught.value.code == "no_file_asked"
    event, _questions = make.asking(PASSPORT)
    with time_machine.travel(event.ends_at + timedelta(minutes=1)), pytest.raises(ConflictError) as caught:
        send(event)
    assert caught.value.code == "registration_closed"


def test_what_nobody_confirmed_fills_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.registrations.uploads.actions._MOST_UNCONFIRMED", 2 * len(PDF))
    event, (passport,) = make.asking(PASSPORT)
    person = make.pending(event, answers={str(passport.key): send(event)})
    send(event)
    with pytest.raises(UnavailableError):
        send(event)
    confirm(person.confirmation_token)
    send(event)
    with pytest.raises(UnavailableError):
        send(event)


def test_removing_an_event_leaves_its_files_to_the_worker() -> None:
    event, _questions = make.asking(PASSPORT)
    send(event)
    event.delete()
    upload = Upload.objects.get()
    assert upload.event is None
    with time_machine.travel(upload.created_at + timedelta(days=2)):
        assert forget_uploads() == 1


# --- A person's own ----------------------------------------------------------------------------------------------


def test_the_export_says_what_somebody_answered_to_what() -> None:
    amina = make.user("amina")
    event, (why, passport) = make.asking(WHY, PASSPORT)
    upload = send(event)
    mine = make.confirmed(event, "amina", answers={str(why.key): "Fun", str(passport.key): upload})
    make.confirmed(event, "stranger", answers={str(why.key): "Other"})
    held = export(amina)
    assert held["answers"] == [
        {"registration_id": mine.pk, "question": "Why?", "answer": "Fun"},
        {"registration_id": mine.pk, "question": "Passport", "answer": upload},
    ]
    assert [(str(file["id"]), file["name"]) for file in held["files"]] == [(upload, "passport.pdf")]


def test_erasing_somebody_leaves_neither_answers_nor_files() -> None:
    amina = make.user("amina")
    event, (why, passport) = make.asking(WHY, PASSPORT)
    make.confirmed(event, "amina", answers={str(why.key): "Fun", str(passport.key): send(event)})
    stranger = make.confirmed(event, "stranger", answers={str(why.key): "Fun", str(passport.key): send(event)})
    erase(amina)
    assert [values_of(row) == {} for row in Registration.objects.order_by("id")] == [True, False]
    gone = Upload.objects.get(registration=None)
    assert (gone.key, gone.name) == ("", "")
    assert forget_uploads() == 1
    assert not storages[PRIVATE].exists(gone.path)
    assert Upload.objects.get().registration == stranger
