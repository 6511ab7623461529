"""The desk of the door: who is in, who is missing, what does not fit; for the team, live."""

import re
from datetime import date, datetime, time, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support import door, make
from tests.support.pages import send, text
from turnout.accounts.models import Role, User
from turnout.attendance.models import Scan
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.actions import Parts
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Session, TeamMember
from turnout.registrations.actions import cancel

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("farid")


@pytest.fixture
def event(owner: User) -> Event:
    start = now() + timedelta(days=1)
    session = Session(title="Baking", starts_at=start, ends_at=start + timedelta(hours=1))
    return make.event(title="Camp", owner=owner, parts=Parts(languages=["en"], sessions=[session]))


@pytest.fixture
def desk(browser: Client, owner: User) -> Client:
    """Return the browser of the owner, who is signed in."""
    browser.force_login(owner)
    return browser


@pytest.fixture
def scanner(event: Event) -> User:
    person = make.user("samir", role=Role.SEEKER)
    add_member(event, person.email, TeamMember.Role.SCANNER)
    return person


def path(event: Event, rest: str = "") -> str:
    return f"/organise/{event.id}/door/{rest}"


# --- Who may -----------------------------------------------------------------------------------------------------


def test_scanners_see_the_door_and_who_is_missing_and_managers_what_does_not_fit(
    browser: Client, event: Event, owner: User, scanner: User
) -> None:
    manager, stranger = make.user(role=Role.SEEKER), make.user()
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    expected = {owner: [200, 200, 200], manager: [200, 200, 200], scanner: [200, 200, 403], stranger: [403] * 3}
    for user, statuses in expected.items():
        browser.force_login(user)
        assert [browser.get(path(event, each)).status_code for each in ("", "missing/", "conflicts/")] == statuses


def test_scanners_are_shown_no_address_and_no_way_where_they_may_not_go(
    browser: Client, event: Event, owner: User, scanner: User
) -> None:
    owner.name = ""
    owner.save()
    make.confirmed(event, "bilal")
    door.taken_back(door.scan(owner, make.confirmed(event, "amina")), owner)
    door.double(owner, make.confirmed(event, "chafia"))
    browser.force_login(scanner)
    pages = [browser.get(path(event, each)).content.decode() for each in ("", "missing/")]
    assert ("Amina" in pages[0], "Somebody of the team" in pages[0], "Bilal" in pages[1]) == (True, True, True)
    for page in pages:
        assert not re.search(r"(farid|amina|bilal|chafia)@", page)
        assert not re.search(r'href="[^"]*/(conflicts|devices|rules|registrations|export|badges)/', page)


def test_another_sites_form_does_nothing(desk: Client, event: Event, owner: User) -> None:
    scan = door.scan(owner, make.confirmed(event))
    assert desk.post(path(event), {"scan_id": scan.scan_id, "reason": "x"}).status_code == 403


# --- The door ----------------------------------------------------------------------------------------------------


def test_the_way_there_leads_over_the_events_desk_with_its_figures(desk: Client, event: Event, owner: User) -> None:
    first, second = make.confirmed(event), make.confirmed(event)
    door.scan(owner, first), door.scan(owner, second)
    door.scan(owner, second, direction="out")
    answer = desk.get(f"/organise/{event.id}/")
    assert f'href="{path(event)}"' in answer.content.decode()
    assert "Were in 2 In now 1" in text(answer)


def test_the_door_says_how_it_stands(desk: Client, event: Event, owner: User) -> None:
    amina, bilal = make.confirmed(event, "amina"), make.confirmed(event, "bilal")
    make.confirmed(event, "chafia")
    session = Session.objects.get(event=event)
    door.double(owner, amina)
    door.scan(owner, bilal, door="North"), door.scan(owner, bilal, session=session.pk, device="Phone")
    door.scan(owner, bilal, direction="out", door="North")
    said = text(desk.get(path(event)))
    assert "In now 1 Were in 2 Expected 3 Missing 1" in said
    assert "The event as a whole 1 2 1 1 Baking 1 1 2 0" in said
    assert re.search(r"North 2 0 1 \d\d:\d\d Phone 1 0 0 \d\d:\d\d South 0 1 0 \d\d:\d\d", said)
    assert "1 scan does not fit together with others" in said


def test_who_looks_on_is_shown_its_parts_anew(desk: Client, event: Event, owner: User) -> None:
    door.scan(owner, make.confirmed(event, "amina"))
    for part, others in (("seen", "latest"), ("latest", "seen")):
        answer = desk.get(path(event), headers={"HX-Request": "true", "HX-Target": part})
        html = answer.content.decode()
        assert (f'id="{part}"' in html, f'id="{others}"' in html, "<html" in html) == (True, False, False)
    assert 'hx-swap-oob="true"' in desk.get(path(event), headers={"HX-Request": "true", "HX-Target": "seen"}).text


def test_a_scan_is_undone_with_a_reason_by_whoever_scans(
    browser: Client, event: Event, owner: User, scanner: User
) -> None:
    scan = door.scan(owner, make.confirmed(event))
    browser.force_login(scanner)
    assert send(browser, path(event), scan_id=scan.scan_id, reason="").status_code == 400
    assert send(browser, path(event), scan_id=scan.scan_id, reason="the wrong Bilal").status_code == 302
    scan.refresh_from_db()
    assert (scan.undone_reason, scan.undone_by) == ("the wrong Bilal", f"user:{scanner.pk}")
    assert "Samir: the wrong Bilal" in text(browser.get(path(event)))


