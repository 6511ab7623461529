"""What one is told in the app: read, marked as read, followed; one's own and nobody else's."""

from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tests.api.test_live import frames, told
from tests.support import make
from turnout.accounts.models import Role, User
from turnout.core.ids import new_id
from turnout.notifications.feed.actions import number_new, post
from turnout.notifications.feed.models import Entry
from turnout.registrations import notices
from turnout.registrations.actions import cancel
from turnout.registrations.mails import _KINDS
from turnout.registrations.models import CONFIRM_MAIL

pytestmark = pytest.mark.django_db

LIST, STREAM = "/api/me/notifications/", "/api/me/notifications/stream/"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    cache.clear()


@pytest.fixture
def amina() -> User:
    return make.user("amina", role=Role.SEEKER, language="fr")


@pytest.fixture
def mine(amina: User) -> APIClient:
    return make.client(amina)


def listed(client: APIClient, **asked: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(LIST, asked).json()["results"]
    return rows


def test_one_is_told_by_whichever_door_one_came_in_and_others_are_not(amina: User, mine: APIClient) -> None:
    event = make.event(title="Soldering")
    registration = make.enrolled(event, amina)
    cancel(registration)
    as_guest = make.confirmed(make.event(title="Baking"), "amina")
    make.confirmed(event, "somebody")
    number_new()

    rows = listed(mine)

    assert [(row["kind"], row["registration"]) for row in rows] == [
        ("registration.confirmed", str(as_guest.id)),
        ("registration.cancelled", str(registration.id)),
        ("registration.confirmed", str(registration.id)),
    ]
    assert rows[2] == {
        "id": rows[2]["id"],
        "kind": "registration.confirmed",
        "title": "Vous avez une place à «\xa0Soldering\xa0».",
        "event": str(event.id),
        "registration": str(registration.id),
        "link": f"http://127.0.0.1:8000/registrations/{registration.id}/",
        "created_at": rows[2]["created_at"],
        "read_at": None,
    }
    assert listed(make.client(make.user())) == []


def test_each_kind_of_mail_about_a_registration_has_its_sentence() -> None:
    """All but the one with the link that proves the address: who has an account has proven it."""
    assert set(notices.SENTENCES) == set(_KINDS) - {CONFIRM_MAIL}
    sentences = [sentence("Soldering") for sentence in notices.SENTENCES.values()]
    assert len(set(sentences)) == len(sentences)
    assert all("Soldering" in sentence for sentence in sentences)


def test_what_nobody_knows_any_more_still_shows_what_it_was_of(amina: User, mine: APIClient) -> None:
    kinds = ("registration.unheard_of", "thing.happened")
    post(Entry(topic=amina.pk, kind=kind, subject=new_id(), data={"title": "Soldering"}) for kind in kinds)
    post([Entry(topic=amina.pk, kind="thing.happened", subject=new_id())])
    assert [(row["title"], row["event"]) for row in listed(mine)] == [
        ("thing.happened", None),
        ("Soldering", None),
        ("Soldering", None),
    ]
    assert mine.get("/notifications/").status_code == 200


def test_one_marks_one_or_all_as_read_as_often_as_one_likes(amina: User, mine: APIClient) -> None:
    for _ in range(3):
        make.enrolled(make.event(), amina)
    first, second, third = (row["id"] for row in listed(mine))
    answers = [mine.post(f"{LIST}{first}/read/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["read_at"] == answers[1].json()["read_at"] is not None
    assert [row["id"] for row in listed(mine, unread="true")] == [second, third]
    assert [row["id"] for row in listed(mine, unread="false")] == [first]
    assert mine.get(f"{LIST}unread/").json() == {"unread": 2}
    assert [mine.post(f"{LIST}read/").json() for _ in range(2)] == [{"unread": 0}] * 2
    assert (listed(mine, unread="true"), len(listed(mine))) == ([], 3)


def test_a_strangers_notice_is_none(amina: User, mine: APIClient) -> None:
    make.enrolled(make.event(), amina)
    (row,) = listed(mine)
    stranger = make.client(make.user())
    assert stranger.post(f"{LIST}{row['id']}/read/").status_code == 404
    assert stranger.post(f"{LIST}read/").status_code == 200
    assert mine.get(f"{LIST}unread/").json() == {"unread": 1}
    assert mine.post(f"{LIST}{new_id()}/read/").status_code == 404


def test_a_page_of_notices_at_a_time(amina: User, mine: APIClient) -> None:
    post(Entry(topic=amina.pk, kind="thing.happened", subject=new_id(), data={"title": str(n)}) for n in range(5))
    first = mine.get(LIST, {"page_size": 3}).json()
    second = mine.get(first["next"]).json()
    assert [row["title"] for row in first["results"] + second["results"]] == ["4", "3", "2", "1", "0"]
    assert second["next"] is None


@pytest.mark.parametrize("count", [1, 7])
def test_a_list_costs_three_queries_whatever_its_length(
    amina: User, mine: APIClient, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    post(Entry(topic=amina.pk, kind="thing.happened", subject=new_id()) for _ in range(count))
    with django_assert_num_queries(3):  # session, person, notices
        assert len(listed(mine)) == count


# --- Followed ----------------------------------------------------------------------------------------------------


def test_one_follows_ones_own_notices(amina: User, mine: APIClient) -> None:
    make.enrolled(make.event(title="Soldering"), amina)
    number_new()
    assert frames(mine.get(STREAM)) == [(1, "", None), (None, "unread", {"unread": 1})]
    found = frames(mine.get(f"{STREAM}?after=0"))
    assert told(found) == [(1, "notification"), (None, "unread")]
    assert found[0][2] == listed(mine)[0]
    stranger = make.client(make.user())
    assert frames(stranger.get(STREAM)) == [(0, "", None), (None, "unread", {"unread": 0})]


def test_a_ticket_opens_ones_own_notices_and_nothing_else(amina: User, mine: APIClient) -> None:
    event = make.event(owner=amina)
    ticket = mine.post(STREAM).json()["ticket"]
    assert make.client().get(f"{STREAM}?ticket={ticket}").status_code == 200
    assert make.client().get(f"/api/events/{event.id}/live/?ticket={ticket}").status_code == 401
    assert make.client().get(f"{LIST}?ticket={ticket}").status_code == 401
