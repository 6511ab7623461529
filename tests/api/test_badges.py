"""Badges over HTTP: sheets for owner and managers, one at the door for the whole team."""

from collections.abc import Iterator
from typing import Any

import pypdfium2
import pytest

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.attendance.actions.notes import set_note
from turnout.events.actions.questions import QuestionDraft
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Question, TeamMember
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, capacity=2, title="E")


@pytest.fixture
def scanner(event: Event) -> User:
    user = make.user(role=Role.SEEKER)
    add_member(event, user.email, TeamMember.Role.SCANNER)
    return user


def path(event: Event) -> str:
    return f"/api/events/{event.pk}/badges.pdf"


def texts(answer: Any) -> list[str]:
    """Return what stands on each page."""
    assert answer.status_code == 200, answer.json()
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def pages() -> Iterator[str]:
        for page in pypdfium2.PdfDocument(answer.content):
            yield " ".join(page.get_textpage().get_text_bounded().split())

    return list(pages())


def fault(answer: Any) -> tuple[int, str, str]:
    (each,) = answer.json()["errors"]
    return answer.status_code, each["pointer"], each["code"]


def test_who_has_a_seat_gets_a_badge_by_name_and_others_when_they_are_asked_for(event: Event) -> None:
    for name in ("Zoe", "Adam", "Waits"):
        make.confirmed(event, name)
    make.pending(event, "Pends")
    owner = make.client(event.owner)
    assert texts(owner.get(path(event), {"line": ""})) == ["E Adam", "E Zoe"]
    assert texts(owner.get(path(event), {"line": "", "status": "waitlisted,pending"})) == ["E Pends", "E Waits"]
    assert texts(owner.get(path(event), {"line": "", "q": "zo"})) == ["E Zoe"]
    assert texts(owner.get(path(event), {"line": "Speaker", "attendance_type": "on_site"})) == [
        "E Adam Speaker",
        "E Zoe Speaker",
    ]
    waits = Registration.objects.get(full_name="Waits")
    assert texts(owner.get(path(event), {"line": "", "registration": str(waits.pk)})) == ["E Waits"]


def test_a_sheet_is_called_after_its_event(event: Event) -> None:
    event.title = "Go: أيام"
    event.save()
    make.confirmed(event)
    answer = make.client(event.owner).get(path(event), {"layout": "a4-21", "start": "21", "qr": "true"})
    assert len(texts(answer)) == 1
    name = "attachment; filename*=utf-8''Go%20%D8%A3%D9%8A%D8%A7%D9%85.pdf"
    assert answer.headers["Content-Disposition"] == name


@pytest.mark.parametrize(
    ("query", "fault_"),
    [
        ({"layout": "a5"}, (400, "/layout", "invalid_choice")),
        ({"layout": "a4-8", "start": "9"}, (400, "/start", "out_of_range")),
        ({"start": "0"}, (400, "/start", "min_value")),
        ({"start": "x"}, (400, "/start", "invalid")),
        ({"question": "x"}, (400, "/question", "invalid")),
        ({"question": "00000000-0000-0000-0000-000000000000"}, (400, "/question", "does_not_exist")),
        ({"line": "x" * 61}, (400, "/line", "max_length")),
        ({"qr": "perhaps"}, (400, "/qr", "invalid")),
        ({"page": "0"}, (400, "/page", "min_value")),
        ({"status": "asleep"}, (400, "/status", "invalid_choice")),
        ({"registration": "x"}, (400, "/registration", "invalid")),
    ],
)
def test_what_makes_no_sense_is_said_where(event: Event, query: dict[str, str], fault_: tuple[int, str, str]) -> None:
    make.confirmed(event)
    assert fault(make.client(event.owner).get(path(event), query)) == fault_


def test_where_nobody_is_found_there_is_no_badge(event: Event) -> None:
    owner = make.client(event.owner)
    answer = owner.get(path(event))
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody")
    elsewhere = make.confirmed(make.event(owner=event.owner))
    answer = owner.get(path(event), {"registration": str(elsewhere.pk)})
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody")
    make.confirmed(event)
    assert owner.get(path(event), {"page": "2"}).status_code == 404


def test_a_scanner_prints_one_at_the_door_with_no_address_and_no_note(owner: User) -> None:
    event, (question,) = make.asking(QuestionDraft("Company", "text"), owner=owner, title="E")
    scanner = make.user(role=Role.SEEKER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    mine = make.confirmed(event, "Ada", phone="+213555123456", answers={str(question.key): "Sonatrach"})
    set_note(mine, "A secret", actor="system")
    client = make.client(scanner)
    assert client.get(path(event)).status_code == 403
    badge = f"/api/registrations/{mine.pk}/badge.pdf"
    for more in ({"question": str(question.key)}, {"qr": "true"}):  # no ticket, nor what is not marked so
        assert client.get(badge, more).status_code == 403
        assert make.client(owner).get(badge, more).status_code == 200
    Question.objects.update(at_door=True)
    answer = client.get(badge, {"layout": "90x55", "question": str(question.key), "line": "VIP"})
    assert texts(answer) == ["E Ada Sonatrach VIP"]
    assert answer.headers["Content-Disposition"] == f'inline; filename="badge-{mine.pk}.pdf"'


def test_of_another_events_people_there_is_none(scanner: User) -> None:
    foreign = make.confirmed(make.event())
    for client in (make.client(scanner), make.client(make.user())):
        assert client.get(f"/api/registrations/{foreign.pk}/badge.pdf").status_code == 404
    assert make.client().get(f"/api/registrations/{foreign.pk}/badge.pdf").status_code == 401
    holder = make.user("amina", role=Role.SEEKER)
    own = make.enrolled(foreign.event, holder)
    assert make.client(holder).get(f"/api/registrations/{own.pk}/badge.pdf").status_code == 404
