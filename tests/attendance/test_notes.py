"""Notes for the door: the team writes them, who scans sees them, and nothing of them is left of who is erased."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.attendance.actions.notes import set_note
from turnout.attendance.models import DoorNote
from turnout.core.errors import InvalidError
from turnout.core.models import AuditEntry
from turnout.events.actions.teams import add_member
from turnout.events.models import TeamMember
from turnout.privacy.actions import erase
from turnout.privacy.queries import export
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def mine(owner: User) -> Registration:
    return make.confirmed(make.event(owner=owner), "Ada")


def path(registration: Registration) -> str:
    return f"/api/registrations/{registration.pk}/door-note/"


def member(registration: Registration, role: str) -> APIClient:
    user = make.user(role=Role.SEEKER)
    add_member(registration.event, user.email, role)
    return make.client(user)


def trail(registration: Registration) -> list[tuple[str, Any]]:
    return list(
        AuditEntry.objects.filter(subject=registration.pk, verb__startswith="registration.note")
        .order_by("id")
        .values_list("verb", "data")
    )


def test_a_manager_writes_it_and_a_scanner_reads_it_and_changes_nothing(mine: Registration) -> None:
    manager, scanner = member(mine, TeamMember.Role.MANAGER), member(mine, TeamMember.Role.SCANNER)
    assert scanner.get(path(mine)).json() == {"text": "", "at": None}
    written = manager.put(path(mine), {"text": "  Speaker,\n to room 2 "})
    assert (written.status_code, written.json()["text"]) == (200, "Speaker, to room 2")
    assert scanner.get(path(mine)).json() == written.json()
    assert scanner.put(path(mine), {"text": "x"}).status_code == 403
    assert DoorNote.objects.get().text == "Speaker, to room 2"
    assert manager.put(path(mine), {"text": " "}).json() == {"text": "", "at": None}
    assert not DoorNote.objects.exists()


def test_strangers_other_teams_and_who_it_is_about_know_of_none(mine: Registration, api: APIClient) -> None:
    holder = make.user("amina", role=Role.SEEKER)
    own = make.enrolled(mine.event, holder)
    elsewhere = member(make.confirmed(make.event()), TeamMember.Role.MANAGER)
    for client, status in ((elsewhere, 404), (make.client(holder), 404), (api, 401)):
        assert client.get(path(own)).status_code == status
        assert client.put(path(own), {"text": "x"}).status_code == status
    assert not DoorNote.objects.exists()


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ({}, ("/text", "required")),
        ({"text": None}, ("/text", "null")),
        ({"text": "x" * 501}, ("/text", "max_length")),
        ({"text": "\x01"}, ("/text", "invalid")),
        ({"text": ["x"]}, ("/text", "invalid")),
    ],
)
def test_what_is_no_note_is_refused(mine: Registration, sent: dict[str, Any], fault: tuple[str, str]) -> None:
    answer = make.client(mine.event.owner).put(path(mine), sent)
    assert answer.status_code == 400
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [fault]


def test_a_note_has_at_most_500_characters(mine: Registration) -> None:
    set_note(mine, "x" * 500, actor="system")
    with pytest.raises(InvalidError) as refused:
        set_note(mine, "x" * 501, actor="system")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/text", "too_long")]


def test_the_trail_says_that_there_is_a_note_once_and_never_what_it_says(mine: Registration) -> None:
    for text in ("A", "A", "B", "", ""):
        set_note(mine, text, actor="system")
    assert trail(mine) == [("registration.noted", {}), ("registration.noted", {}), ("registration.note_removed", {})]


def test_who_it_is_about_gets_it_with_all_that_is_held_of_them_and_it_goes_with_them(owner: User) -> None:
    amina = make.user("amina", role=Role.SEEKER)
    hers, other = make.enrolled(make.event(owner=owner), amina), make.confirmed(make.event(owner=owner))
    for registration in (hers, other):
        set_note(registration, "VIP", actor="system")
    assert [(row["registration_id"], row["text"]) for row in export(amina)["door_notes"]] == [(hers.pk, "VIP")]
    erase(amina)
    assert list(DoorNote.objects.values_list("registration", flat=True)) == [other.pk]
