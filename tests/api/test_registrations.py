import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import RequestFactory
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from tests.support import make
from turnout.api.parsers import StrictJSONParser
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry, IdempotentRequest
from turnout.events.actions import Parts
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


def body(event: Event, **fields: Any) -> dict[str, Any]:
    person = {"full_name": "Amina B.", "email": "amina@example.org", "attendance_type": "on_site"}
    return {"workshop": str(event.id), **person, **fields}


def with_key(registration: Registration) -> dict[str, str]:
    return {"X-Registration-Token": registration.manage_token}


def test_a_guest_registers_and_is_asked_to_confirm(api: APIClient) -> None:
    event = make.event(capacity=3)
    answer = api.post("/api/registrations/", body(event, phone="+213 (555) 12-34-56"))
    assert answer.status_code == 201
    shown = answer.json()
    assert {name: shown[name] for name in ("status", "event", "full_name", "email", "phone", "ticket", "position")} == {
        "status": "pending",
        "event": str(event.id),
        "full_name": "Amina B.",
        "email": "amina@example.org",
        "phone": "+213555123456",
        "ticket": None,
        "position": None,
    }
    assert "manage_token" not in shown
    assert list(Message.objects.values_list("kind", "recipient")) == [("registration.confirm", "amina@example.org")]


def test_workshop_and_event_are_two_names_of_one_thing(api: APIClient) -> None:
    sent = body(make.event())
    sent["event"] = sent.pop("workshop")
    assert api.post("/api/registrations/", sent).status_code == 201


def test_every_post_is_a_registration_of_its_own_and_tells_nothing(api: APIClient) -> None:
    event = make.event()
    known = make.confirmed(event, "amina")
    answers = [
        api.post("/api/registrations/", body(event, email=email)).json() for email in (known.email, "n@example.org")
    ]
    assert [set(answer) for answer in answers] == [set(answers[0])] * 2
    assert {answer["status"] for answer in answers} == {"pending"}
    assert len({known.id, *(answer["id"] for answer in answers)}) == 3


def test_what_is_not_asked_for_is_never_written(api: APIClient) -> None:
    sent = body(make.event(), status="confirmed", ticket_id=str(new_id()), active_key="x", place=1, id=str(new_id()))
    answer = api.post("/api/registrations/", sent).json()
    assert answer["id"] != sent["id"]
    row = Registration.objects.get(pk=answer["id"])
    assert (row.status, row.ticket_id, row.active_key, row.place) == ("pending", None, None, None)


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"email": "nobody"}, "/email", "invalid"),
        ({"email": "a@b"}, "/email", "invalid"),
        ({"email": ""}, "/email", "blank"),
        ({"email": "a" * 10_000 + "@example.org"}, "/email", "invalid"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "/email", "invalid"),
        ({"email": ["a@example.org"]}, "/email", "invalid"),
        ({"email": None}, "/email", "null"),
        ({"full_name": ""}, "/full_name", "blank"),
        ({"full_name": "  "}, "/full_name", "blank"),
        ({"full_name": "a" * 201}, "/full_name", "max_length"),
        ({"full_name": "a\r\nb"}, "/full_name", "invalid"),
        ({"full_name": {"a": 1}}, "/full_name", "invalid"),
        ({"phone": "call me"}, "/phone", "invalid"),
        ({"phone": "+1"}, "/phone", "invalid"),
        ({"phone": "1" * 300}, "/phone", "invalid"),
        ({"phone": "+213555123456" * 100}, "/phone", "invalid"),
        ({"attendance_type": "asleep"}, "/attendance_type", "invalid_choice"),
        ({"attendance_type": None}, "/attendance_type", "null"),
        ({"attendance_type": []}, "/attendance_type", "invalid_choice"),
        ({"workshop": "1"}, "/workshop", "invalid"),
        ({"workshop": 2**63}, "/workshop", "does_not_exist"),
        ({"workshop": 2**200}, "/workshop", "invalid"),
        ({"workshop": {"id": 1}}, "/workshop", "invalid"),
        ({"workshop": "00000000-0000-0000-0000-000000000000"}, "/workshop", "does_not_exist"),
    ],
)
def test_a_fault_is_named_where_it_is_and_nothing_is_written(
    api: APIClient, fields: dict[str, Any], pointer: str, code: str
) -> None:
    answer = api.post("/api/registrations/", body(make.event(), **fields))
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]
    assert Registration.objects.count() == Message.objects.count() == 0


