"""The desk: whoever runs an event sees how it stands, and decides there; the owner, managers, and nobody else."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from tests.support.pages import send, text
from turnout.accounts.models import Role, User
from turnout.attendance.models import DoorNote
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.models import AuditEntry
from turnout.events.actions.questions import QuestionDraft
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.notifications.feed.actions import number_new
from turnout.notifications.models import Message
from turnout.registrations.models import LineChange, Registration

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make.user("farid")


@pytest.fixture
def desk(browser: Client, owner: User) -> Client:
    """Return the browser of the owner, who is signed in."""
    browser.force_login(owner)
    return browser


def path_to(registration: Registration) -> str:
    return f"/organise/{registration.event_id}/registrations/{registration.pk}/"


# --- Who may -----------------------------------------------------------------------------------------------------


def test_whoever_runs_an_event_has_a_desk_and_nobody_else(browser: Client, owner: User) -> None:
    event = make.event(owner=owner)
    manager, scanner, stranger = (make.user(role=Role.SEEKER) for _ in range(3))
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    theirs = path_to(make.confirmed(event))
    paths = ("/organise/", f"/organise/{event.id}/", f"/organise/{event.id}/registrations/", theirs)
    for user, status in ((owner, 200), (manager, 200), (scanner, 403), (stranger, 403)):
        browser.force_login(user)
        assert [browser.get(path).status_code for path in paths] == [status] * 4, user
        assert (f'href="/organise/{event.id}/"' in browser.get(f"/events/{event.id}/").content.decode()) == (
            status == 200
        )


def test_who_is_signed_out_comes_back_after_the_login(browser: Client) -> None:
    event = make.event()
    for path in ("/organise/", f"/organise/{event.id}/", f"/organise/{event.id}/registrations/"):
        assert browser.get(path)["Location"] == f"/login/?next={path}"


def test_a_draft_of_somebody_elses_is_not_there(desk: Client) -> None:
    assert desk.get(f"/organise/{make.event(status='draft').id}/").status_code == 404


def test_somebody_of_another_event_is_not_there(desk: Client, owner: User) -> None:
    event, elsewhere = make.event(owner=owner), make.confirmed(make.event(owner=owner))
    assert desk.get(f"/organise/{event.id}/registrations/{elsewhere.pk}/").status_code == 404


def test_another_sites_form_decides_nothing(desk: Client, owner: User) -> None:
    waits = make.confirmed(make.event(owner=owner, approval_required=True))
    assert desk.post(path_to(waits), {"deed": "approve"}).status_code == 403
    waits.refresh_from_db()
    assert waits.status == "in_review"


def test_the_way_there_stands_on_every_page_of_who_organises(browser: Client, owner: User) -> None:
    for user, shown in ((make.user(role=Role.SEEKER), False), (owner, True)):
        browser.force_login(user)
        html = browser.get("/").content.decode()
        assert ('href="/my/tickets/"' in html, 'href="/organise/"' in html) == (True, shown)


def test_a_ticket_that_others_have_seen_is_replaced_and_sent_to_its_holder(desk: Client, owner: User) -> None:
    event = make.event(owner=owner, capacity=1)
    seated, waits = make.confirmed(event, full_name="Amina"), make.confirmed(event)
    shown = ["Others have seen the ticket?" in text(desk.get(path_to(person))) for person in (seated, waits)]
    answer = send(desk, path_to(seated), deed="reissue")
    assert (answer.status_code, answer["Location"]) == (302, f"/organise/{event.id}/")
    assert "Amina gets a new ticket by mail." in text(desk.get(answer["Location"]))
    refused = send(desk, path_to(waits), deed="reissue")
    assert (shown, refused.status_code, "only for a confirmed registration" in text(refused)) == (
        [True, False],
        409,
        True,
    )
    told = Message.objects.filter(kind="registration.reissued").values_list("subject", flat=True)
    assert (list(told), [*seated.revoked_tickets.values_list("ticket_id", flat=True)]) == (
        [seated.pk],
        [seated.ticket_id],
    )
    assert AuditEntry.objects.get(verb="registration.reissued").actor == audit.actor_of(owner)


# --- The list ----------------------------------------------------------------------------------------------------


def test_the_list_shows_ones_events_with_their_figures(desk: Client, owner: User) -> None:
    event = make.event(title="Full", owner=owner, capacity=2)
    for _ in range(3):
        make.confirmed(event)
    make.confirmed(make.event(title="Asked", owner=owner, approval_required=True))
    make.event(title="Not yet", owner=owner, status="draft")
    make.event(title="Others'")
    said = text(desk.get("/organise/"))
    assert "Registered 2 Seats left 0 Waiting 1" in said
    assert "To decide 1" in said
    assert ("Not yet Draft" in said, "Others" in said) == (True, False)


def test_what_is_over_stands_apart(desk: Client, owner: User) -> None:
    over = make.event(title="Long ago", owner=owner)
    Event.objects.filter(pk=over.pk).update(starts_at=now() - timedelta(days=2), ends_at=now() - timedelta(days=1))
    assert "Long ago" not in text(desk.get("/organise/"))
    assert "Long ago" in text(desk.get("/organise/?past"))


@pytest.mark.parametrize("rows", [1, 4])
def test_the_list_costs_the_same_whatever_its_length(
    desk: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for _ in range(rows):
        make.confirmed(make.event(owner=owner, capacity=0))
    with django_assert_num_queries(8):  # session, person, teams, events, seats, counts, notices
        assert desk.get("/organise/").status_code == 200


# --- The desk of an event ----------------------------------------------------------------------------------------


def test_the_desk_shows_how_the_event_stands(desk: Client, owner: User) -> None:
    event = make.event(owner=owner, by_type={"on_site": 1, "online": None})
    for kind in ("on_site", "on_site", "online"):
        make.confirmed(event, attendance_type=kind)
    make.pending(event)
    said = text(desk.get(f"/organise/{event.id}/"))
    assert "Have a seat 2" in said
    assert "On site 1 0 1 Online 1 ∞ any number 0" in said
    today = now().astimezone(event.zone)
    assert f"{today.day} {today:%b} {today.year} 4 3 0" in said  # registered, confirmed, cancelled


def test_the_team_lets_in_and_declines_and_says_why(desk: Client, owner: User) -> None:
    event = make.event(owner=owner, approval_required=True)
    first, second = make.confirmed(event, "amina"), make.confirmed(event, "nadia")
    page = f"/organise/{event.id}/"
    answer = send(desk, path_to(first), on=page, deed="approve", reason="")
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert "Amina is let in, and told so." in text(desk.get(page))
    send(desk, path_to(second), on=page, deed="decline", reason="Too <young>")
    decided = list(Registration.objects.order_by("id").values_list("status", "reason"))
    assert decided == [("confirmed", ""), ("declined", "Too <young>")]
    assert "Too &lt;young&gt;" in desk.get(path_to(second)).content.decode()
    assert "To decide 0" in text(desk.get(page))


def test_an_impatient_finger_decides_once_and_a_late_one_is_told(desk: Client, owner: User) -> None:
    event = make.event(owner=owner, approval_required=True)
    waits = make.confirmed(event)
    desk.get(f"/organise/{event.id}/")
    token = {"csrfmiddlewaretoken": desk.cookies["csrftoken"].value}
    for _ in range(2):
        assert desk.post(path_to(waits), {"deed": "approve", **token}).status_code == 302
    answer = desk.post(path_to(waits), {"deed": "decline", **token})
    assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (409, True)
    assert "Has a seat" in text(answer)


def test_the_order_is_changed_with_a_reason_and_the_team_sees_by_whom(desk: Client, owner: User) -> None:
    event = make.event(owner=owner, capacity=0)
    names = ["amina", "nadia", "samira"]
    *_, last = [make.confirmed(event, name) for name in names]
    page = f"/organise/{event.id}/"
    for _ in range(2):  # an impatient finger
        answer = send(desk, path_to(last), on=page, deed="move", position="1", reason="Gives a talk")
        assert (answer.status_code, answer["Location"]) == (302, page)
    assert LineChange.objects.count() == 1
    said = text(desk.get(page))
    assert said.index("1 Samira") < said.index("2 Amina") < said.index("3 Nadia")
    assert re.search(r"Farid moved Samira from 3 to 1 ?\. Gives a talk", said)


@pytest.mark.parametrize(("position", "reason"), [("0", "because"), ("x", "because"), ("1", ""), ("9" * 20, " ")])
def test_a_move_with_faults_says_so_and_moves_nobody(desk: Client, owner: User, position: str, reason: str) -> None:
    event = make.event(owner=owner, capacity=0)
    waits = make.confirmed(event)
    answer = send(desk, path_to(waits), deed="move", position=position, reason=reason)
    assert (answer.status_code, 'aria-invalid="true"' in answer.content.decode()) == (400, True)
    assert not LineChange.objects.exists()


def test_a_draft_says_what_is_missing_and_is_published_once_it_is_whole(desk: Client, owner: User) -> None:
    draft = make.event(owner=owner, status="draft", location="")
    page = f"/organise/{draft.id}/"
    assert "It has neither a location nor an address online." in text(desk.get(page))
    assert f'action="{page}publish/"' not in desk.get(page).content.decode()
    answer = send(desk, f"{page}publish/", on="/account/")
    assert (answer.status_code, "Something is missing" in text(answer)) == (409, True)
    Event.objects.update(location="Algiers")
    assert send(desk, f"{page}publish/", on=page).status_code == 302
    draft.refresh_from_db()
    assert draft.status == "published"
    assert "Everybody can find this event now." in text(desk.get(page))


def test_a_copy_is_a_draft_of_who_made_it_made_once(desk: Client, owner: User) -> None:
    event = make.event(title="Bread", owner=owner)
    make.confirmed(event)
    path = f"/organise/{event.id}/clone/"
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)"', desk.get(path).content.decode()))
    sent = {**hidden, "title": "Bread again", "starts_at": "2030-05-16T18:30"}
    answers = [desk.post(path, sent) for _ in range(2)]
    copy = Event.objects.get(title="Bread again")
    assert [each["Location"] for each in answers] == [f"/organise/{copy.id}/"] * 2
    assert (copy.status, copy.owner, copy.registrations.count()) == ("draft", owner, 0)
    assert f"{copy.starts_at.astimezone(copy.zone):%Y-%m-%d %H:%M}" == "2030-05-16 18:30"


@pytest.mark.parametrize("start", ["", "tomorrow", "2030-02-31T10:00", "9999-12-31T23:59", "0001-01-01T00:00"])
def test_a_copy_on_no_sensible_day_is_refused_at_its_field(desk: Client, owner: User, start: str) -> None:
    answer = send(desk, f"/organise/{make.event(owner=owner).id}/clone/", title="Copy", starts_at=start)
    assert (answer.status_code, 'aria-invalid="true"' in answer.content.decode()) == (400, True)
    assert Event.objects.count() == 1


@pytest.mark.parametrize("rows", [1, 5])
def test_the_desk_costs_the_same_whatever_it_shows(
    desk: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    event = make.event(owner=owner, approval_required=True, capacity=0)
    people = [make.confirmed(event) for _ in range(2 * rows + 1)]
    for person in people[: rows + 1]:
        send(desk, path_to(person), deed="approve")
        send(desk, path_to(person), deed="move", position="1", reason="because")
    number_new()
    desk.get(f"/organise/{event.id}/")  # shows what was done, once
    with django_assert_num_queries(30):
        assert desk.get(f"/organise/{event.id}/").status_code == 200


# --- Who is registered -------------------------------------------------------------------------------------------


def test_somebody_is_found_by_name_address_and_status(desk: Client, owner: User) -> None:
    event = make.event(owner=owner, capacity=1)
    make.confirmed(event, "amina", full_name="Amina Bouzid")
    make.confirmed(event, "elodie", full_name="Élodie Martin")
    page = f"/organise/{event.id}/registrations/"
    for query, found in (
        ("", (True, True)),
        ("?q=bou", (True, False)),
        ("?q=ELODIE@", (False, True)),
        ("?q=elo", (False, True)),
        ("?status=waitlisted", (False, True)),
        ("?status=confirmed&q=elodie", (False, False)),
        ("?attendance_type=online", (False, False)),
    ):
        said = text(desk.get(page + query))
        assert ("Amina Bouzid" in said, "Élodie Martin" in said) == found, query
    assert "Waits in line · 1" in text(desk.get(page))


def test_the_sheet_holds_what_was_looked_for(desk: Client, owner: User) -> None:
    event = make.event(owner=owner)
    for name in ("amina", "nadia"):
        make.confirmed(event, name)
    html = desk.get(f"/organise/{event.id}/registrations/?q=amina&status=").content.decode()
    link = re.search(r'href="([^"]+format=csv[^"]*)"', html)
    assert link
    sheet = b"".join(desk.get(link[1].replace("&amp;", "&"))).decode()
    assert ("amina@" in sheet, "nadia@" in sheet) == (True, False)


def test_a_long_list_has_pages_and_keeps_what_was_looked_for(desk: Client, owner: User) -> None:
    event = make.event(owner=owner)
    for number in range(21):
        make.confirmed(event, f"guest-{number:02}")
    page = f"/organise/{event.id}/registrations/"
    html = desk.get(f"{page}?status=confirmed").content.decode()
    link = re.search(r'rel="next" href="([^"]+)"', html)
    assert link
    assert "status=confirmed" in link[1]
    assert ("Guest-20" in html, "Guest-00" in html) == (True, False)
    assert "Guest-00" in desk.get(page + link[1].replace("&amp;", "&")).content.decode()


@pytest.mark.parametrize("rows", [1, 5])
def test_the_people_cost_the_same_whatever_their_number(
    desk: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    event = make.event(owner=owner, capacity=0)
    for _ in range(rows):
        make.confirmed(event)
    with django_assert_num_queries(9):
        assert desk.get(f"/organise/{event.id}/registrations/").status_code == 200


# --- What nobody of ours sends -----------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    name=st.sampled_from(
        ["q", "status", "cursor", "review", "line", "deed", "position", "reason", "starts_at", "once"]
    ),
    value=st.text(max_size=600),
)
@pytest.mark.long
def test_nothing_anybody_sends_fails(name: str, value: str) -> None:
    owner = User.objects.filter(role=Role.FACILITATOR).first() or make.user()
    event = Event.objects.filter(owner=owner).first() or make.event(owner=owner, capacity=0)
    waits = Registration.objects.filter(event=event).first() or make.confirmed(event)
    visitor = Client(SERVER_NAME="localhost")
    visitor.force_login(owner)
    sound = {name: value.encode("utf-8", "replace").decode()}
    page = f"/organise/{event.id}/"
    answers = [
        *(visitor.get(path, sound) for path in ("/organise/", page, f"{page}registrations/", path_to(waits))),
        *(visitor.post(path_to(waits), {"deed": deed, **sound}) for deed in ("move", "approve")),
        visitor.post(f"{page}clone/", {"title": "Copy", **sound}),
        visitor.post(f"{page}publish/", sound),
    ]
    assert [each.status_code for each in answers if each.status_code >= 500] == []


# --- Badges, and notes for the door ------------------------------------------------------------------------------


def test_badges_are_made_from_a_form_and_what_is_wrong_is_said_in_it(desk: Client, owner: User) -> None:
    event, (company, _passport) = make.asking(
        QuestionDraft("Company", "text"), QuestionDraft("Passport", "file"), owner=owner
    )
    page = f"/organise/{event.id}/badges/"
    assert f'href="{page}"' in desk.get(f"/organise/{event.id}/").content.decode()
    assert "Company" in text(desk.get(page))
    assert "Passport" not in text(desk.get(page))
    wanted = {"layout": "a4-10", "status": "confirmed", "question": str(company.key), "qr": "on"}
    nobody = desk.get(page, wanted)
    assert (nobody.status_code, "There is nobody to make a badge for." in text(nobody)) == (409, True)
    make.confirmed(event)
    answer = desk.get(page, wanted)
    assert (answer.status_code, answer["Content-Type"], answer.content[:4]) == (200, "application/pdf", b"%PDF")
    assert answer["Content-Disposition"] == f'attachment; filename="{event.title}.pdf"'
    for wrong in ({"start": "11"}, {"layout": "a5"}, {"question": "x"}, {"page": "0"}, {"status": ""}):
        refused = desk.get(page, {**wanted, **wrong})
        assert (refused.status_code, "has to be put right" in text(refused)) == (400, True), wrong
    assert desk.get(page, {**wanted, "page": "2"}).status_code == 404


def test_the_team_keeps_a_note_for_the_door_on_somebodys_page(desk: Client, owner: User) -> None:
    registered = make.confirmed(make.event(owner=owner))
    answer = send(desk, path_to(registered), deed="note", text="Speaker, to room 2")
    assert answer["Location"] == f"/organise/{registered.event_id}/"
    assert f"The note on {registered.full_name} is kept." in text(desk.get(answer["Location"]))
    assert 'value="Speaker, to room 2"' in desk.get(path_to(registered)).content.decode()
    refused = send(desk, path_to(registered), deed="note", text="x" * 501)
    assert (refused.status_code, "has to be put right" in text(refused)) == (400, True)
    assert send(desk, path_to(registered), deed="note", text="").status_code == 302
    assert not DoorNote.objects.exists()
