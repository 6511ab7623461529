"""Questions, answers and files over the API."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from tests.support.files import PDF
from turnout.accounts.models import Role, User
from turnout.core.ids import new_id
from turnout.events.actions.questions import QuestionDraft
from turnout.events.models import Event, Question
from turnout.guard.notation import windows
from turnout.registrations.models import Registration, Upload

pytestmark = pytest.mark.django_db

EVENT = {"title": "Go", "starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T12:00:00Z"}
GUEST = {"full_name": "Amina", "email": "amina@example.org", "attendance_type": "on_site"}
ASKED: list[dict[str, Any]] = [
    {"label": "T-shirt", "type": "choice", "required": True, "choices": ["S", "M"]},
    {"label": "Why?", "type": "text", "condition": {"question": 0, "in": ["S"], "attendance_type": "on_site"}},
]
PASSPORT = QuestionDraft("Passport", "file")


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def desk(owner: User) -> APIClient:
    return make.client(owner)


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.json()
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def create(desk: APIClient, questions: Any) -> Any:
    answer = desk.post("/api/events/", {**EVENT, "questions": questions})
    assert answer.status_code == 201, answer.json()
    return answer.json()


# --- Questions ---------------------------------------------------------------------------------------------------


def test_an_event_shows_everybody_what_it_asks(desk: APIClient, api: APIClient) -> None:
    event = create(desk, ASKED)
    shown = api.get(f"/api/events/{event['id']}/").json()["questions"]
    first, second = (question["id"] for question in shown)
    assert shown == event["questions"]
    assert shown == [
        {**ASKED[0], "id": first, "help_text": "", "at_door": False, "condition": None},
        {
            **ASKED[1],
            "id": second,
            "help_text": "",
            "required": False,
            "at_door": False,
            "choices": [],
            "condition": {"question": first, "in": ["S"], "attendance_type": "on_site"},
        },
    ]


def test_what_is_shown_can_be_sent_back_and_changes_nothing(desk: APIClient) -> None:
    event = create(desk, ASKED)
    before = list(Question.objects.order_by("pk").values())
    for method in (desk.put, desk.patch):
        answer = method(f"/api/events/{event['id']}/", {**EVENT, "questions": event["questions"]})
        assert (answer.status_code, answer.json()["questions"]) == (200, event["questions"])
    assert list(Question.objects.order_by("pk").values()) == before


def test_questions_that_are_not_sent_stay_as_they_are(desk: APIClient) -> None:
    event = create(desk, ASKED)
    for method in (desk.put, desk.patch):
        assert method(f"/api/events/{event['id']}/", EVENT).json()["questions"] == event["questions"]
    assert desk.patch(f"/api/events/{event['id']}/", {"questions": []}).json()["questions"] == []


def test_a_client_that_knows_less_of_a_question_loses_nothing_of_it(desk: APIClient) -> None:
    event = create(desk, ASKED)
    known = [{name: asked[name] for name in ("id", "label", "type")} for asked in event["questions"]]
    known[0]["label"] = "Size"
    shown = desk.patch(f"/api/events/{event['id']}/", {"questions": known}).json()["questions"]
    assert shown == [{**event["questions"][0], "label": "Size"}, event["questions"][1]]
    assert Question.objects.get(label="Size").version == 2


def test_who_marks_a_question_for_the_door_is_told_so_and_clients_that_know_nothing_of_it_leave_it(
    desk: APIClient,
) -> None:
    event = create(desk, [{**ASKED[0], "at_door": True}])
    assert [asked["at_door"] for asked in event["questions"]] == [True]
    known = [{name: asked[name] for name in ("id", "label", "type")} for asked in event["questions"]]
    path = f"/api/events/{event['id']}/"
    assert desk.patch(path, {"questions": known}).json()["questions"] == event["questions"]
    taken_back = desk.patch(path, {"questions": [{**known[0], "at_door": False}]}).json()["questions"]
    assert taken_back == [{**event["questions"][0], "at_door": False}]
    assert Question.objects.get().version == 1


@pytest.mark.parametrize("sent", [{}, {"type": "text"}, {"label": "Why?"}, {"label": "Why?", "type": None}])
def test_a_new_question_needs_its_words_and_its_type_in_a_patch_too(desk: APIClient, sent: dict[str, Any]) -> None:
    event = create(desk, ASKED)
    answer = desk.patch(f"/api/events/{event['id']}/", {"questions": [sent]})
    assert answer.status_code == 400
    assert desk.get(f"/api/events/{event['id']}/").json()["questions"] == event["questions"]


def test_questions_of_another_event_are_copied_with_a_new_one_and_not_taken(desk: APIClient) -> None:
    event = create(desk, ASKED)
    copy = create(desk, event["questions"])
    assert {asked["id"] for asked in copy["questions"]}.isdisjoint({asked["id"] for asked in event["questions"]})
    assert copy["questions"][1]["condition"]["question"] == copy["questions"][0]["id"]
    other = create(desk, [])
    assert faults(desk.patch(f"/api/events/{other['id']}/", {"questions": event["questions"][:1]})) == [
        ("/questions/0/id", "does_not_exist")
    ]


def test_a_question_on_which_another_depends_is_not_left_out_by_mistake(desk: APIClient) -> None:
    event = create(desk, ASKED)
    second = {name: event["questions"][1][name] for name in ("id", "label", "type")}
    path = f"/api/events/{event['id']}/"
    assert faults(desk.patch(path, {"questions": [second]})) == [("/questions/0/condition", "does_not_exist")]
    freed = desk.patch(path, {"questions": [{**second, "condition": None}]}).json()["questions"]
    assert [asked["condition"] for asked in freed] == [None]


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        ({"type": "text"}, ("/questions/0/label", "required")),
        ({"label": " ", "type": "text"}, ("/questions/0/label", "blank")),
        ({"label": "x" * 501, "type": "text"}, ("/questions/0/label", "max_length")),
        ({"label": "?", "type": "song"}, ("/questions/0/type", "invalid_choice")),
        ({"label": "?", "type": "choice"}, ("/questions/0/choices", "required")),
        ({"label": "?", "type": "choice", "choices": "ab"}, ("/questions/0/choices", "not_a_list")),
        ({"label": "?", "type": "choice", "choices": ["a", "a"]}, ("/questions/0/choices", "duplicate")),
        ({"label": "?", "type": "file", "at_door": True}, ("/questions/0/at_door", "invalid")),
        ({"label": "?", "type": "text", "condition": {}}, ("/questions/0/condition", "invalid")),
        ({"label": "?", "type": "text", "condition": {"in": ["a"]}}, ("/questions/0/condition", "invalid")),
        (
            {"label": "?", "type": "text", "condition": {"question": 0, "in": ["a"]}},
            ("/questions/0/condition", "not_before"),
        ),
        (
            {"label": "?", "type": "text", "condition": {"question": -1, "in": ["a"]}},
            ("/questions/0/condition", "not_before"),
        ),
        (
            {"label": "?", "type": "text", "condition": {"question": str(new_id()), "in": ["a"]}},
            ("/questions/0/condition", "does_not_exist"),
        ),
        (
            {"label": "?", "type": "text", "condition": {"question": True, "in": ["a"]}},
            ("/questions/0/condition", "does_not_exist"),
        ),
        (
            {"label": "?", "type": "text", "condition": {"attendance_type": "asleep"}},
            ("/questions/0/condition/attendance_type", "invalid_choice"),
        ),
    ],
)
def test_what_is_no_question_is_refused_where_it_stands(
    desk: APIClient, question: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert faults(desk.post("/api/events/", {**EVENT, "questions": [question]})) == [fault]
    assert not Event.objects.exists()


def test_an_event_is_shown_by_as_many_queries_whatever_it_asks(desk: APIClient, api: APIClient) -> None:
    def asked(number: int) -> int:
        event = create(desk, [ASKED[0]] * number)
        with CaptureQueriesContext(connection) as queries:
            assert len(api.get(f"/api/events/{event['id']}/").json()["questions"]) == number
        return len(queries)

    assert asked(1) == asked(20)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    # What JSON can hold in UTF-8.
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_patient = hypothesis_settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


@_patient
@given(
    sent=_json
    | st.lists(
        st.fixed_dictionaries(
            {"label": st.just("?"), "type": st.sampled_from(Question.Type.values)},
            optional={
                "choices": _json,
                "condition": _json,
                "id": _json,
                "required": _json,
                "help_text": _json,
                "at_door": _json,
            },
        ),
        max_size=3,
    )
)
def test_whatever_is_sent_as_questions_is_written_or_refused(desk: APIClient, sent: Any) -> None:
    assert desk.post("/api/events/", {**EVENT, "questions": sent}).status_code in {201, 400}


# --- Answers -----------------------------------------------------------------------------------------------------


def test_a_guest_answers_and_the_holder_and_the_team_see_it(desk: APIClient, api: APIClient) -> None:
    event = create(desk, ASKED)
    size, why = (asked["id"] for asked in event["questions"])
    answers = {size: "S", why: " Because "}
    made = api.post("/api/registrations/", {**GUEST, "event": event["id"], "answers": answers})
    assert (made.status_code, made.json()["answers"]) == (201, {size: "S", why: "Because"})
    path = f"/api/registrations/{made.json()['id']}/"
    assert desk.get(path).json()["answers"] == made.json()["answers"]
    assert api.get(path).status_code == 404


def test_what_is_wrong_with_answers_is_said_by_question(desk: APIClient, api: APIClient) -> None:
    event = create(desk, ASKED)
    size, why = (asked["id"] for asked in event["questions"])
    for answers, expected in (
        ({}, [(f"/answers/{size}", "required")]),
        ({size: "L"}, [(f"/answers/{size}", "not_a_choice")]),
        ({size: "S", why: "x" * 501}, [(f"/answers/{why}", "too_long")]),
        ({size: "S", "shoe": 1}, [("/answers/shoe", "unknown_question")]),
        ([size], [("/answers", "not_a_dict")]),
        (None, [("/answers", "null")]),
    ):
        sent = {**GUEST, "event": event["id"], "answers": answers}
        assert faults(api.post("/api/registrations/", sent)) == expected
    assert not Registration.objects.exists()


def test_the_holder_changes_one_answer(desk: APIClient, api: APIClient) -> None:
    event = create(desk, ASKED)
    size, why = (asked["id"] for asked in event["questions"])
    held = make.confirmed(Event.objects.get(), answers={size: "S", why: "Fun"})
    path = f"/api/registrations/{held.pk}/"
    changed = api.patch(path, {"answers": {why: "Work"}}, headers={"X-Registration-Token": held.manage_token})
    assert (changed.status_code, changed.json()["answers"]) == (200, {size: "S", why: "Work"})
    assert api.patch(path, {"answers": {why: "Mine"}}).status_code == 404
    assert desk.patch(path, {"answers": {size: "M"}}).json()["answers"] == {size: "M"}


def test_who_enrolls_is_asked_the_same(desk: APIClient) -> None:
    event = create(desk, ASKED)
    size, why = (asked["id"] for asked in event["questions"])
    seeker = make.client(make.user(role=Role.SEEKER))
    path = f"/api/events/{event['id']}/enroll/"
    assert faults(seeker.post(path, {})) == [(f"/answers/{size}", "required")]
    assert not Registration.objects.exists()
    enrolled = seeker.post(path, {"answers": {size: "S", why: "Fun"}})
    assert (enrolled.status_code, enrolled.json()["answers"]) == (201, {size: "S", why: "Fun"})
    assert seeker.get("/api/me/enrollments/upcoming/").json()["results"][0]["answers"] == {size: "S", why: "Fun"}


def test_who_enrolls_sends_a_file_and_has_it_back_by_their_account(owner: User) -> None:
    event, (passport,) = make.asking(PASSPORT, owner=owner)
    seeker = make.client(make.user(role=Role.SEEKER))
    upload = send(seeker, event).json()["id"]
    enrolled = seeker.post(f"/api/events/{event.pk}/enroll/", {"answers": {str(passport.key): upload}}).json()
    path = f"/api/registrations/{enrolled['id']}/files/{upload}/"
    assert (seeker.get(path).content, make.client().get(path).status_code) == (PDF, 404)


@_patient
@given(sent=_json | st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e", "f", "g", "h"]), _json, min_size=1))
@pytest.mark.long
def test_whatever_is_sent_as_answers_is_kept_or_refused(desk: APIClient, api: APIClient, sent: Any) -> None:
    event = Event.objects.first()
    if event is None:
        kinds = [{"label": kind, "type": kind, "choices": ["a", "b"]} for kind in Question.Type.values]
        event = Event.objects.get(pk=create(desk, kinds)["id"])
    ids = dict(zip("abcdefgh", (str(asked.key) for asked in Question.objects.asked_at(event.pk)), strict=True))
    answers = {ids.get(name, name): value for name, value in sent.items()} if isinstance(sent, dict) else sent
    made = api.post("/api/registrations/", {**GUEST, "event": str(event.pk), "answers": answers})
    assert made.status_code in {201, 400}
    held = make.confirmed(event)
    key = {"X-Registration-Token": held.manage_token}
    assert api.patch(f"/api/registrations/{held.pk}/", {"answers": answers}, headers=key).status_code in {200, 400}


# --- Files -------------------------------------------------------------------------------------------------------


def send(client: APIClient, event: Event, content: bytes = PDF, name: str = "passport.pdf", key: str = "") -> Any:
    file = SimpleUploadedFile(name, content, "text/html")
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/api/events/{event.pk}/uploads/", {"file": file}, format="multipart", headers=headers)


def test_a_file_is_sent_and_answered_with_and_downloaded_by_its_holder_and_the_team(
    api: APIClient, desk: APIClient, owner: User
) -> None:
    event, (passport,) = make.asking(PASSPORT, owner=owner)
    sent = send(api, event, name="Jos\u00e9.html")
    assert (sent.status_code, sent.json()) == (
        201,
        {"id": str(Upload.objects.get().pk), "name": "Jos\u00e9.html.pdf", "size": len(PDF)},
    )
    answers = {str(passport.key): sent.json()["id"]}
    made = api.post("/api/registrations/", {**GUEST, "event": str(event.pk), "answers": answers}).json()
    held = Registration.objects.get()
    path = f"/api/registrations/{made['id']}/files/{sent.json()['id']}/"
    for file in (desk.get(path), api.get(path, headers={"X-Registration-Token": held.manage_token})):
        assert (file.status_code, file.content) == (200, PDF)
        assert file["Content-Type"] == "application/octet-stream"
        assert file["Content-Disposition"] == "attachment; filename*=utf-8''Jos%C3%A9.html.pdf"
        assert file["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert file["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in file["Cache-Control"]


def test_a_strangers_file_is_not_there(api: APIClient, owner: User) -> None:
    event, (passport,) = make.asking(PASSPORT, owner=owner)
    ids = [send(api, event).json()["id"] for _ in range(3)]
    mine, theirs = (make.confirmed(event, answers={str(passport.key): each}) for each in ids[:2])
    key = {"X-Registration-Token": mine.manage_token}
    assert api.get(f"/api/registrations/{mine.pk}/files/{ids[0]}/").status_code == 404
    assert api.get(f"/api/registrations/{mine.pk}/files/{ids[0]}/", headers=key).status_code == 200
    for other in (*ids[1:], new_id()):
        assert api.get(f"/api/registrations/{mine.pk}/files/{other}/", headers=key).status_code == 404
    assert api.get(f"/api/registrations/{theirs.pk}/files/{ids[0]}/", headers=key).status_code == 404
    assert make.client(make.user()).get(f"/api/registrations/{mine.pk}/files/{ids[0]}/").status_code == 404


def test_a_file_we_do_not_take_is_said_to_be_one(api: APIClient) -> None:
    event, _questions = make.asking(PASSPORT)
    wrong = send(api, event, b"MZ\x90\0" + b"\0" * 30)
    assert (wrong.status_code, wrong.json()["code"]) == (415, "unsupported_type")
    large = send(api, event, PDF + b" " * (10 * 1024**2))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert faults(send(api, event, b"")) == [("/file", "empty")]
    nothing = api.post(f"/api/events/{event.pk}/uploads/", {}, format="multipart")
    assert faults(nothing) == [("/file", "required")]
    assert api.post(f"/api/events/{event.pk}/uploads/", {"file": "text"}, format="json").status_code == 415
    assert not Upload.objects.exists()


def test_what_is_announced_as_too_large_is_not_even_read(api: APIClient) -> None:
    event, _questions = make.asking(PASSPORT)
    for path, length in ((f"/api/events/{event.pk}/uploads/", 11 * 1024**2), ("/login/", 65 * 1024**2)):
        answer = api.generic("POST", path, "", "multipart/form-data; boundary=x", CONTENT_LENGTH=str(length))
        assert answer.status_code == 413


def test_an_event_that_asks_for_no_file_takes_none(api: APIClient) -> None:
    refused = send(api, make.event())
    assert (refused.status_code, refused.json()["code"]) == (409, "no_file_asked")
    hidden, _questions = make.asking(PASSPORT, status="draft")
    assert send(api, hidden).status_code == 404


def test_an_upload_sent_twice_with_one_key_is_one(api: APIClient) -> None:
    event, _questions = make.asking(PASSPORT)
    first, again = (send(api, event, key="one") for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = send(api, event, PDF + b"%", key="one")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert Upload.objects.count() == 1


def test_how_often_a_network_sends_files_is_limited(api: APIClient, settings: Settings) -> None:
    settings.THROTTLES = settings.THROTTLES | {"upload": windows("2/hour")}
    event, _questions = make.asking(PASSPORT)
    assert [send(api, event).status_code for _ in range(3)] == [201, 201, 429]


def test_under_attack_files_are_as_few_as_registrations(api: APIClient, settings: Settings) -> None:
    settings.THROTTLES = settings.THROTTLES | {"attack": windows("1/hour")}
    event, _questions = make.asking(PASSPORT)
    desk = make.client(make.staff(), second_factor=True)
    assert desk.put(f"/api/events/{event.pk}/attack-mode/", {"mode": "on"}).status_code == 200
    assert [send(api, event).status_code for _ in range(2)] == [201, 429]