def test_all_faults_are_named_at_once(api: APIClient) -> None:
    answer = api.post("/api/registrations/", {}).json()
    assert [(fault["pointer"], fault["code"]) for fault in answer["errors"]] == [
        ("/full_name", "required"),
        ("/email", "required"),
        ("/attendance_type", "required"),
    ]


def test_without_an_event_the_workshop_is_missed(api: APIClient) -> None:
    sent = body(make.event())
    del sent["workshop"]
    faults = api.post("/api/registrations/", sent).json()["errors"]
    assert [(fault["pointer"], fault["code"]) for fault in faults] == [("/workshop", "required")]


def test_a_draft_is_as_unknown_as_no_event(api: APIClient) -> None:
    answers = [
        api.post("/api/registrations/", body(event)).json()["errors"]
        for event in (make.event(status="draft"), Event(id=new_id()))
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("phone", ["0555 12 34 56", "+213 555 12 34 56", "", "(0555) 12.34.56"])
def test_phones_are_taken_as_people_write_them(api: APIClient, phone: str) -> None:
    assert api.post("/api/registrations/", body(make.event(), phone=phone)).status_code == 201


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "parse_error"),
        (b"", 400, "invalid"),
        (b"[]", 400, "parse_error"),
        (b"null", 400, "parse_error"),
        (b'"x"', 400, "parse_error"),
        (b"{\xff}", 400, "parse_error"),
        (b"[" * 100_000, 400, "parse_error"),
        (b'{"a":' * 50_000, 400, "parse_error"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400, "parse_error"),
        (b'{"full_name": NaN}', 400, "parse_error"),
        (b'{"a": ' + b"9" * 5000 + b"}", 400, "parse_error"),
        (b'{"full_name": "a\\u0000b"}', 400, "nul_character"),
        (b'{"a\\u0000": 1}', 400, "nul_character"),
        (b'{"full_name": "\\ud800"}', 400, "parse_error"),
        (b'{"a": "' + b"x" * 1_100_000 + b'"}', 413, "too_large"),
    ],
)
@pytest.mark.parametrize("path", ["/api/registrations/", "/api/registrations/confirm-email/"])
def test_what_is_no_sound_json_is_refused(api: APIClient, path: str, raw: bytes, status: int, code: str) -> None:
    answer = api.post(path, raw, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_read(api: APIClient, media_type: str) -> None:
    answer = api.generic("POST", "/api/registrations/", "full_name=x", content_type=media_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_body_shorter_than_it_says_is_refused(rf: RequestFactory) -> None:
    request = rf.post("/api/registrations/", CONTENT_LENGTH="4")
    assert StrictJSONParser().parse(io.BytesIO(b"{  }"), parser_context={"request": request}) == {}
    with pytest.raises(ParseError):
        StrictJSONParser().parse(io.BytesIO(b"{}"), parser_context={"request": request})


def test_a_body_that_does_not_say_its_length_is_refused(api: APIClient) -> None:
    answer = api.generic("POST", "/api/registrations/", "", headers={"Transfer-Encoding": "chunked"})
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_two_events_at_once_are_a_contradiction(api: APIClient) -> None:
    answer = api.post("/api/registrations/", body(make.event()) | {"event": str(make.event().id)})
    assert [fault["code"] for fault in answer.json()["errors"]] == ["contradicts"]


@pytest.mark.parametrize("path", ["/api/events/?q=a%00b", "/api/events/%00/", "/%00"])
def test_nul_characters_in_an_address_are_refused(api: APIClient, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, "nul_character")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "", "nonsense"])
def test_json_is_answered_whatever_is_asked_for(api: APIClient, accept: str) -> None:
    answer = api.get("/api/events/?format=xml", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_an_event_in_the_past_takes_nobody(api: APIClient) -> None:
    answer = api.post("/api/registrations/", body(make.event(starts_at=now() - timedelta(days=2))))
    assert (answer.status_code, answer.json()["code"]) == (409, "registration_closed")


def test_confirming_answers_the_ticket_and_the_key_to_it(api: APIClient) -> None:
    event = make.event(capacity=1, online_url="https://meet.example.org/x")
    registration = make.pending(event, attendance_type="online")
    first = api.post("/api/registrations/confirm-email/", {"token": registration.confirmation_token})
    second = api.post("/api/registrations/confirm-email/", {"token": registration.confirmation_token})
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    shown = first.json()
    assert (shown["id"], shown["status"], shown["position"]) == (str(registration.id), "confirmed", None)
    assert shown["online_url"] == "https://meet.example.org/x"
    seen = api.get(f"/api/registrations/{registration.id}/", headers={"X-Registration-Token": shown["manage_token"]})
    del shown["manage_token"]
    assert seen.json() == shown


def test_who_finds_no_seat_is_told_their_place(api: APIClient) -> None:
    event = make.event(capacity=1, online_url="https://meet.example.org/x")
    make.confirmed(event)
    answers = [
        api.post("/api/registrations/confirm-email/", {"token": make.pending(event).confirmation_token}).json()
        for _ in range(2)
    ]
    assert [(answer["status"], answer["position"], answer["ticket"], answer["online_url"]) for answer in answers] == [
        ("waitlisted", 1, None, None),
        ("waitlisted", 2, None, None),
    ]


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("x", 400, "token_invalid"),
        ("", 400, "invalid"),
        ("é" * 100, 400, "token_invalid"),
        ("x" * 10_000, 400, "invalid"),
        (None, 400, "invalid"),
        (7, 400, "token_invalid"),
        (["x"], 400, "invalid"),
    ],
)
def test_a_token_that_is_none_confirms_nothing(api: APIClient, token: object, status: int, code: str) -> None:
    answer = api.post("/api/registrations/confirm-email/", {"token": token})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_token_altered_or_of_another_person_confirms_nothing(api: APIClient) -> None:
    one, other = make.pending(make.event()), make.pending(make.event())
    mixed = one.confirmation_token.split(".")[0] + "." + other.confirmation_token.split(".")[1]
    for token in (one.confirmation_token[:-2] + "xx", mixed, one.manage_token, one.confirmation_token.swapcase()):
        answer = api.post("/api/registrations/confirm-email/", {"token": token})
        assert (answer.status_code, answer.json()["code"]) == (400, "token_invalid")
    assert set(Registration.objects.values_list("status", flat=True)) == {"pending"}


