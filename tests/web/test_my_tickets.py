"""A seeker enrolls on the event's page, finds it among their tickets, and does there what there is to do."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from tests.support import make
from tests.support.files import PDF
from tests.support.pages import send, text, token_on
from turnout.accounts.models import Role, User
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts
from turnout.events.actions.questions import QuestionDraft
from turnout.events.models import Event, Question, SeatPool
from turnout.guard.notation import windows
from turnout.registrations.actions import Guest, cancel, enroll
from turnout.registrations.actions.coming import ask_who_comes
from turnout.registrations.actions.reviews import decline
from turnout.registrations.models import Registration, RevokedTicket
from turnout.registrations.tickets import ticket_svg

pytestmark = pytest.mark.django_db


@pytest.fixture
def seeker() -> User:
    return make.user("samira", role=Role.SEEKER)


@pytest.fixture
def mine(browser: Client, seeker: User) -> Client:
    """Return the browser of the seeker, who is signed in."""
    browser.force_login(seeker)
    return browser


def enrolled(event: Event, user: User) -> Registration:
    return enroll(event, Guest.of(user, event, {}), actor=audit.actor_of(user))


# --- The event's page --------------------------------------------------------------------------------------------


def test_everybody_sees_their_own_way_in(browser: Client, seeker: User) -> None:
    event = make.event()
    page, register, enrol = f"/events/{event.id}/", f"/events/{event.id}/register/", f"/events/{event.id}/enroll/"
    for user, shown in ((None, register), (seeker, enrol), (make.user(), register)):
        if user is not None:
            browser.force_login(user)
        html = browser.get(page).content.decode()
        assert [f'href="{path}"' in html for path in (register, enrol)] == [shown == register, shown == enrol]
    assert "With this account you organise events." in text(browser.get(page))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Enroll"),
        ({"capacity": 0}, "Join the waiting list"),
        ({"approval_required": True}, "Ask for a place"),
    ],
)
def test_the_way_in_says_where_it_leads(mine: Client, fields: dict[str, Any], says: str) -> None:
    event = make.event(**fields)
    for path in (f"/events/{event.id}/", f"/events/{event.id}/enroll/"):
        assert says in text(mine.get(path))


def test_the_events_page_says_where_one_stands(mine: Client, seeker: User) -> None:
    event = make.event(capacity=1)
    held = enrolled(event, seeker)
    assert "You have a seat." in text(mine.get(f"/events/{event.id}/"))
    stranger = make.user(role=Role.SEEKER)
    mine.force_login(stranger)
    assert "You have a seat." not in text(mine.get(f"/events/{event.id}/"))
    enrolled(event, stranger)
    page = mine.get(f"/events/{event.id}/")
    assert "You are number 1 in line." in text(page)
    assert f'href="/registrations/{held.id}/"' not in page.content.decode()


# --- Enrolling ---------------------------------------------------------------------------------------------------


def test_a_seeker_enrolls_as_their_account_has_it(mine: Client, seeker: User) -> None:
    event = make.event()
    path = f"/events/{event.id}/enroll/"
    assert 'value="Samira"' in mine.get(path).content.decode()
    answer = send(mine, path, full_name="Samira Haddad", phone="+213 555 12 34 56", attendance_type="online")
    registration = Registration.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/registrations/{registration.id}/")
    assert (registration.status, registration.full_name, registration.email, registration.phone) == (
        "confirmed",
        "Samira Haddad",
        seeker.email,
        "+213555123456",
    )
    assert (registration.attendance_type, registration.language) == ("online", seeker.language)
    assert AuditEntry.objects.get(verb="registration.confirmed").actor == audit.actor_of(seeker)
    page = mine.get(answer["Location"])
    assert ("You have a seat." in text(page), "<svg" in page.content.decode()) == (True, True)


def test_an_impatient_finger_enrolls_once(mine: Client) -> None:
    event = make.event()
    path, sent = f"/events/{event.id}/enroll/", {"full_name": "Samira", "attendance_type": "on_site"}
    token = token_on(mine, path)
    answers = [mine.post(path, {**sent, "csrfmiddlewaretoken": token}) for _ in range(2)]
    page = f"/registrations/{Registration.objects.get().id}/"
    assert [(each.status_code, each["Location"]) for each in answers] == [(302, page)] * 2
    assert mine.get(path)["Location"] == page


def test_a_form_with_faults_says_so_and_keeps_what_was_typed(mine: Client) -> None:
    event = make.event()
    answer = send(mine, f"/events/{event.id}/enroll/", full_name="Samira", phone="call me", attendance_type="on_site")
    html = answer.content.decode()
    assert (answer.status_code, html.count('aria-invalid="true"'), 'value="call me"' in html) == (400, 1, True)
    assert not Registration.objects.exists()


def test_who_enrolls_is_asked_what_guests_are_asked(mine: Client) -> None:
    asked = (QuestionDraft("Vegan?", "yes_no", required=True), QuestionDraft("Passport", "file"))
    event = make.event(parts=Parts(questions=asked))
    path, (vegan, passport) = f"/events/{event.id}/enroll/", Question.objects.asked_at(event.pk)
    sent = {"full_name": "Samira", "attendance_type": "on_site"}
    answer = send(mine, path, **sent)
    assert (answer.status_code, "Vegan?" in text(answer), Registration.objects.count()) == (400, True, 0)
    file = SimpleUploadedFile("passport.pdf", PDF, "application/pdf")
    answers: dict[str, Any] = {f"answers/{vegan.key}": "no", f"answers/{passport.key}": file}
    page = send(mine, path, **sent, **answers)["Location"]
    html = mine.get(page).content.decode()
    assert "Vegan? No" in text(mine.get(page))
    link = re.search(r'href="(/api/registrations/[^"]+/files/[^"]+)"', html)
    assert link
    assert mine.get(link[1]).status_code == 200


def test_the_last_seat_taken_meanwhile_is_said_in_the_form(mine: Client) -> None:
    event = make.event(capacity=1, waitlist_enabled=False)
    path = f"/events/{event.id}/enroll/"
    mine.get(path)
    make.confirmed(event)
    sent = {"full_name": "Samira", "attendance_type": "on_site"}
    answer = mine.post(path, {**sent, "csrfmiddlewaretoken": mine.cookies["csrftoken"].value})
    assert (answer.status_code, "Every seat is taken." in text(answer)) == (409, True)


def test_who_is_signed_out_comes_back_after_the_login(browser: Client) -> None:
    event = make.event()
    for path in (f"/events/{event.id}/enroll/", "/my/tickets/"):
        assert browser.get(path)["Location"] == f"/login/?next={path}"


def test_an_account_that_organises_does_not_enroll(browser: Client) -> None:
    event = make.event()
    browser.force_login(make.user())
    answer = browser.get(f"/events/{event.id}/enroll/")
    assert (answer.status_code, "register with your mail address" in text(answer)) == (403, True)


def test_a_draft_is_nobody_elses_to_enroll_in(mine: Client) -> None:
    event = make.event(status=Event.Status.DRAFT)
    assert mine.get(f"/events/{event.id}/enroll/").status_code == 404


def test_enrolling_again_and_again_is_limited_as_in_the_api(mine: Client, settings: Settings) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "registration": windows("1/minute")}
    sent = {"full_name": "Samira", "attendance_type": "on_site"}
    statuses = [send(mine, f"/events/{make.event().id}/enroll/", **sent).status_code for _ in range(2)]
    assert statuses == [302, 429]


# --- A registration of one's own, by the account or by the key ---------------------------------------------------


@pytest.fixture(params=["account", "key"])
def holder(request: pytest.FixtureRequest, browser: Client, seeker: User) -> Any:
    """Return what opens the page of a registration and sends its forms: signed in, or signed out with the key."""

    class Holder:
        by_key = request.param == "key"

        def opens(self, registration: Registration) -> Any:
            return browser.get(registration.page_path() if self.by_key else f"/registrations/{registration.id}/")

        def does(self, deed: str, registration: Registration) -> Any:
            path = f"/registrations/{registration.id}/"
            if self.by_key:
                return browser.post(path, {"token": registration.manage_token, "deed": deed})
            return send(browser, path, on="/account/", deed=deed)

    if request.param == "account":
        browser.force_login(seeker)
    return Holder()


def offer_to(seeker: User, **fields: Any) -> Registration:
    """Return a registration to which a seat is offered."""
    event = make.event(capacity=1, offer_hours=4, starts_at=now() + timedelta(days=3), **fields)
    first = make.confirmed(event)
    waiting = enrolled(event, seeker)
    cancel(first)
    waiting.refresh_from_db()
    assert waiting.status == "offered"
    return waiting


def test_an_offer_is_taken_in_time(holder: Any, seeker: User) -> None:
    offered = offer_to(seeker)
    page = text(holder.opens(offered))
    assert "A seat is kept for you until" in page
    assert "(Africa/Algiers)" in page
    answer = holder.does("accept", offered)
    assert answer.status_code == 302
    assert "You have a seat." in text(holder.opens(offered))
    assert holder.does("accept", offered).status_code == 302  # twice is once


def test_an_offer_is_over_at_its_deadline(holder: Any, seeker: User) -> None:
    offered = offer_to(seeker)
    Registration.objects.filter(pk=offered.pk).update(offer_expires_at=now())
    page = holder.opens(offered)
    assert ("is over" in text(page), "Take the seat" in text(page)) == (True, False)
    answer = holder.does("accept", offered)
    assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (410, True)
    assert SeatPool.objects.get(event=offered.event).taken == 1


def test_who_is_asked_says_that_they_come(holder: Any, seeker: User) -> None:
    event = make.event(ask_hours=48, release_hours=2, starts_at=now() + timedelta(hours=50))
    registration = enrolled(event, seeker)
    assert "Do you still come?" not in text(holder.opens(registration))
    Event.objects.filter(pk=event.pk).update(asks_at=now())
    assert ask_who_comes() == 1
    assert "Do you still come? Please say so by" in text(holder.opens(registration))
    assert holder.does("still_coming", registration).status_code == 302
    page = text(holder.opens(registration))
    assert ("You have told us that you come." in page, "Do you still come?" in page) == (True, False)


def test_what_the_team_decides_is_told_with_its_reason(holder: Any, seeker: User) -> None:
    registration = enrolled(make.event(approval_required=True), seeker)
    assert "The organisers have to decide." in text(holder.opens(registration))
    decline(registration, reason="Only for <b>beginners</b>", actor="user:1")
    page = text(holder.opens(registration))
    assert "could not give you a place. They say: Only for &lt;b&gt;beginners&lt;/b&gt;" in page
    assert "Register again" not in page


def test_a_seat_is_given_up_and_the_first_in_line_has_it(holder: Any, seeker: User) -> None:
    event = make.event(capacity=1)
    registration, waiting = enrolled(event, seeker), make.confirmed(event)
    assert holder.does("cancel", registration).status_code == 302
    assert "This registration is cancelled." in text(holder.opens(registration))
    waiting.refresh_from_db()
    assert waiting.status == "confirmed"


def test_a_ticket_that_others_have_seen_is_replaced_on_its_page(holder: Any, seeker: User) -> None:
    registration = enrolled(make.event(), seeker)
    assert "Others have seen your ticket?" in text(holder.opens(registration))
    before = ticket_svg(registration).decode().partition("?>")[2]
    assert before in holder.opens(registration).content.decode()
    assert holder.does("reissue", registration).status_code == 302
    page = holder.opens(registration)
    registration.refresh_from_db()
    assert ticket_svg(registration).decode().partition("?>")[2] in page.content.decode()
    assert before not in page.content.decode()
    assert [revoked.registration_id for revoked in RevokedTicket.objects.all()] == [registration.pk]


def test_who_holds_no_seat_has_no_ticket_to_replace(holder: Any, seeker: User) -> None:
    event = make.event(capacity=1)
    make.confirmed(event)
    waiting = enrolled(event, seeker)
    assert "Others have seen your ticket?" not in text(holder.opens(waiting))
    assert holder.does("reissue", waiting).status_code == 409


def test_a_ticket_is_replaced_five_times_an_hour_at_most(holder: Any, seeker: User) -> None:
    registration = enrolled(make.event(), seeker)
    assert [holder.does("reissue", registration).status_code for _ in range(6)] == [302] * 5 + [429]


def test_what_nobody_offers_is_refused_on_the_page(holder: Any, seeker: User) -> None:
    registration = enrolled(make.event(), seeker)
    for deed in ("accept", "still_coming"):
        answer = holder.does(deed, registration)
        assert (answer.status_code, "You have a seat." in text(answer)) == (409, True)
    assert holder.does("dance", registration).status_code == 400


def test_a_page_without_a_key_in_its_address_lets_forms_say_where_they_come_from(mine: Client, seeker: User) -> None:
    page = mine.get(f"/registrations/{enrolled(make.event(), seeker).id}/")
    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]
    assert "token=" not in page.content.decode()


def test_the_ticket_as_a_file_opens_for_who_is_signed_in(mine: Client, seeker: User) -> None:
    page = mine.get(f"/registrations/{enrolled(make.event(), seeker).id}/").content.decode()
    link = re.search(r'href="(/api/registrations/[^"]+\.pdf)"', page)
    assert link
    assert mine.get(link[1])["Content-Type"] == "application/pdf"


def test_another_sites_form_does_nothing_in_the_holders_name(mine: Client, seeker: User) -> None:
    registration = enrolled(make.event(), seeker)
    assert mine.post(f"/registrations/{registration.id}/", {"deed": "cancel"}).status_code == 403
    registration.refresh_from_db()
    assert registration.status == "confirmed"


def test_a_page_without_a_key_is_its_holders_alone(browser: Client, seeker: User) -> None:
    owner = make.user()
    event = make.event(owner=owner)
    registration = enrolled(event, seeker)
    unproven = make.user("unproven", role=Role.SEEKER, address_verified=False)
    others = [None, owner, make.user(role=Role.SEEKER), unproven]
    for user in others:
        if user is not None:
            browser.force_login(user)
        assert browser.get(f"/registrations/{registration.id}/").status_code == 404


# --- The list ----------------------------------------------------------------------------------------------------


def test_my_tickets_are_what_is_to_come_and_what_was_by_whichever_door(mine: Client, seeker: User) -> None:
    seated, guest, over, others = (make.event(title=title) for title in ("Seated", "As a guest", "Over", "Others'"))
    enrolled(seated, seeker)
    make.confirmed(guest, email=seeker.email)
    enrolled(over, seeker)
    make.confirmed(others)
    Event.objects.filter(pk=over.pk).update(starts_at=now() - timedelta(days=2), ends_at=now() - timedelta(days=1))
    said = text(mine.get("/my/tickets/"))
    assert [said.find(title) > 0 for title in ("Seated", "As a guest", "Over", "Others'")] == [True, True, True, False]
    assert said.index("To come") < said.index("Seated") < said.index("Past") < said.index("Over")
    assert "You had a seat." in said


def test_each_ticket_says_where_it_stands_and_what_can_be_done(mine: Client, seeker: User) -> None:
    offered = offer_to(seeker)
    full = make.event(capacity=0)
    enrolled(full, seeker)
    enrolled(make.event(approval_required=True), seeker)
    page = mine.get("/my/tickets/")
    for words in ("Take the seat", "You are number 1 in line.", "Leave the line", "The organisers have to decide."):
        assert words in text(page)
    answer = send(mine, f"/registrations/{offered.id}/", on="/my/tickets/", deed="accept")
    assert answer["Location"] == f"/registrations/{offered.id}/"
    assert "Show the ticket" in text(mine.get("/my/tickets/"))


def test_a_cancelled_event_says_so_and_nothing_is_left_to_do(mine: Client, seeker: User) -> None:
    event = make.event()
    enrolled(event, seeker)
    Event.objects.update(status=Event.Status.CANCELLED)
    said = text(mine.get("/my/tickets/"))
    assert ("This event is cancelled." in said, "Show the ticket" in said, "You can't come?" in said) == (
        True,
        False,
        False,
    )


def test_nothing_ahead_leads_to_what_is_coming_up(mine: Client) -> None:
    assert "Nothing is coming up for you." in text(mine.get("/my/tickets/"))


def test_a_long_list_has_pages(mine: Client, seeker: User) -> None:
    for number in range(21):
        enrolled(make.event(title=f"Number {number:02}", starts_at=now() + timedelta(days=1, hours=number)), seeker)
    page = mine.get("/my/tickets/").content.decode()
    link = re.search(r'rel="next" href="([^"]+)"', page)
    assert link
    assert ("Number 19" in page, "Number 20" in page) == (True, False)
    assert "Number 20" in mine.get("/my/tickets/" + link[1]).content.decode()


@pytest.mark.parametrize("rows", [1, 5])
def test_the_list_costs_the_same_whatever_its_length(
    mine: Client, seeker: User, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for _ in range(rows):
        enrolled(make.event(capacity=0), seeker)
        enrolled(make.event(), seeker)
        over = make.event()
        enrolled(over, seeker)
        Event.objects.filter(pk=over.pk).update(starts_at=now() - timedelta(days=2), ends_at=now() - timedelta(days=1))
    with django_assert_num_queries(7):  # session, person, what is to come, what was, certificates, rules, notices
        assert mine.get("/my/tickets/").status_code == 200


# --- What nobody of ours sends -----------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    name=st.sampled_from(["full_name", "phone", "attendance_type", "deed", "token", "upcoming", "past"]),
    value=st.text(max_size=300),
)
@pytest.mark.long
def test_nothing_anybody_sends_fails(name: str, value: str) -> None:
    user = User.objects.filter(role=Role.SEEKER).first() or make.user(role=Role.SEEKER)
    event = Event.objects.first() or make.event()
    registration = Registration.objects.filter(email=user.email).first() or make.confirmed(event, email=user.email)
    visitor = Client(SERVER_NAME="localhost")
    visitor.force_login(user)
    sound = {name: value.encode("utf-8", "replace").decode()}
    other = make.event()
    answers = [
        visitor.get("/my/tickets/", sound),
        visitor.get(f"/registrations/{registration.id}/", sound),
        visitor.post(f"/registrations/{registration.id}/", {"deed": "accept", **sound}),
        visitor.post(f"/events/{other.id}/enroll/", sound),
    ]
    assert [each.status_code for each in answers if each.status_code >= 500] == []
