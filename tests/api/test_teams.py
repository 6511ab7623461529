"""An event shared with a team."""

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.models import AuditEntry
from turnout.events.actions.teams import add_member
from turnout.events.mails import render
from turnout.events.models import Event, TeamMember
from turnout.notifications.models import Message
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def event(owner: User) -> Event:
    return make.event(owner=owner, title="Go")


def team(event: Event) -> str:
    return f"/api/events/{event.pk}/team/"


def status_of_edit(user: User, event: Event) -> int:
    return make.client(user).patch(f"/api/events/{event.pk}/", {"description": "Edited"}).status_code


def test_a_manager_edits_at_once_and_no_more_from_the_moment_they_are_removed(owner: User, event: Event) -> None:
    manager = make.user("manager", role=Role.SEEKER)
    assert status_of_edit(manager, event) == 403
    added = make.client(owner).post(team(event), {"email": " Manager@Example.org ", "role": "manager"})
    member = TeamMember.objects.get()
    assert added.status_code == 201
    assert added.json() == {
        "id": str(member.pk),
        "email": "manager@example.org",
        "role": "manager",
        "created_at": member.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert status_of_edit(manager, event) == 200
    assert make.client(owner).delete(f"{team(event)}{member.pk}/").status_code == 204
    assert status_of_edit(manager, event) == 403
    verbs = AuditEntry.objects.filter(subject=event.pk, verb__startswith="team").order_by("id")
    assert [(entry.verb, entry.actor) for entry in verbs] == [
        ("team.added", f"user:{owner.pk}"),
        ("team.removed", f"user:{owner.pk}"),
    ]


def test_an_invitation_is_a_membership_as_soon_as_there_is_a_verified_account(owner: User, event: Event) -> None:
    make.client(owner).post(team(event), {"email": "later@example.org", "role": "manager"})
    later = make.user("later", role=Role.SEEKER, address_verified=False)
    assert status_of_edit(later, event) == 401
    User.objects.filter(pk=later.pk).update(address_verified=True)
    assert status_of_edit(later, event) == 200


def test_nobody_learns_who_has_an_account(owner: User, event: Event) -> None:
    make.user("known")
    client = make.client(owner)
    answers = [
        client.post(team(event), {"email": f"{name}@example.org", "role": "scanner"}) for name in ("known", "no")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json().keys() == answers[1].json().keys()
    listed = client.get(team(event)).json()["results"]
    assert listed == [answer.json() for answer in answers]


@pytest.mark.parametrize("name", ["twice", "owner"])
def test_who_is_on_the_team_is_not_added_again(owner: User, event: Event, name: str) -> None:
    client = make.client(owner)
    client.post(team(event), {"email": "twice@example.org", "role": "scanner"})
    refused = client.post(team(event), {"email": f"{name.upper()}@example.org", "role": "manager"})
    assert (refused.status_code, refused.json()["code"]) == (409, "already_on_team")
    assert TeamMember.objects.values_list("email", "role").get() == ("twice@example.org", "scanner")


def test_the_same_key_invites_once(owner: User, event: Event) -> None:
    client, body = make.client(owner), {"email": "new@example.org", "role": "scanner"}
    answers = [client.post(team(event), body, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert Message.objects.filter(kind="team.added").count() == 1


def test_a_team_is_not_a_way_to_mail_the_world(owner: User, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.events.actions.teams._MOST_MEMBERS", 1)
    add_member(event, "one@example.org", "scanner")
    refused = make.client(owner).post(team(event), {"email": "two@example.org", "role": "scanner"})
    assert (refused.status_code, refused.json()["code"]) == (409, "team_full")


@pytest.mark.parametrize("body", [{"email": "x", "role": "scanner"}, {"email": "a@example.org", "role": "owner"}, {}])
def test_only_addresses_and_roles_are_taken(owner: User, event: Event, body: dict[str, str]) -> None:
    assert make.client(owner).post(team(event), body).status_code == 400
    assert not TeamMember.objects.exists()


def test_members_of_another_event_are_not_found_here(owner: User, event: Event) -> None:
    member = add_member(make.event(owner=owner), "a@example.org", "scanner")
    assert make.client(owner).delete(f"{team(event)}{member.pk}/").status_code == 404
    assert TeamMember.objects.exists()


def test_the_invited_are_told_in_their_language(event: Event) -> None:
    make.user("known", language="fr")
    for name in ("known", "nobody"):
        add_member(event, f"{name}@example.org", "manager")
    mails = [render(message) for message in Message.objects.order_by("id")]
    assert [mail and f'<html lang="{mail.html.partition("lang=")[2][1:3]}"' for mail in mails] == [
        '<html lang="fr"',
        '<html lang="en"',
    ]
    assert [mail is not None and f"/events/{event.pk}/" in mail.text for mail in mails] == [True, True]
    event.team.all().delete()
    assert [render(message) for message in Message.objects.all()] == [None, None]


def test_the_team_sees_and_changes_who_is_registered_and_scanners_do_not(owner: User, event: Event) -> None:
    held = make.confirmed(event)
    manager, scanner = make.user("manager", role=Role.SEEKER), make.user("scanner", role=Role.SEEKER)
    add_member(event, manager.email, "manager")
    add_member(event, scanner.email, "scanner")
    door = f"/api/registrations/{held.pk}/"
    actors = {"owner": owner, "manager": manager, "scanner": scanner, "other": make.user()}
    assert {name: make.client(user).get(door).status_code for name, user in actors.items()} == {
        "owner": 200,
        "manager": 200,
        "scanner": 404,
        "other": 404,
    }
    assert make.client(manager).patch(door, {"full_name": "Changed"}).json()["full_name"] == "Changed"
    assert make.client(owner).get(f"{door}ticket/").status_code == 200
    assert make.client(owner).post(f"{door}cancel/").json()["status"] == "cancelled"
    deeds = AuditEntry.objects.filter(subject=held.pk, verb__in=["registration.changed", "registration.cancelled"])
    assert [entry.actor for entry in deeds.order_by("id")] == [f"user:{manager.pk}", f"user:{owner.pk}"]
    assert set(Registration.objects.visible_to(scanner)) == set()


@pytest.mark.parametrize("members", [1, 50])
def test_a_team_is_listed_by_as_many_queries_whatever_its_size(
    owner: User, event: Event, members: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(members):
        add_member(event, f"member{number}@example.org", "scanner")
    client = make.client(owner)
    with django_assert_num_queries(4):  # session, user, event, members
        assert len(client.get(team(event), {"page_size": 100}).json()["results"]) == members


def test_nobody_invites_the_whole_world() -> None:
    owner = make.user()
    events = [make.event(owner=owner) for _ in range(2)]
    client = make.client(owner)
    answers = [
        client.post(f"/api/events/{events[number % 2].id}/team/", {"email": f"{number}@example.org", "role": "scanner"})
        for number in range(31)
    ]
    assert [answer.status_code for answer in answers] == [201] * 30 + [429]