def test_an_old_token_is_gone(api: APIClient) -> None:
    registration = make.pending(make.event(starts_at=now() + timedelta(days=30)))
    with time_machine.travel(now() + timedelta(days=8)):
        answer = api.post("/api/registrations/confirm-email/", {"token": registration.confirmation_token})
    assert (answer.status_code, answer.json()["code"]) == (410, "token_expired")


class TestWhoMaySeeARegistration:
    """Its holder by the key, and staff; to everybody else it is not there."""

    CALLS: tuple[tuple[str, str], ...] = (
        ("get", ""),
        ("patch", ""),
        ("post", "cancel/"),
        ("get", "ticket/"),
        ("get", "ticket.svg"),
        ("get", "ticket.png"),
        ("get", "ticket.pdf"),
    )

    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_the_holder(self, api: APIClient, method: str, path: str) -> None:
        mine = make.confirmed(make.event())
        call = getattr(api, method)
        assert call(f"/api/registrations/{mine.id}/{path}", headers=with_key(mine)).status_code == 200

    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_staff(self, api: APIClient, method: str, path: str) -> None:
        registration = make.confirmed(make.event())
        api.force_authenticate(make.staff())
        assert getattr(api, method)(f"/api/registrations/{registration.id}/{path}").status_code == 200

    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_staff_without_a_second_factor_are_strangers(self, api: APIClient, method: str, path: str) -> None:
        registration = make.confirmed(make.event())
        user = make.staff()
        user.is_verified = lambda: False  # type: ignore[attr-defined]  # what django-otp's middleware would say
        api.force_authenticate(user)
        assert getattr(api, method)(f"/api/registrations/{registration.id}/{path}").status_code == 404

    def test_what_staff_do_is_written_down_as_theirs(self, api: APIClient) -> None:
        registration = make.confirmed(make.event())
        user = make.staff()
        api.force_authenticate(user)
        api.post(f"/api/registrations/{registration.id}/cancel/")
        assert AuditEntry.objects.get(verb="registration.cancelled").actor == f"user:{user.pk}"

    @pytest.mark.parametrize("path", ["", "ticket/", "ticket.svg"])
    def test_an_answer_keeps_the_key_in_its_address_to_itself(self, api: APIClient, path: str) -> None:
        mine = make.confirmed(make.event())
        for call in (api.get, api.head):
            answer = call(f"/api/registrations/{mine.id}/{path}?token={mine.manage_token}")
            assert (answer.status_code, answer["Referrer-Policy"]) == (200, "no-referrer")
            assert "no-store" in answer["Cache-Control"]

    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_a_stranger_and_another_holder_see_what_they_see_of_nothing(
        self, api: APIClient, method: str, path: str
    ) -> None:
        event = make.event()
        registration, other = make.confirmed(event), make.confirmed(event)
        call = getattr(api, method)
        answers = [
            call(f"/api/registrations/{registration.id}/{path}"),
            call(f"/api/registrations/{registration.id}/{path}", headers=with_key(other)),
            call(f"/api/registrations/{registration.id}/{path}", headers={"X-Registration-Token": "é\u00ff"}),
            call(f"/api/registrations/{registration.id}/{path}", headers={"X-Registration-Token": ""}),
            call(f"/api/registrations/{new_id()}/{path}", headers=with_key(registration)),
        ]
        assert [answer.status_code for answer in answers] == [404] * 5
        bodies = [answer.json() for answer in answers]
        assert {body.pop("request_id") for body in bodies}
        assert bodies == [bodies[0]] * 5
        registration.refresh_from_db()
        assert registration.status == "confirmed"

    def test_a_key_in_the_address_only_reads(self, api: APIClient) -> None:
        mine = make.confirmed(make.event())
        assert api.get(f"/api/registrations/{mine.id}/?token={mine.manage_token}").status_code == 200
        assert api.post(f"/api/registrations/{mine.id}/cancel/?token={mine.manage_token}").status_code == 404
        assert api.post(f"/api/registrations/{mine.id}/cancel/", {"token": mine.manage_token}).status_code == 200

    def test_a_key_of_an_older_version_is_void(self, api: APIClient) -> None:
        mine = make.confirmed(make.event())
        old = with_key(mine)
        Registration.objects.filter(pk=mine.pk).update(key_version=2)
        assert api.get(f"/api/registrations/{mine.id}/", headers=old).status_code == 404


