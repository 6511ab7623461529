"""A ticket that others may have seen is replaced: who may, what its holder gets, and what the old one is worth."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import Role
from turnout.core import audit
from turnout.core.errors import ConflictError, ThrottledError
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.notifications.feed.models import Entry
from turnout.notifications.mail import compose
from turnout.notifications.models import Message
from turnout.registrations.actions import cancel
from turnout.registrations.actions.events import remove_event
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.models import Registration, RevokedTicket
from turnout.registrations.tickets import Ticket, read_ticket, ticket_text

pytestmark = pytest.mark.django_db

KIND = "registration.reissued"


@pytest.fixture
def event() -> Event:
    return make.event(owner=make.user("farid"), capacity=1)


@pytest.fixture
def mine(event: Event) -> Registration:
    return make.confirmed(event, "amina")


def revoked(registration: Registration) -> list[Any]:
    return list(RevokedTicket.objects.filter(registration=registration).values_list("ticket_id", flat=True))


def post(client: APIClient, registration: Registration, **more: Any) -> Any:
    return client.post(f"/api/registrations/{registration.id}/ticket/reissue/", {}, format="json", **more)


def test_the_holder_has_another_ticket_and_the_old_one_is_revoked(mine: Registration) -> None:
    old_id, old, key = mine.ticket_id, ticket_text(mine), mine.manage_token
    new = reissue_ticket(mine, actor=audit.GUEST)
    mine.refresh_from_db()
    assert (new.ticket_id, new.status, mine.ticket_id != old_id) == (mine.ticket_id, "confirmed", True)
    assert read_ticket(ticket_text(mine)) == Ticket(mine.event_id, mine.ticket_id or new_id())
    assert (read_ticket(old), revoked(mine)) == (Ticket(mine.event_id, old_id or new_id()), [old_id])
    assert mine.opens_with(key)  # who saw the ticket has not seen the key
    assert AuditEntry.objects.get(verb=KIND).subject == mine.id


def test_the_mail_brings_the_new_ticket_in_the_holders_language(event: Event) -> None:
    mine = make.confirmed(event, language="fr")
    reissue_ticket(mine)
    mail = compose(Message.objects.get(kind=KIND, subject=mine.pk))
    assert mail is not None
    assert [attachment[0] for attachment in mail.attachments] == ["ticket.pdf"]
    assert mine.page_url() in mail.body


def test_of_two_in_a_row_only_the_last_is_sent(mine: Registration) -> None:
    tickets = [mine.ticket_id]
    for _ in range(2):
        reissue_ticket(mine)
        mine.refresh_from_db()
        tickets.append(mine.ticket_id)
    assert (set(revoked(mine)), len(set(tickets))) == ({*tickets[:2]}, 3)
    first, last = Message.objects.filter(kind=KIND, subject=mine.pk).order_by("version")
    assert (first.version, last.version, compose(first)) == (1, 2, None)
    assert compose(last) is not None


def test_who_follows_the_desk_and_the_holder_are_told(event: Event) -> None:
    amina = make.user("amina", role=Role.SEEKER)
    mine = make.enrolled(event, amina)
    reissue_ticket(mine, actor=audit.actor_of(amina))
    entries = Entry.objects.filter(kind=KIND).values_list("topic", "subject", "data")
    assert sorted(entries, key=lambda entry: entry[0] == amina.pk) == [
        (event.pk, mine.pk, {"status": "confirmed"}),
        (amina.pk, mine.pk, {"event": str(event.pk), "title": event.title}),
    ]


def test_there_is_nothing_to_replace_without_a_seat(event: Event) -> None:
    make.confirmed(event)
    given_up = cancel(make.confirmed(make.event()))
    for registration in (make.pending(event), make.confirmed(event), given_up):
        with pytest.raises(ConflictError) as refused:
            reissue_ticket(registration)
        assert refused.value.code == "not_confirmed"
    assert (RevokedTicket.objects.count(), Message.objects.filter(kind=KIND).count()) == (0, 0)


def test_nor_where_nothing_takes_place(event: Event, mine: Registration) -> None:
    remove_event(event)
    with pytest.raises(ConflictError) as refused:
        reissue_ticket(mine)
    assert refused.value.code == "registration_closed"


def test_five_an_hour_are_enough(mine: Registration) -> None:
    for _ in range(5):
        reissue_ticket(mine)
    with pytest.raises(ThrottledError):
        reissue_ticket(mine)
    assert len(revoked(mine)) == 5


# --- Over HTTP ---------------------------------------------------------------------------------------------------


def test_a_guest_by_key_the_holder_by_account_the_owner_and_a_manager_may(api: APIClient, event: Event) -> None:
    amina, manager = make.user("amina", role=Role.SEEKER), make.user(role=Role.SEEKER)
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    mine = make.enrolled(event, amina)
    key = {"X-Registration-Token": mine.manage_token}
    answers = [post(api, mine, headers=key), *(post(make.client(who), mine) for who in (amina, event.owner, manager))]
    assert [answer.status_code for answer in answers] == [200] * 4
    mine.refresh_from_db()
    assert answers[-1].json() == {
        "ticket": ticket_text(mine),
        "event": str(event.pk),
        "registration": str(mine.pk),
    }
    assert len({answer.json()["ticket"] for answer in answers}) == 4


def test_a_scanner_another_team_and_a_stranger_find_nothing(api: APIClient, event: Event, mine: Registration) -> None:
    scanner = make.user(role=Role.SEEKER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    others = make.confirmed(make.event())
    strangers = [
        post(api, mine),
        post(api, mine, headers={"X-Registration-Token": others.manage_token}),
        *(post(make.client(who), mine) for who in (scanner, make.user(), make.user(role=Role.SEEKER))),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in strangers] == [(404, "not_found")] * 5
    assert revoked(mine) == []


def test_too_often_is_429_and_without_a_seat_409(api: APIClient, mine: Registration) -> None:
    key = {"X-Registration-Token": mine.manage_token}
    statuses = [post(api, mine, headers=key).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    waiting = make.confirmed(mine.event)
    answer = post(api, waiting, headers={"X-Registration-Token": waiting.manage_token})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_confirmed")
