"""The admin: behind a second factor, and writing by the actions."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.timezone import localtime
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support import make
from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.models import User
from turnout.core.clock import now
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts, update_event
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, SeatPool, Session, TeamMember
from turnout.notifications.models import Message
from turnout.registrations.attacks.models import Alarm
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


@pytest.fixture
def staff() -> User:
    user = make.staff()
    enrol_second_factor(user)
    return user


def code_of(user: User) -> str:
    device = TOTPDevice.objects.get(user=user)
    return f"{TOTP(device.bin_key).token():06}"


def sign_in(browser: Client, user: User, otp_token: str) -> Any:
    browser.handler.enforce_csrf_checks = False
    form = {"username": user.email, "password": PASSWORD, "otp_token": otp_token, "next": "/admin/"}
    return browser.post("/admin/login/", form)


@pytest.fixture
def desk(browser: Client, staff: User) -> Client:
    """Return the browser of somebody on staff who has signed in with both factors."""
    answer = sign_in(browser, staff, code_of(staff))
    assert answer.status_code == 302, answer.context["form"].errors
    return browser


def test_both_factors_let_staff_in(desk: Client) -> None:
    assert desk.get("/admin/").status_code == 200


@pytest.mark.parametrize("otp_token", ["", "000000x", "1"])
def test_a_password_alone_lets_nobody_in(browser: Client, staff: User, otp_token: str) -> None:
    assert sign_in(browser, staff, otp_token).status_code == 200  # the form again
    assert browser.get("/admin/").status_code == 302


def test_a_session_with_only_a_password_is_sent_back(browser: Client, staff: User) -> None:
    browser.force_login(staff)
    answer = browser.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")


def test_staff_without_a_second_factor_stay_outside(browser: Client) -> None:
    assert sign_in(browser, make.staff(), "").status_code == 200
    assert browser.get("/admin/").status_code == 302


def test_the_login_page_shows_all_three_fields(browser: Client) -> None:
    page = browser.get("/admin/login/").content.decode()
    assert all(f'name="{name}"' in page for name in ("username", "password", "otp_token"))


def form_of(**fields: Any) -> dict[str, Any]:
    # On the hour, so that a form sent a second later says the same; of whichever timezone is sent.
    start = localtime(now() + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    end = start + timedelta(hours=1)
    return {
        "kind": "workshop",
        "status": "published",
        "title": "New",
        "languages": "en, fr",
        "offers_on_site": "on",
        "timezone": "Africa/Algiers",
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": f"{start:%H:%M:%S}",
        "ends_at_0": f"{end:%Y-%m-%d}",
        "ends_at_1": f"{end:%H:%M:%S}",
        "capacity": "3",
        "waitlist_enabled": "on",
        "sessions-TOTAL_FORMS": "1",
        "sessions-INITIAL_FORMS": "0",
        "sessions-0-title": "Part one",
        "sessions-0-starts_at_0": f"{start:%Y-%m-%d}",
        "sessions-0-starts_at_1": f"{start:%H:%M:%S}",
        "sessions-0-ends_at_0": f"{end:%Y-%m-%d}",
        "sessions-0-ends_at_1": f"{end:%H:%M:%S}",
        "sessions-0-room": "A",
        **fields,
    }


def test_staff_make_an_event_with_seats_sessions_and_languages(desk: Client, staff: User) -> None:
    answer = desk.post("/admin/events/event/add/", form_of())
    assert answer.status_code == 302, answer.context["errors"]
    event = Event.objects.get()
    assert [(pool.attendance_type, pool.capacity) for pool in event.pools.all()] == [("", 3)]
    assert [session.title for session in event.sessions.all()] == ["Part one"]
    assert [language.code for language in event.languages.all()] == ["en", "fr"]
    assert event.search_text == " new"
    trail = AuditEntry.objects.filter(subject=event.id).values_list("actor", "verb")
    assert set(trail) == {(f"user:{staff.id}", "event.created"), (f"user:{staff.id}", "event.changed")}


def test_staff_who_move_an_event_have_everybody_registered_told(desk: Client) -> None:
    desk.post("/admin/events/event/add/", form_of(location="Algiers"))
    event = Event.objects.get()
    make.confirmed(event, "guest")
    session = {"sessions-INITIAL_FORMS": "1", "sessions-0-id": str(event.sessions.get().pk)}
    answer = desk.post(f"/admin/events/event/{event.pk}/change/", form_of(location="Oran", **session))
    assert answer.status_code == 302, answer.context["errors"]
    assert Message.objects.get(kind="registration.event_changed").recipient == "guest@example.org"
    event.refresh_from_db()
    assert (event.location, event.location_key) == ("Oran", "oran")


def test_times_are_read_and_shown_as_clocks_at_the_event_show_them(desk: Client) -> None:
    times = {"timezone": "Asia/Tokyo", "starts_at_0": "2030-05-06", "starts_at_1": "10:00:00"}
    times |= {"ends_at_0": "2030-05-06", "ends_at_1": "12:00:00"}
    session = {f"sessions-0-{name}": value for name, value in times.items() if name != "timezone"}
    desk.post("/admin/events/event/add/", form_of(**times, **session))
    event = Event.objects.get()
    moments = [datetime(2030, 5, 6, hour, tzinfo=UTC) for hour in (1, 3)]
    assert [event.starts_at, event.ends_at] == moments
    assert list(event.sessions.values_list("starts_at", "ends_at").get()) == moments
    page = desk.get(f"/admin/events/event/{event.pk}/change/").content.decode()
    assert page.count('value="10:00:00"') == page.count('value="12:00:00"') == 2


@pytest.mark.parametrize(("clock", "hour"), [("2030-10-27", 0), ("2030-03-31", None)])
def test_a_time_that_clocks_show_twice_is_the_first_and_one_that_they_skip_is_refused(
    desk: Client, clock: str, hour: int | None
) -> None:
    times = {"timezone": "Europe/Paris", "starts_at_0": clock, "starts_at_1": "02:30:00"}
    times |= {"ends_at_0": "2030-12-01", "ends_at_1": "12:00:00"}
    answer = desk.post("/admin/events/event/add/", form_of(**times))
    if hour is None:
        assert list(answer.context["adminform"].form.errors) == ["starts_at"]
    else:
        assert Event.objects.get().starts_at == datetime(2030, 10, 27, hour, 30, tzinfo=UTC)


def test_a_draft_with_gaps_is_shown_again_with_all_of_them_and_published_without(desk: Client) -> None:
    desk.post("/admin/events/event/add/", form_of(status="draft", capacity="0", waitlist_enabled=""))
    event = Event.objects.get()
    door = f"/admin/events/event/{event.pk}/change/"
    session = {"sessions-INITIAL_FORMS": "1", "sessions-0-id": str(event.sessions.get().pk)}
    refused = desk.post(door, form_of(capacity="0", waitlist_enabled="", **session))
    assert list(refused.context["adminform"].form.errors) == ["location", "capacity"]
    assert Event.objects.get().status == "draft"
    assert desk.post(door, form_of(capacity="1", waitlist_enabled="", location="Oran", **session)).status_code == 302
    assert (Event.objects.get().status, event.pools.get().capacity) == ("published", 1)


def test_staff_set_what_an_event_asks_and_offers(desk: Client) -> None:
    settings = {"offer_hours": "24", "ask_hours": "48", "release_hours": "24"}
    desk.post("/admin/events/event/add/", form_of(approval_required="on", **settings))
    event = Event.objects.get()
    assert (event.approval_required, event.offer_hours, event.ask_hours, event.release_hours) == (True, 24, 48, 24)
    session = {"sessions-INITIAL_FORMS": "1", "sessions-0-id": str(event.sessions.get().pk)}
    for faulty, field in (({"offer_hours": "0"}, "offer_hours"), ({"release_hours": "8760"}, "release_hours")):
        refused = desk.post(f"/admin/events/event/{event.pk}/change/", form_of(**session, **faulty))
        assert list(refused.context["adminform"].form.errors) == [field]


def test_staff_make_an_event_with_seats_by_type(desk: Client) -> None:
    desk.post("/admin/events/event/add/", form_of(capacity="", capacity_on_site="2", capacity_online="0"))
    pools = {pool.attendance_type: pool.capacity for pool in SeatPool.objects.all()}
    assert pools == {"on_site": 2, "online": 0}
    assert Event.objects.get().attendance_types == ["on_site", "online"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"capacity": "-1"}, "capacity"),
        ({"capacity": str(2**63)}, "capacity"),
        ({"capacity": "many"}, "capacity"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"ends_at_0": "2001-01-01"}, "ends_at"),
        ({"offers_on_site": ""}, "__all__"),
        ({"title": ""}, "title"),
        ({"languages": "en, <b>"}, "languages"),
        ({"starts_at_0": "0001-01-01"}, "starts_at"),
        ({"capacity_online": "3"}, "capacity_online"),
        ({"title": "a\0b"}, "title"),
        ({"status": "cancelled"}, "status"),
    ],
)
def test_a_form_with_a_fault_is_shown_again_and_nothing_is_written(
    desk: Client, fields: dict[str, str], field: str
) -> None:
    answer = desk.post("/admin/events/event/add/", form_of(**fields))
    assert (answer.status_code, list(answer.context["adminform"].form.errors)) == (200, [field])
    assert Event.objects.count() == 0


def test_more_seats_promote_and_fewer_than_taken_are_refused(desk: Client) -> None:
    event = make.event(capacity=1)
    people = [make.confirmed(event) for _ in range(3)]
    path = f"/admin/events/event/{event.id}/change/"
    assert desk.post(path, form_of(capacity="2")).status_code == 302
    assert [Registration.objects.get(pk=person.pk).status for person in people] == ["confirmed"] * 2 + ["waitlisted"]
    refused = desk.post(path, form_of(capacity="1"))
    assert list(refused.context["adminform"].form.errors) == ["capacity"]


def test_a_session_is_changed_and_removed_in_place(desk: Client) -> None:
    event = make.full_event(capacity=1)
    kept, removed = event.sessions.all()
    start = localtime(kept.starts_at)
    one = {"id": kept.id, "title": "Renamed", "room": "B"}
    two = {"id": removed.id, "title": "Gone", "DELETE": "on"}
    fields: dict[str, Any] = {"sessions-TOTAL_FORMS": "2", "sessions-INITIAL_FORMS": "2"}
    for number, session in enumerate((one, two)):
        times = {"starts_at_0": f"{start:%Y-%m-%d}", "starts_at_1": "08:00:00", "ends_at_0": f"{start:%Y-%m-%d}"}
        for name, value in {**session, **times, "ends_at_1": "09:00:00"}.items():
            fields[f"sessions-{number}-{name}"] = value
    answer = desk.post(f"/admin/events/event/{event.id}/change/", form_of(capacity="1", **fields))
    assert answer.status_code == 302
    assert [(session.id, session.title, session.room) for session in event.sessions.all()] == [
        (kept.id, "Renamed", "B")
    ]


def test_staff_cancel_for_somebody_and_the_next_is_promoted(desk: Client) -> None:
    event = make.event(capacity=1)
    holder, waiting = make.confirmed(event), make.confirmed(event)
    desk.post("/admin/registrations/registration/", {"action": "cancel_chosen", "_selected_action": [str(holder.id)]})
    assert dict(Registration.objects.values_list("pk", "status")) == {holder.pk: "cancelled", waiting.pk: "confirmed"}


def test_staff_cancel_an_event_and_everybody_registered_is_told(desk: Client) -> None:
    event, empty = make.event(), make.event()
    amina = make.confirmed(event, "amina")
    chosen = {"action": "remove_chosen", "_selected_action": [event.id, empty.id]}
    assert desk.post("/admin/events/event/", chosen).status_code == 302

    event.refresh_from_db()
    assert event.status == Event.Status.CANCELLED
    assert Message.objects.filter(kind="registration.event_cancelled", subject=amina.id).count() == 1
    assert not Event.objects.filter(pk=empty.pk).exists()


def test_an_events_page_shows_its_owner_and_its_team(desk: Client, django_assert_max_num_queries: Any) -> None:
    event = make.event(owner=make.user("owner"))
    for number in range(3):
        add_member(event, f"scanner{number}@example.org", TeamMember.Role.SCANNER)
    with django_assert_max_num_queries(30):
        page = desk.get(f"/admin/events/event/{event.id}/change/").content.decode()
    assert all(f"{name}@example.org" in page for name in ("owner", "scanner0", "scanner2"))


def test_seats_by_type_say_how_an_event_is_attended(desk: Client) -> None:
    event = make.event(by_type={"on_site": 2})
    fields = form_of(capacity_on_site="2", offers_online="on", **{"sessions-TOTAL_FORMS": "0"})
    assert desk.post(f"/admin/events/event/{event.id}/change/", fields).status_code == 302
    assert Event.objects.get().attendance_types == ["on_site"]


def test_nothing_is_deleted_by_hand(desk: Client) -> None:
    event = make.full_event()
    for path in (f"events/event/{event.id}", f"events/partner/{event.partner_id}"):
        assert desk.post(f"/admin/{path}/delete/", {"post": "yes"}).status_code == 403


def test_a_programme_too_long_for_one_form_leaves_its_event_to_be_changed(desk: Client) -> None:
    event = make.event()
    start = event.starts_at
    sessions = [Session(title=f"{n}", starts_at=start, ends_at=start + timedelta(hours=1)) for n in range(51)]
    update_event(event, Parts(sessions=sessions[:50]))
    assert 'name="sessions-TOTAL_FORMS"' in desk.get(f"/admin/events/event/{event.pk}/change/").content.decode()
    update_event(event, Parts(sessions=sessions))
    assert 'name="sessions-TOTAL_FORMS"' not in desk.get(f"/admin/events/event/{event.pk}/change/").content.decode()


def test_staff_switch_attack_mode_see_a_burst_roll_it_back_and_undo_that(desk: Client) -> None:
    assert "Switch on" in desk.get("/admin/registrations/alarm/platform/").content.decode()
    desk.post("/admin/registrations/alarm/platform/", {"on": "1"})
    event = make.event()
    for name in ("amina", "bilal"):
        make.pending(event, email=f"{name}@{name}.example")
    page = f"/admin/events/event/{event.id}/burst/"
    shown = desk.get(page).content.decode()
    assert all(text in shown for text in ("2 registered", "2 quarantined", "amina.example", "Roll back"))
    assert page in desk.get(f"/admin/events/event/{event.id}/change/").content.decode()

    desk.post(page, {"deed": "roll_back", "domains": ["amina.example"]})
    assert sorted(Registration.objects.values_list("email", "status")) == [
        ("amina@amina.example", "cancelled"),
        ("bilal@bilal.example", "pending"),
    ]
    desk.post(page, {"undo": str(event.rollbacks.get().pk)})
    assert set(Registration.objects.values_list("status", flat=True)) == {"pending"}
    assert desk.post(page, {"undo": str(event.id)}).status_code == 404
    assert [desk.get(f"/admin/events/event/{key}/burst/").status_code for key in (uuid4(), "x")] == [404, 404]
    desk.post(page, {"mode": "off"})
    assert event.alarm.mode == "off"
    Registration.objects.all().delete()
    assert "No registration of this event is quarantined." in desk.post(page, {}, follow=True).content.decode()
    desk.post("/admin/registrations/alarm/platform/", {"on": ""})
    assert desk.get("/admin/registrations/alarm/").status_code == 200


def test_attack_mode_is_behind_the_second_factor(browser: Client, staff: User) -> None:
    browser.handler.enforce_csrf_checks = False
    browser.force_login(staff)
    for page in ("/admin/registrations/alarm/platform/", f"/admin/events/event/{make.event().id}/burst/"):
        assert browser.post(page, {"on": "1"}).status_code == 302
    assert not Alarm.objects.exists()