def test_the_holder_changes_name_phone_and_attendance_and_nothing_else(api: APIClient) -> None:
    mine = make.confirmed(make.event())
    sent = {"full_name": "New", "phone": "+33612345678", "attendance_type": "online", "status": "x", "email": "e@x.org"}
    shown = api.patch(f"/api/registrations/{mine.id}/", sent, headers=with_key(mine)).json()
    assert [shown[name] for name in sent] == ["New", "+33612345678", "online", "confirmed", mine.email]
    assert api.patch(f"/api/registrations/{mine.id}/", {}, headers=with_key(mine)).json() == shown


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"full_name": ""}, "/full_name"), ({"phone": "x"}, "/phone"), ({"attendance_type": "x"}, "/attendance_type")],
)
def test_a_change_is_checked_as_a_registration_is(api: APIClient, fields: dict[str, str], pointer: str) -> None:
    mine = make.confirmed(make.event())
    answer = api.patch(f"/api/registrations/{mine.id}/", fields, headers=with_key(mine))
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_a_switch_to_where_no_seat_is_left_is_a_conflict(api: APIClient) -> None:
    event = make.event(by_type={"on_site": 5, "online": 1})
    make.confirmed(event, attendance_type="online")
    mine = make.confirmed(event)
    answer = api.patch(f"/api/registrations/{mine.id}/", {"attendance_type": "online"}, headers=with_key(mine))
    assert (answer.status_code, answer.json()["code"]) == (409, "event_full")


def test_cancelling_answers_the_same_however_often(api: APIClient) -> None:
    mine = make.confirmed(make.event())
    answers = [api.post(f"/api/registrations/{mine.id}/cancel/", headers=with_key(mine)) for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "cancelled")] * 2


@pytest.mark.parametrize("path", ["ticket/", "ticket.svg", "ticket.png", "ticket.pdf"])
def test_who_holds_no_seat_has_no_ticket(api: APIClient, path: str) -> None:
    event = make.event(capacity=1)
    make.confirmed(event)
    for without in (make.pending(event), make.confirmed(event)):
        answer = api.get(f"/api/registrations/{without.id}/{path}", headers=with_key(without))
        assert (answer.status_code, answer.json()["code"]) == (409, "not_confirmed")


@pytest.mark.parametrize("path", ["ticket.exe", "ticket.", "ticket.pdf/"])
def test_a_ticket_has_three_forms(api: APIClient, path: str) -> None:
    mine = make.confirmed(make.event())
    assert api.get(f"/api/registrations/{mine.id}/{path}", headers=with_key(mine)).status_code == 404


