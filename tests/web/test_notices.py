"""Notices on pages: how many are unread on each, and the list of all."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from tests.support.certified import by_hand, certified
from tests.support.pages import text, token_on
from turnout.accounts.models import Role, User
from turnout.core.ids import new_id
from turnout.notifications.feed.actions import number_new, post
from turnout.notifications.feed.models import Entry

pytestmark = pytest.mark.django_db

PAGE = "/notifications/"


@pytest.fixture
def amina() -> User:
    return make.user("amina", role=Role.SEEKER)


@pytest.fixture
def mine(browser: Client, amina: User) -> Client:
    browser.force_login(amina)
    return browser


def sent(browser: Client, **fields: str) -> Any:
    token = token_on(browser, PAGE)
    return browser.post(PAGE, {"csrfmiddlewaretoken": token, **fields}, follow=True)


def unread_in_head(answer: Any) -> tuple[str, bool]:
    """Return the number in the header, and whether it is shown."""
    found = re.search(r"data-unread( hidden)?>(\d+)<", answer.content.decode())
    assert found
    return found[2], found[1] is None


def test_every_page_of_whoever_is_signed_in_says_how_much_they_have_not_read(amina: User, mine: Client) -> None:
    assert unread_in_head(mine.get("/")) == ("0", False)
    make.enrolled(make.event(), amina)
    assert unread_in_head(mine.get("/")) == ("1", True)
    mine.logout()
    assert "data-unread" not in mine.get("/").content.decode()


def test_notices_are_listed_and_marked_as_read_without_scripts(amina: User, mine: Client) -> None:
    soldering = make.enrolled(make.event(title="Soldering"), amina)
    make.enrolled(make.event(title="Baking & more"), amina)
    page = mine.get(PAGE)
    assert page.content.decode().count("Mark as read") == 2
    assert f'href="?open={Entry.objects.get(topic=amina.pk, subject=soldering.id).pk}"' in page.content.decode()
    assert text(page).index("You have a seat at “Baking &amp; more”.") < text(page).index("“Soldering”")

    first = Entry.objects.filter(topic=amina.pk).order_by("id")[0]
    page = sent(mine, notice=str(first.pk))
    assert (unread_in_head(page), page.content.decode().count("Mark as read")) == (("1", True), 1)
    page = sent(mine)
    assert (unread_in_head(page), page.content.decode().count("Mark as read")) == (("0", False), 0)
    assert Entry.objects.filter(topic=amina.pk, read_at=None).count() == 0


def test_a_strangers_notice_and_what_is_none_change_nothing(amina: User, mine: Client) -> None:
    stranger = make.user()
    post([Entry(topic=stranger.pk, kind="thing.happened", subject=new_id())])
    post([Entry(topic=amina.pk, kind="thing.happened", subject=new_id())])
    assert sent(mine, notice=str(Entry.objects.get(topic=stranger.pk).pk)).status_code == 200
    assert sent(mine, notice="x").status_code == 400
    assert Entry.objects.filter(read_at=None).count() == 2


@pytest.mark.parametrize("count", [1, 9])
def test_the_list_costs_the_same_whatever_its_length(
    amina: User, mine: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    post(Entry(topic=amina.pk, kind="registration.confirmed", subject=new_id()) for _ in range(count))
    with django_assert_num_queries(4):  # session, person, notices, how many are unread
        assert mine.get(PAGE).content.decode().count("Mark as read") == count


def test_a_desk_shows_what_happened_lately_and_from_where_its_stream_goes_on(browser: Client) -> None:
    owner = make.user("farid")
    event = make.event(owner=owner)
    amina = make.confirmed(event, "amina")
    number_new()
    browser.force_login(owner)
    page = browser.get(f"/organise/{event.id}/").content.decode()
    assert f'data-live="/api/events/{event.id}/live/" data-after="1"' in page
    happenings = page[page.index('<ol class="happenings"') : page.index("<template>")]
    assert f'href="/organise/{event.id}/registrations/{amina.id}/"' in happenings
    assert re.sub(r"<[^>]+>", "", happenings).split()[1:] == ["Amina", "Has", "a", "seat"]


def test_a_desk_shows_whose_certificates_were_issued(browser: Client) -> None:
    owner = make.user("farid")
    event = make.event(owner=owner)
    earned = certified(event, "amina")
    by_hand(event, "Nadia Rahal")
    number_new()
    browser.force_login(owner)
    page = browser.get(f"/organise/{event.id}/").content.decode()
    happenings = page[page.index('<ol class="happenings"') : page.index("<template>")]
    assert f'href="/organise/{event.id}/registrations/{earned.registration_id}/"' in happenings
    said = [re.sub(r"<[^>]+>", "", line).split()[1:] for line in happenings.split("</li>")]
    assert said[:2] == [["Certificate", "issued"], ["Amina", "Certificate", "issued"]]


def test_who_opens_a_notice_has_read_it_and_opens_nobody_elses(amina: User, mine: Client) -> None:
    make.enrolled(make.event(), amina)
    notice = Entry.objects.get(topic=amina.pk)
    stranger = Client(SERVER_NAME="localhost")
    stranger.force_login(make.user())
    assert stranger.get("/notifications/", {"open": str(notice.pk)}).status_code == 404
    assert mine.get("/notifications/", {"open": "x"}).status_code == 404
    opened = mine.get("/notifications/", {"open": str(notice.pk)})
    assert opened["Location"] == f"/registrations/{notice.subject}/"
    notice.refresh_from_db()
    assert notice.read_at is not None
