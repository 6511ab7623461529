"""A sheet of people that comes in: all of them are registered, or nobody is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.core.test_sheets import xlsx
from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.models import AuditEntry
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, SeatPool, Series, TeamMember
from turnout.guard.notation import windows
from turnout.notifications.models import Message
from turnout.registrations import sheets
from turnout.registrations.actions import cancel, confirm
from turnout.registrations.actions import sheets as actions
from turnout.registrations.actions.events import remove_event
from turnout.registrations.mails import render
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text

pytestmark = pytest.mark.django_db

Counters = Callable[[Event], dict[str, tuple[int, int]]]


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, capacity=3)


def sheet(*rows: str) -> SimpleUploadedFile:
    text = "\n".join(["full_name,email,attendance_type", *rows])
    return SimpleUploadedFile("people.csv", text.encode(), "text/csv")


def send(event: Event, file: Any, user: User | None = None, **more: Any) -> Any:
    fields = {"file": file, **more.pop("fields", {})}
    path = f"/api/events/{event.pk}/registrations/import/"
    return make.client(user or event.owner).post(path, fields, format="multipart", **more)


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def people(count: int) -> list[str]:
    return [f"Person {number},person{number}@example.org,on_site" for number in range(count)]


def test_everybody_in_the_sheet_has_a_seat_a_ticket_and_a_mail(event: Event, counters: Counters) -> None:
    answer = send(event, sheet("أمل بن علي, Amel@Example.org ,On site", "Zoë,zoe@example.org,online"))
    assert (answer.status_code, answer.json()) == (201, {"imported": 2})
    rows = list(Registration.objects.filter(event=event).order_by("id"))
    assert [(row.full_name, row.email, row.attendance_type, row.status) for row in rows] == [
        ("أمل بن علي", "amel@example.org", "on_site", "confirmed"),
        ("Zoë", "zoe@example.org", "online", "confirmed"),
    ]
    assert all(ticket_text(row).startswith("T1.") and row.confirmed_at for row in rows)
    assert counters(event) == {"": (2, 0)}
    owed = Message.objects.filter(kind="registration.confirmed").order_by("recipient")
    assert [message.recipient for message in owed] == ["amel@example.org", "zoe@example.org"]
    mail = render(owed[0])
    assert mail
    assert mail.subject.startswith("Your ticket")
    verbs = AuditEntry.objects.filter(actor=f"user:{event.owner_id}").values_list("verb", flat=True)
    assert sorted(verbs) == ["event.people_imported", "registration.imported", "registration.imported"]


def test_whoever_asks_for_it_sends_no_mail(event: Event) -> None:
    assert send(event, sheet(*people(2)), fields={"notify": "false"}).status_code == 201
    assert Message.objects.count() == 0


def test_a_workbook_does_as_well(event: Event) -> None:
    book = xlsx(("email", "Seat", "attendance_type", "Full name"), ("a@example.org", 4, "online", "Amel"))
    assert send(event, SimpleUploadedFile("people.xlsx", book)).json() == {"imported": 1}
    assert Registration.objects.get().full_name == "Amel"


def test_what_was_exported_can_be_imported_elsewhere(owner: User, event: Event) -> None:
    make.confirmed(event, full_name="=Amel", email="amel@example.org")
    exported: Any = make.client(owner).get(f"/api/events/{event.pk}/registrations/export/?format=csv")
    file = SimpleUploadedFile("people.csv", b"".join(exported.streaming_content))
    other = make.event(owner=owner)
    assert send(other, file).json() == {"imported": 1}
    assert Registration.objects.get(event=other).full_name == "=Amel"


def test_every_fault_of_every_row_is_told_and_nothing_is_written(event: Event, counters: Counters) -> None:
    make.confirmed(event, "known")
    answer = send(
        event,
        sheet(
            "Fine,fine@example.org,on_site",
            "No address,,on_site",
            "",
            ",nobody,at_home",
            "Twice,FINE@example.org,online",
            "Known,known@example.org,online",
            f"{'x' * 201},long@example.org,on_site",
            "Right\u202eleft,turned@example.org,on_site",
        ),
    )
    assert faults(answer) == [
        ("/rows/2/email", "required"),
        ("/rows/4/full_name", "required"),
        ("/rows/4/email", "invalid"),
        ("/rows/4/attendance_type", "invalid_choice"),
        ("/rows/5/email", "duplicate"),
        ("/rows/6/email", "already_registered"),
        ("/rows/7/full_name", "max_length"),
        ("/rows/8/full_name", "invalid"),
    ]
    assert counters(event) == {"": (1, 0)}
    assert Registration.objects.count() == 1


def test_a_way_to_attend_that_is_not_offered_is_a_fault(owner: User) -> None:
    event = make.event(owner=owner, offers_online=False)
    assert faults(send(event, sheet("A,a@example.org,online"))) == [("/rows/1/attendance_type", "not_offered")]


@pytest.mark.parametrize("status", ["confirmed", "waitlisted", "offered", "in_review"])
def test_who_is_active_in_any_way_is_registered_already(owner: User, status: str) -> None:
    event = make.event(owner=owner, capacity=9)
    known = make.confirmed(event, "known")
    fields = {"place": 1} if status == "waitlisted" else {}
    Registration.objects.filter(pk=known.pk).update(
        status=status,
        **fields,
        **({"offers": 1, "offer_expires_at": event.starts_at} if status == "offered" else {}),
    )
    assert faults(send(event, sheet("Known,known@example.org,online"))) == [("/rows/1/email", "already_registered")]


def test_who_cancelled_or_never_confirmed_is_welcome(event: Event, counters: Counters) -> None:
    cancel(make.confirmed(event, "gone"))
    pending = make.pending(event, "pending")
    rows = ("Gone,gone@example.org,on_site", "Pending,pending@example.org,on_site")
    assert send(event, sheet(*rows)).status_code == 201
    assert counters(event) == {"": (2, 0)}
    # The link that is still in their mail leads to the registration that they have.
    assert confirm(pending.confirmation_token).pk != pending.pk
    assert counters(event) == {"": (2, 0)}


def test_there_are_never_more_people_than_seats(event: Event, counters: Counters) -> None:
    make.confirmed(event)
    answer = send(event, sheet(*people(4)))
    assert (answer.status_code, answer.json()["code"], answer.json()["missing"]) == (409, "event_full", 2)
    assert counters(event) == {"": (1, 0)}
    assert send(event, sheet(*people(2))).status_code == 201
    assert counters(event) == {"": (3, 0)}


def test_seats_are_counted_by_type_and_all_are_taken_or_none(owner: User, counters: Counters) -> None:
    event = make.event(owner=owner, by_type={"on_site": 5, "online": 1})
    rows = ["A,a@example.org,online", "B,b@example.org,online", "C,c@example.org,online"]
    answer = send(event, sheet(*people(2), *rows))
    assert (answer.status_code, answer.json()["missing"]) == (409, 2)
    assert counters(event) == {"on_site": (0, 0), "online": (0, 0)}
    assert send(event, sheet(*people(2), *rows[:1])).status_code == 201
    assert counters(event) == {"on_site": (2, 0), "online": (1, 0)}


def test_whoever_waits_comes_before_who_is_imported(event: Event, counters: Counters) -> None:
    for _ in range(4):
        make.confirmed(event)
    # Seats that came free and are not yet given to the line: no such moment lasts, but a sheet must not use it.
    SeatPool.objects.filter(event=event).update(capacity=5)
    answer = send(event, sheet(*people(2)))
    assert (answer.json()["code"], answer.json()["missing"]) == ("event_full", 1)
    assert counters(event) == {"": (3, 1)}


@pytest.mark.parametrize("state", ["draft", "cancelled", "over"])
def test_nobody_is_imported_where_nothing_takes_place(owner: User, state: str) -> None:
    event = make.event(owner=owner, status="draft" if state == "draft" else "published")
    if state == "cancelled":
        make.confirmed(event)
        remove_event(event)
    if state == "over":
        Event.objects.filter(pk=event.pk).update(starts_at="2020-01-01T10:00Z", ends_at="2020-01-01T11:00Z")
    answer = send(event, sheet(*people(1)))
    assert (answer.status_code, answer.json()["code"]) == (409, "registration_closed")


def test_owner_manager_and_staff_may_and_nobody_else(owner: User, event: Event) -> None:
    manager, scanner, foreign = (make.user(role=Role.SEEKER) for _ in range(3))
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    add_member(make.event(owner=owner), foreign.email, TeamMember.Role.MANAGER)
    statuses = [send(event, sheet(*people(1)), user).status_code for user in (scanner, foreign, make.user(), manager)]
    assert statuses == [403, 403, 403, 201]
    path = f"/api/events/{event.pk}/registrations/import/"
    assert make.client().post(path, {"file": sheet(*people(1))}, format="multipart").status_code == 401
    staff = make.client(make.user(is_staff=True), second_factor=True)
    assert staff.post(path, {"file": sheet("B,b@example.org,online")}, format="multipart").status_code == 201


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"\x89PNG\r\n\x1a\n\0", 415, "unsupported_type"),
        (b"full_name,email\n", 400, "missing_column"),
        (b"full_name,email,attendance_type\n", 400, "empty"),
        (b"", 400, "empty"),
    ],
)
def test_what_is_no_sheet_is_said(event: Event, data: bytes, status: int, code: str) -> None:
    answer = send(event, SimpleUploadedFile("people.csv", data))
    told = answer.json()
    assert (answer.status_code, told["errors"][0]["code"] if status == 400 else told["code"]) == (status, code)


def test_a_form_without_a_file_is_400_and_json_is_415(owner: User, event: Event) -> None:
    path = f"/api/events/{event.pk}/registrations/import/"
    client = make.client(owner)
    answer = client.post(path, {"file": "no file"}, format="multipart")
    assert faults(answer) == [("/file", "invalid")]
    assert client.post(path, {"file": "x"}, format="json").status_code == 415


def test_what_is_too_large_is_413(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    padding = "," + "x" * (11 * 2**20)
    answer = send(event, sheet(f"A,a@example.org,online{padding}"))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    answer = send(event, sheet("A,a@example.org,online," + "x" * (10 * 2**20)))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    monkeypatch.setattr("turnout.api.event_registrations.MOST_ROWS", 2)
    answer = send(event, sheet(*people(3)))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_rows")


def test_the_same_request_twice_is_one_deed_and_another_sheet_is_another_request(event: Event) -> None:
    key: dict[str, Any] = {"headers": {"Idempotency-Key": "one"}}
    first = send(event, sheet(*people(2)), **key)
    assert (first.status_code, send(event, sheet(*people(2)), **key).json()) == (201, first.json())
    assert Registration.objects.count() == 2
    other = send(event, sheet("Other,other@example.org,online"), **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


@pytest.mark.long
def test_five_thousand_people_take_few_statements(owner: User, counters: Counters) -> None:
    event = make.event(owner=owner, capacity=5000)
    client, file = make.client(owner), sheet(*people(5000))
    with CaptureQueriesContext(connection) as asked:
        path = f"/api/events/{event.pk}/registrations/import/"
        answer = client.post(path, {"file": file}, format="multipart")
    assert (answer.status_code, answer.json()) == (201, {"imported": 5000})
    assert counters(event) == {"": (5000, 0)}
    assert Message.objects.count() == 5000
    # On SQLite Django puts at most 999 values into a statement.
    assert len(asked) < (400 if connection.vendor == "sqlite" else 70)


def test_a_limit_per_person_in_a_series_holds_for_sheets_too(owner: User, counters: Counters) -> None:
    series = Series.objects.create(limit_per_person=1)
    first, second = (make.event(owner=owner, series=series) for _ in range(2))
    assert send(first, sheet(*people(2))).status_code == 201
    assert faults(send(second, sheet("B,b@example.org,online", *people(1)))) == [
        ("/rows/2/email", "series_limit_reached")
    ]
    remove_event(first)
    assert send(second, sheet(*people(1))).status_code == 201
    assert counters(second) == {"": (1, 0)}


def test_who_is_imported_when_others_were_asked_whether_they_come_need_not_answer(owner: User) -> None:
    event = make.event(owner=owner, ask_hours=48)
    assert send(event, sheet(*people(1))).status_code == 201
    row = Registration.objects.get()
    assert row.coming_at is not None
    assert row.answer_by is None


# --- Who may send how many mails ---------------------------------------------------------------------------------


def test_a_mailbox_gets_no_more_mails_than_it_may_and_nobody_learns_which(owner: User, settings: Settings) -> None:
    settings.THROTTLE_MAILBOX = windows("2/day")
    event, other = make.event(owner=owner), make.event(owner=owner)
    rows = [f"V,victim+{tag}@example.org,online" for tag in "abcd"]
    assert send(event, sheet(*rows, "B,b@example.org,online")).json() == {"imported": 5}
    owed = Message.objects.filter(kind="registration.confirmed")
    assert sorted(owed.values_list("recipient", flat=True)) == [
        "b@example.org",
        "victim+a@example.org",
        "victim+b@example.org",
    ]
    assert send(other, sheet(*rows[:2])).json() == {"imported": 2}
    assert owed.count() == 3


def test_an_organiser_imports_no_more_than_so_many_thousands_an_hour(
    owner: User, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_THOUSANDS", windows("1/hour"))
    other = make.event(owner=owner)
    assert send(other, sheet(*people(2))).status_code == 201
    assert send(event, sheet(*people(1))).status_code == 429
    assert Registration.objects.filter(event=event).count() == 0


def test_mails_of_a_sheet_go_behind_all_others(event: Event) -> None:
    send(event, sheet(*people(1)))
    make.pending(event)
    urgency = dict(Message.objects.values_list("kind", "urgency"))
    assert urgency["registration.confirm"] < urgency["registration.confirmed"]


def test_the_most_rows_are_as_many_as_the_contract_wants() -> None:
    assert sheets.MOST_ROWS >= 5000