def test_a_scan_at_another_event_is_not_there(desk: Client, event: Event, owner: User) -> None:
    make.confirmed(event)
    scan = door.scan(owner, make.confirmed(make.event(owner=owner)))
    door.scan(owner, make.confirmed(event))
    assert send(desk, path(event), scan_id=scan.scan_id, reason="x").status_code == 404


def test_where_nobody_went_through_there_is_nothing_to_undo(desk: Client, event: Event, owner: User) -> None:
    gone = make.confirmed(event)
    cancel(gone)
    door.scan(owner, make.confirmed(event))
    refused = door.scan(owner, gone)
    answer = send(desk, path(event), scan_id=refused.scan_id, reason="x")
    assert answer.status_code == 409
    assert "there is nothing to undo" in text(answer)


# --- Who is missing ----------------------------------------------------------------------------------------------


def test_somebody_is_found_and_checked_in_by_hand(desk: Client, event: Event) -> None:
    amina, bilal = make.confirmed(event, "amina"), make.confirmed(event, "bilal")
    where = f"{path(event, 'missing/')}?q=am"
    said = text(desk.get(where))
    assert ("Amina" in said, "Bilal" in said) == (True, False)
    answer = send(desk, where, registration=amina.pk)
    assert (answer.status_code, answer["Location"]) == (302, where)
    assert "Amina is checked in." in text(desk.get(where))
    scan = Scan.objects.get(event=event)
    assert (scan.registration, scan.result, scan.device, scan.session) == (amina, "checked_in", "Farid", None)
    assert "Bilal" in text(desk.get(path(event, "missing/")))
    assert bilal.pk != amina.pk


def test_somebody_is_checked_in_to_a_session(desk: Client, event: Event) -> None:
    amina, session = make.confirmed(event, "amina"), Session.objects.get(event=event)
    where = f"{path(event, 'missing/')}?session={session.pk}"
    send(desk, where, registration=amina.pk, session=session.pk)
    assert Scan.objects.get(event=event).session == session
    assert "Nobody is missing." in text(desk.get(where))


def test_who_is_not_found_among_the_missing_is_not_said_to_be_there(desk: Client, event: Event) -> None:
    make.confirmed(event, "amina")
    said = text(desk.get(f"{path(event, 'missing/')}?q=zzz"))
    assert ("Nobody is found." in said, "Nobody is missing." in said) == (True, False)
    gone = text(desk.get(f"{path(event, 'missing/')}?session={new_id()}"))
    assert ("Select a valid choice" in gone, "Nobody is missing." in gone) == (True, False)


def test_who_may_not_come_in_is_not_let_in_by_hand(desk: Client, event: Event) -> None:
    amina = make.confirmed(event, "amina")
    make.confirmed(event, "bilal")
    where = path(event, "missing/")
    cancel(amina)
    send(desk, where, registration=amina.pk)
    assert "Amina was not checked in: Cancelled." in text(desk.get(where))
    assert send(desk, where, registration=make.confirmed(make.event()).pk).status_code == 404
    assert send(desk, where, registration="x").status_code == 400


# --- What does not fit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "before"), [(time(12), ["11:52", "11:55"]), (time(0, 6), ["20 Nov 2026, 23:58", "00:01"])]
)
def test_what_happened_is_told_in_plain_words_with_the_day_if_that_is_not_today(
    desk: Client, event: Event, owner: User, clock: time, before: list[str]
) -> None:
    with time_machine.travel(datetime.combine(date(2026, 11, 21), clock, event.zone)):
        door.double(owner, make.confirmed(event, "amina"))
        gone = make.confirmed(event, "bilal")
        cancel(gone)
        door.offline(owner, gone, door="North")
        door.offline(owner, make.confirmed(event, "chafia"), now() + timedelta(minutes=30), device="Old phone")
        said = text(desk.get(path(event, "conflicts/")))
    assert f"Amina went in at North at {before[0]} and again at South at {before[1]}." in said
    assert re.search(r"Bilal went in at North at [^.]*\. Cancelled\.", said)
    assert re.search(r"Chafia went in at Old phone at [^.]*, by a clock that is ahead\.", said)


def test_a_conflict_is_settled_by_a_note_or_by_undoing_either_scan(desk: Client, event: Event, owner: User) -> None:
    where = path(event, "conflicts/")
    noted = door.double(owner, make.confirmed(event))
    assert send(desk, where, scan_id=noted.scan_id, reason="").status_code == 400
    assert send(desk, where, scan_id=noted.scan_id, reason="She came back", resolve="").status_code == 302
    noted.refresh_from_db()
    assert (noted.resolved_note, noted.undone_at) == ("She came back", None)
    assert "Everything fits." in text(desk.get(where))

    doubled = door.double(owner, make.confirmed(event))
    first = Scan.objects.get(registration=doubled.registration, opens__isnull=False)
    send(desk, where, scan_id=doubled.scan_id, reason="her sister's", undo=first.scan_id)
    doubled.refresh_from_db()
    assert (doubled.result, doubled.conflict, Scan.objects.get(pk=first.pk).undone_reason) == (
        "checked_in",
        "",
        "her sister's",
    )
    assert "Everything fits." in text(desk.get(where))


# --- What it costs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [1, 9])
def test_many_scans_cost_what_one_costs(
    desk: Client, event: Event, owner: User, many: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(many):
        door.double(owner, make.confirmed(event))
        door.taken_back(door.scan(owner, make.confirmed(event)), owner)
        make.confirmed(event)
    with django_assert_num_queries(17):
        desk.get(path(event))
    with django_assert_num_queries(6):  # session, person, event, people, sessions, notices
        desk.get(path(event, "missing/"))
    with django_assert_num_queries(7):  # session, person, event, scans, entries, clocks, notices
        desk.get(path(event, "conflicts/"))
