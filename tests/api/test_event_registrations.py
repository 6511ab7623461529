"""Who is registered, for an event's team: as a list, and as a sheet that goes out."""

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook
from rest_framework.test import APIClient

from tests.support import make
from tests.support.certificates import end, let_in, workshop
from tests.support.certified import by_hand, certified
from turnout.accounts.actions import sessions
from turnout.accounts.models import Role, User
from turnout.api.tokens import tokens_of
from turnout.certificates.actions import revoke
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.actions.questions import QuestionDraft, write_questions
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.events.queries import questions_of
from turnout.privacy.actions import erase
from turnout.registrations.actions import cancel, change, confirm, register
from turnout.registrations.models import Registration
from turnout.reports.presence import Turnout, turnout_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, capacity=2)


def path(event: Event, more: str = "") -> str:
    return f"/api/events/{event.pk}/registrations/{more}"


def listed(event: Event, query: str = "", user: User | None = None) -> list[dict[str, Any]]:
    answer = make.client(user or event.owner).get(path(event, f"?{query}"))
    assert answer.status_code == 200, answer.json()
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def names(event: Event, query: str = "") -> list[str]:
    return [row["full_name"] for row in listed(event, query)]


def content(event: Event, query: str) -> bytes:
    answer: Any = make.client(event.owner).get(path(event, f"export/?{query}"))
    assert answer.status_code == 200, answer.json()
    return b"".join(answer.streaming_content)


def status_of(client: APIClient, url: str) -> int:
    answer: Any = client.get(url)
    list(getattr(answer, "streaming_content", ()))  # whose end closes what is streamed
    status: int = answer.status_code
    return status


def csv_rows(event: Event, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(event, f"format=csv&{query}").decode("utf-8-sig"), newline="")))