class TestIdempotency:
    """The same request twice is one deed."""

    @pytest.fixture
    def post(self, api: APIClient) -> Callable[..., Any]:
        def send(event: Event, key: str = "k-1", header: str = "Idempotency-Key", **fields: Any) -> Any:
            return api.post("/api/registrations/", body(event, **fields), headers={header: key})

        return send

    def test_same_key_and_body_same_answer_and_one_deed(self, post: Callable[..., Any]) -> None:
        event = make.event()
        answers = [post(event), post(event), post(event, header="X-Idempotency-Key")]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert answers[0].json() == answers[1].json() == answers[2].json()
        assert Registration.objects.count() == Message.objects.count() == 1

    def test_the_order_of_fields_makes_no_other_body(self, api: APIClient) -> None:
        sent = body(make.event())
        turned = json.dumps(dict(reversed(list(sent.items()))))
        api.post("/api/registrations/", sent, headers={"Idempotency-Key": "k-1"})
        headers = {"Idempotency-Key": "k-1"}
        answer = api.generic("POST", "/api/registrations/", turned, "application/json", headers=headers)
        assert (answer.status_code, Registration.objects.count()) == (201, 1)

    def test_another_body_is_a_conflict(self, post: Callable[..., Any]) -> None:
        event = make.event()
        post(event)
        answer = post(event, full_name="Other")
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
        assert Registration.objects.count() == 1

    def test_another_key_is_another_deed(self, post: Callable[..., Any]) -> None:
        event = make.event()
        post(event, "k-1")
        post(event, "k-2")
        assert Registration.objects.count() == 2

    def test_a_failed_request_may_be_mended_under_its_key(self, post: Callable[..., Any]) -> None:
        event = make.event()
        assert post(event, email="nobody").status_code == 400
        assert IdempotentRequest.objects.count() == 0
        assert post(event).status_code == 201

    def test_while_it_is_under_way_it_is_a_conflict_until_its_holder_must_be_dead(
        self, post: Callable[..., Any]
    ) -> None:
        event = make.event()
        post(event)
        IdempotentRequest.objects.update(status=None, reply=None)
        answer = post(event)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
        with time_machine.travel(now() + timedelta(seconds=61)):
            assert post(event).status_code == 201

    def test_after_a_day_the_key_is_free(self, post: Callable[..., Any]) -> None:
        event = make.event(starts_at=now() + timedelta(days=9))
        first = post(event).json()["id"]
        with time_machine.travel(now() + timedelta(hours=25)):
            assert post(event, full_name="Other").json()["id"] != first

    @pytest.mark.parametrize("key", ["x" * 256, "a\tb", "\u00e9\u0085"])
    def test_a_key_is_short_and_printable(self, post: Callable[..., Any], key: str) -> None:
        assert post(make.event(), key).status_code == 400
        assert Registration.objects.count() == 0

    def test_no_stored_answer_holds_a_secret(self, post: Callable[..., Any]) -> None:
        post(make.event())
        registration = Registration.objects.get()
        stored = json.dumps(IdempotentRequest.objects.get().reply)
        assert registration.manage_token not in stored
        assert registration.confirmation_token not in stored


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_address_that_is_none_is_a_404_whatever_is_done_with_it(method: str) -> None:
    answer = getattr(APIClient(SERVER_NAME="localhost", enforce_csrf_checks=True), method)(
        "/api/registrations//cancel/"
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_request_is_named_in_its_answer(api: APIClient) -> None:
    named = api.get("/api/nothing/", headers={"X-Request-ID": "mobile-app.42_x"})
    assert named["X-Request-ID"] == named.json()["request_id"] == "mobile-app.42_x"
    for odd in ("short", "x" * 65, "a b c d e f g", "<script>alert</script>"):
        assert api.get("/api/health/", headers={"X-Request-ID": odd})["X-Request-ID"] != odd


@pytest.mark.parametrize(
    ("accepted", "spoken", "written"),
    [("fr", ["ar"], "fr"), ("de", ["ar", "fr"], "ar"), ("", ["fr-be"], "fr"), ("de", ["de"], "en")],
)
def test_a_guest_is_written_to_in_their_language_else_in_the_events(
    api: APIClient, accepted: str, spoken: list[str], written: str
) -> None:
    event = make.event(parts=Parts(languages=spoken))
    body = {"event": str(event.id), "full_name": "A", "email": "a@example.org", "attendance_type": "on_site"}
    assert api.post("/api/registrations/", body, headers={"Accept-Language": accepted}).status_code == 201
    assert Registration.objects.get().language == written