def xlsx_rows(event: Event, query: str = "") -> list[dict[str, Any]]:
    """Read with python-calamine: another program than the one that wrote it."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content(event, f"format=xlsx&{query}")))
    head, *rows = book.get_sheet_by_index(0).to_python()
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


# --- The list ----------------------------------------------------------------------------------------------------


def test_the_team_sees_who_is_registered_the_latest_first(event: Event) -> None:
    first = make.confirmed(event, "Amel", phone="+213555123456")
    make.confirmed(event)
    waiting = make.confirmed(event, "Zed", attendance_type="online")
    rows = listed(event)
    assert [row["position"] for row in rows] == [1, None, None]
    waiting.refresh_from_db()
    assert rows[0] == {
        "id": str(waiting.pk),
        "full_name": "Zed",
        "email": "Zed@example.org".lower(),
        "phone": "",
        "status": "waitlisted",
        "attendance_type": "online",
        "position": 1,
        "answers": {},
        "created_at": iso(waiting.created_at),
        "confirmed_at": iso(waiting.confirmed_at),
        "cancelled_at": None,
        "asked_at": None,
        "answer_by": None,
        "coming_at": None,
        "checked_in_at": None,
        "certificate": None,
    }
    assert (rows[2]["id"], rows[2]["phone"]) == (str(first.pk), "+213555123456")


def test_a_row_names_the_certificate_that_stands(event: Event) -> None:
    certificate = certified(event, "amina")
    by_hand(event, "Nadia Rahal")
    make.confirmed(event, "bilal")
    assert {row["full_name"]: row["certificate"] for row in listed(event)} == {
        "Amina": str(certificate.pk),
        "Bilal": None,
    }
    assert [row["certificate"] for row in csv_rows(event) if row["full_name"] == "Amina"] == [str(certificate.pk)]
    assert turnout_of([event])[event.pk] == Turnout(attended=1, certified=1)

    revoke(certificate, "Given to the wrong person.", actor="system")

    assert [row["certificate"] for row in listed(event)] == [None, None]
    assert turnout_of([event])[event.pk] == Turnout(attended=1, certified=0)


def iso(moment: datetime | None) -> str:
    assert moment
    return moment.isoformat().replace("+00:00", "Z")


def test_owner_manager_and_staff_see_it_and_nobody_else_does(owner: User, event: Event) -> None:
    manager, scanner, foreign = (make.user(role=Role.SEEKER) for _ in range(3))
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    add_member(make.event(owner=owner), foreign.email, TeamMember.Role.MANAGER)
    for each in ("", "export/", "export/?format=csv"):
        for user, status in ((owner, 200), (manager, 200), (scanner, 403), (foreign, 403), (make.user(), 403)):
            assert status_of(make.client(user), path(event, each)) == status
        assert status_of(make.client(), path(event, each)) == 401
        assert status_of(make.client(make.user(is_staff=True), second_factor=True), path(event, each)) == 200


def test_only_this_events_people_are_listed_and_exported(owner: User, event: Event) -> None:
    make.confirmed(make.event(owner=owner), "Elsewhere")
    make.confirmed(event, "Here")
    assert names(event) == ["Here"]
    assert [row["full_name"] for row in csv_rows(event)] == ["Here"]


@pytest.fixture
def crowd(event: Event) -> None:
    make.confirmed(event, full_name="José Núñez", email="jn@example.org")
    make.confirmed(event, full_name="أمل بن علي", email="amel@example.dz", attendance_type="online")
    make.confirmed(event, full_name="Zoë Straße", email="zoe_100%@example.org", attendance_type="online")
    make.confirmed(event, full_name="Anna José", email="anna@example.org")
    make.pending(event, full_name="Pen Ding", email="pending@example.org")
    cancel(make.confirmed(event, full_name="Can Celled", email="c@example.org"))


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=confirmed", ["أمل بن علي", "José Núñez"]),
        ("status=waitlisted,cancelled", ["Can Celled", "Anna José", "Zoë Straße"]),
        ("attendance_type=online", ["Zoë Straße", "أمل بن علي"]),
        ("status=waitlisted&attendance_type=online", ["Zoë Straße"]),
        ("q=jose", ["Anna José", "José Núñez"]),
        ("q=NUN%20jos%C3%A9", ["José Núñez"]),
        ("q=strasse", ["Zoë Straße"]),
        ("q=بن", ["أمل بن علي"]),
        ("q=ose", []),
        ("q=example.DZ", ["أمل بن علي"]),
        ("q=_100%25@", ["Zoë Straße"]),
        ("q=%25", ["Zoë Straße"]),
        ("q=_", ["Zoë Straße"]),
        ("q=x@ex", []),
        ("q=na@ex", ["Anna José"]),
        ("checked_in=true", []),
        ("checked_in=false&status=pending", ["Pen Ding"]),
        ("ordering=created&status=confirmed", ["José Núñez", "أمل بن علي"]),
        ("ordering=name&status=confirmed,waitlisted", ["Anna José", "José Núñez", "Zoë Straße", "أمل بن علي"]),
        ("ordering=-name&status=waitlisted", ["Zoë Straße", "Anna José"]),
        ("ordering=place", ["Zoë Straße", "Anna José"]),
    ],
)
def test_people_are_found_by_status_type_words_and_address(event: Event, query: str, found: list[str]) -> None:
    assert names(event, query) == found


def test_who_was_at_a_session_and_who_was_at_another() -> None:
    event = workshop("Soldering", "Lasers", capacity=10)
    amel, zoe = make.confirmed(event, "Amel"), make.confirmed(event, "Zoë")
    end(event)
    let_in(amel, session="Soldering")
    let_in(zoe, session="Lasers")
    soldering = event.sessions.get(title="Soldering").pk
    assert names(event, "checked_in=true&ordering=name") == ["Amel", "Zoë"]
    assert names(event, f"checked_in=true&session={soldering}") == ["Amel"]
    assert names(event, f"checked_in=false&session={soldering}") == ["Zoë"]
    assert names(event, f"session={soldering}&ordering=name") == ["Amel", "Zoë"]
    assert names(event, f"checked_in=true&session={new_id()}") == []
    assert make.client(event.owner).get(path(event, "?session=soldering")).status_code == 400


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("query", ["", "ordering=created", "ordering=name", "ordering=-name", "ordering=place"])
def test_the_list_is_paged_by_key_in_every_order(event: Event, query: str) -> None:
    client, seen, url = make.client(event.owner), list[str](), path(event, f"?page_size=1&{query}")
    while url:
        page = client.get(url).json()
        seen += [row["full_name"] for row in page["results"]]
        url = page["next"]
    assert seen == names(event, query)


@pytest.mark.parametrize("query", ["status=gone", "status=confirmed,gone", "attendance_type=x", "ordering=email"])
def test_a_parameter_that_makes_no_sense_is_400_at_its_name(event: Event, query: str) -> None:
    answer = make.client(event.owner).get(path(event, f"?{query}"))
    pointer = answer.json()["errors"][0]["pointer"]
    assert (answer.status_code, pointer.split("/")[1]) == (400, query.partition("=")[0])


def test_a_name_that_is_changed_or_erased_is_found_by_what_it_is_now(event: Event) -> None:
    someone = make.user("someone", role=Role.SEEKER)
    registration = make.confirmed(event, full_name="Before", email=someone.email)
    change(registration, {"full_name": "Afterwards"})
    assert (names(event, "q=before"), names(event, "q=afterw")) == ([], ["Afterwards"])
    erase(someone)
    assert (names(event, "q=afterw"), names(event, "q=erased")) == ([], ["Erased"])


def test_positions_are_those_of_the_line_one_waits_in(owner: User) -> None:
    event = make.event(owner=owner, by_type={"on_site": 0, "online": 0})
    for kind in ("on_site", "online", "online", "on_site", "online"):
        make.confirmed(event, attendance_type=kind)
    rows = listed(event, "ordering=created&page_size=4")
    assert [(row["attendance_type"], row["position"]) for row in rows] == [
        ("on_site", 1),
        ("online", 1),
        ("online", 2),
        ("on_site", 2),
    ]
    assert [row["position"] for row in listed(event, "ordering=-created&page_size=2")] == [3, 2]


def test_a_hundred_people_cost_as_many_queries_as_one(event: Event) -> None:
    make.confirmed(event)
    fill(event, 2, status="waitlisted")
    client = make.client(event.owner)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path(event, "?page_size=100")).status_code == 200
        return len(asked)

    few = queries()
    fill(event, 98, status="waitlisted", first=2)
    assert queries() == few
    assert few <= 8


# --- The sheet ---------------------------------------------------------------------------------------------------


def test_a_csv_says_it_is_utf8_and_ends_its_lines_as_spreadsheets_do(event: Event) -> None:
    make.confirmed(event, full_name="أمل بن علي")
    whole = content(event, "format=csv")
    head, line, end = whole.decode("utf-8-sig").split("\r\n")
    assert whole.startswith(b"\xef\xbb\xbf")
    assert head == (
        "id,full_name,email,phone,status,attendance_type,position,created_at,confirmed_at,cancelled_at,"
        "asked_at,answer_by,coming_at,checked_in_at,certificate"
    )
    assert "أمل بن علي" in line
    assert end == ""


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x";"y")', "+1+1 a", "-2 b", "@SUM(A1)", "\uff1d1 c"])
def test_no_text_is_a_formula_in_any_sheet(event: Event, name: str) -> None:
    make.confirmed(event, full_name=name, email="a@example.org")
    assert csv_rows(event)[0]["full_name"] == f"'{name}"
    assert xlsx_rows(event)[0]["full_name"] == name


def test_answers_are_listed_by_their_question_and_have_columns_of_their_own(event: Event) -> None:
    drafts = [QuestionDraft("=Shirt", "choices", choices=("S", "M")), QuestionDraft("Age", "number")]
    write_questions(event, drafts, actor=audit.SYSTEM)
    shirt, age = questions_of(event)
    who = make.guest(answers={str(shirt.key): ["M", "S"], str(age.key): "30.5"})
    confirm(register(event, who).confirmation_token)
    make.pending(event)
    assert listed(event, "status=confirmed")[0]["answers"] == {str(shirt.key): ["S", "M"], str(age.key): 30.5}
    found = csv_rows(event)
    assert [(row["'=Shirt"], row["Age"]) for row in found] == [("S; M", "30.5"), ("", "")]
    assert [(row["=Shirt"], row["Age"]) for row in xlsx_rows(event)] == [("S; M", 30.5), ("", "")]


def test_a_phone_number_keeps_its_plus(event: Event) -> None:
    make.confirmed(event, phone="+213555123456")
    assert csv_rows(event)[0]["phone"] == "'+213555123456"
    assert xlsx_rows(event)[0]["phone"] == "+213555123456"


def test_moments_are_those_of_clocks_at_the_event_and_dates_in_a_workbook(owner: User) -> None:
    event = make.event(owner=owner, timezone="Asia/Kathmandu")
    made = make.pending(event)
    Registration.objects.filter(pk=made.pk).update(created_at=datetime(2026, 3, 1, 18, 20, 30, tzinfo=UTC))
    assert csv_rows(event)[0]["created_at"] == "2026-03-02T00:05:30+05:45"
    assert xlsx_rows(event)[0]["created_at"] == datetime(2026, 3, 2, 0, 5, 30)  # noqa: DTZ001  # a workbook knows no zone


@pytest.mark.usefixtures("crowd")
def test_a_sheet_has_whom_the_filters_ask_for_and_where_they_wait(event: Event) -> None:
    found = xlsx_rows(event, "status=waitlisted")
    assert [(row["full_name"], row["position"]) for row in found] == [("Zoë Straße", 1.0), ("Anna José", 2.0)]
    assert [row["full_name"] for row in csv_rows(event, "q=jose")] == ["José Núñez", "Anna José"]


def test_a_sheet_of_nobody_has_its_head(event: Event) -> None:
    assert csv_rows(event) == xlsx_rows(event) == []


def test_another_format_is_400(event: Event) -> None:
    answer = make.client(event.owner).get(path(event, "export/?format=pdf"))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/format")


def test_a_sheet_is_given_to_a_token_as_to_a_session_and_says_what_it_is(event: Event, owner: User) -> None:
    access = tokens_of(sessions._begin(owner, second_factor=False))["access"]
    for form, kind in (("csv", "text/csv; charset=utf-8"), ("xlsx", "application/vnd.openxmlformats")):
        answer: Any = make.client().get(
            path(event, f"export/?format={form}"), headers={"Authorization": f"Bearer {access}"}
        )
        assert (answer.status_code, bool(b"".join(answer.streaming_content))) == (200, True)
        assert answer["Content-Type"].startswith(kind)
        assert answer["Content-Disposition"] == f'attachment; filename="registrations-{event.pk}.{form}"'
        assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.long
def test_very_many_rows_take_three_queries_a_thousand_and_little_memory(event: Event, form: str) -> None:
    fill(event, 5_000)
    client: Any = make.client(event.owner)
    status_of(client, path(event, f"export/?format={form}&q=nobody"))  # what is loaded once
    tracemalloc.start()
    try:
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path(event, f"export/?format={form}"))
            pieces = sum(len(piece) > 0 for piece in answer.streaming_content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pieces > 3
    assert len(asked) <= 6 + 5 * 3
    assert peak < 12 * 2**20, f"{peak / 2**20:.1f} MiB"


def fill(event: Event, count: int, *, status: str = "pending", first: int = 0) -> None:
    """Write down very many people, as they would stand there."""
    Registration.objects.bulk_create(_people(event, count, status, first), batch_size=1000)


def _people(event: Event, count: int, status: str, first: int) -> Iterator[Registration]:
    for number in range(first, first + count):
        yield Registration(
            event=event,
            status=status,
            full_name=f"Person {number}",
            email=f"person{number}@example.org",
            attendance_type="on_site",
            active_key=f"{new_id().hex}" if status != "pending" else None,
            place=number + 1 if status == "waitlisted" else None,
            created_at=now(),
            expires_at=now(),
        )
