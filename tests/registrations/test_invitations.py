"""What mails put into people's calendars, and their own calendar: read by two parsers that are not ours."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests.support import make
from tests.support.calendars import READERS, Entry, Reader, read_with_vobject
from turnout.accounts.actions.profile import renew_calendar
from turnout.accounts.models import Role, User
from turnout.core.clock import now
from turnout.events.models import Event
from turnout.notifications.mail import Invitation, compose
from turnout.notifications.models import Message
from turnout.privacy.actions import erase
from turnout.registrations.actions import cancel
from turnout.registrations.actions.coming import ask_who_comes, release_unanswered
from turnout.registrations.actions.events import EventChange, change_event, remove_event
from turnout.registrations.actions.reviews import decline
from turnout.registrations.invitations import feed, invitation
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

readers = pytest.mark.parametrize("read", READERS)

# A Saturday evening in Paris: that night clocks go forward.
BEFORE = datetime(2027, 3, 27, 19, tzinfo=UTC)
LATER = BEFORE + timedelta(days=7)


@pytest.fixture
def samira() -> User:
    return make.user("samira", role=Role.SEEKER)


def move(event: Event, **fields: object) -> Event:
    return change_event(event, EventChange(fields))


def invited(registration: Registration) -> Invitation:
    """Return what a mail would carry to this person at this moment."""
    found = invitation(Registration.objects.select_related("event").get(pk=registration.pk))
    assert found is not None
    return found


def entries(user: User, read: Reader = read_with_vobject) -> list[Entry]:
    return read(feed(user)).entries


def carried(kind: str, registration: Registration) -> list[tuple[str, str]]:
    """Return the types of a mail's parts that have to do with calendars, and the method each says."""
    message = Message.objects.filter(kind=f"registration.{kind}", subject=registration.pk).last()
    assert message is not None
    composed = compose(message)
    assert composed is not None
    whole = message_from_bytes(composed.message().as_bytes(), policy=policy.default)
    return [(part.get_content_type(), method_of(part)) for part in whole.walk() if is_of_calendars(part)]


def sent(message: Any) -> bytes:
    """Return a message as it goes to a mail server."""
    content: bytes = message.as_bytes(linesep="\r\n")  # Django's own
    return content


def is_of_calendars(part: Any) -> bool:
    return part.get_content_type() in {"text/calendar", "application/ics"}


def method_of(part: Any) -> str:
    """Return the method in the file, after checking that the part's own header says the same."""
    content = part.get_content()
    text = content if isinstance(content, str) else content.decode()
    found = read_with_vobject(text.replace("\r\n", "\n").replace("\n", "\r\n").encode()).method
    assert part.get_param("method", found) == found
    return found


# --- Request, change, cancel -------------------------------------------------------------------------------------


@readers
def test_a_moved_event_moves_in_the_calendar_and_a_cancelled_seat_leaves_it(read: Reader) -> None:
    event = make.event(title="Go", starts_at=BEFORE, timezone="Europe/Paris", location="Paris")
    amina = make.confirmed(event, "amina")
    said = [read(invited(amina).content)]
    event = move(event, starts_at=LATER, ends_at=LATER + timedelta(hours=2))
    said.append(read(invited(amina).content))
    move(event, location="Lyon")
    said.append(read(invited(amina).content))
    cancel(amina)
    said.append(read(invited(amina).content))

    assert {each.uid for calendar in said for each in calendar.entries} == {f"{amina.id}@127.0.0.1"}
    assert {each.attendee for calendar in said for each in calendar.entries} == {"mailto:amina@example.org"}
    shown = [(calendar.method, each) for calendar in said for each in calendar.entries]
    assert [(method, each.sequence, each.status, each.starts, each.location) for method, each in shown] == [
        ("REQUEST", 0, "CONFIRMED", BEFORE, "Paris"),
        ("REQUEST", 1, "CONFIRMED", LATER, "Paris"),
        ("REQUEST", 2, "CONFIRMED", LATER, "Lyon"),
        ("CANCEL", 3, "CANCELLED", LATER, "Lyon"),
    ]


@readers
def test_a_cancelled_event_leaves_the_calendars_of_those_who_had_a_seat(read: Reader) -> None:
    event = make.event(capacity=1, starts_at=BEFORE, timezone="Europe/Paris")
    seated, waiting = make.confirmed(event), make.confirmed(event)
    move(event, location="Lyon")
    remove_event(event)
    said = read(invited(seated).content)
    assert (said.method, [(each.status, each.sequence) for each in said.entries]) == ("CANCEL", [("CANCELLED", 2)])
    waiting.refresh_from_db()
    assert invitation(waiting) is None


def test_who_never_had_a_seat_is_not_invited_and_not_uninvited() -> None:
    full, reviewed = make.event(capacity=0), make.event(approval_required=True)
    pending, waiting, asking = make.pending(make.event()), make.confirmed(full), make.confirmed(reviewed)
    gone = make.confirmed(full)
    cancel(gone)
    decline(asking, reason="", actor="user:1")
    everybody = Registration.objects.filter(pk__in=[pending.pk, waiting.pk, asking.pk, gone.pk])
    assert [invitation(each) for each in everybody] == [None] * 4


def test_an_invitation_names_the_site_and_the_person_and_asks_nothing() -> None:
    amina = make.confirmed(make.event(), full_name='Amina "Mina" B., Dr.; X:Y')
    lines = invited(amina).content.decode().replace("\r\n ", "").splitlines()
    (organizer,) = [line for line in lines if line.startswith("ORGANIZER")]
    (attendee,) = [line for line in lines if line.startswith("ATTENDEE")]
    assert organizer == "ORGANIZER;CN=Turnout:mailto:turnout@localhost.localdomain"
    assert attendee == (
        """ATTENDEE;CN="Amina 'Mina' B., Dr.; X:Y";PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT;RSVP=FALSE:mailto:"""
        + amina.email
    )


def test_the_id_is_of_the_sites_host(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://events.example.org:8443"
    amina = make.confirmed(make.event())
    assert f"UID:{amina.id}@events.example.org" in invited(amina).content.decode().replace("\r\n ", "")


def test_who_comes_online_learns_where_and_nobody_else() -> None:
    event = make.event(capacity=2, online_url="https://meet.example.org/go", location="Paris")
    online, on_site = make.confirmed(event, attendance_type="online"), make.confirmed(event)
    waiting = make.confirmed(event, "samira", attendance_type="online")
    shown = [read_with_vobject(invited(each).content).entries[0].location for each in (online, on_site)]
    assert shown == ["https://meet.example.org/go", "Paris"]
    assert [each.location for each in entries(make.user("samira"))] == ["Online"]
    assert waiting.status == "waitlisted"
    cancel(online)
    assert b"meet.example.org" not in invited(online).content


# --- By mail -----------------------------------------------------------------------------------------------------


def cancelled(event: Event) -> None:
    remove_event(event)


def moved(event: Event) -> None:
    move(event, location="Oran")


@pytest.mark.parametrize(
    ("kind", "then", "method"),
    [
        ("confirmed", None, "REQUEST"),
        ("event_changed", moved, "REQUEST"),
        ("event_cancelled", cancelled, "CANCEL"),
    ],
)
def test_mails_to_who_has_a_seat_change_their_calendar(
    kind: str, then: Callable[[Event], None] | None, method: str
) -> None:
    event = make.event(capacity=1, starts_at=now() + timedelta(days=9))
    seated, waiting = make.confirmed(event), make.confirmed(event)
    if then is not None:
        then(event)
        assert carried(kind, waiting) == []
    assert carried(kind, seated) == [("text/calendar", method), ("application/ics", method)]


def test_who_moves_up_is_invited_and_who_leaves_is_uninvited() -> None:
    event = make.event(capacity=1)
    seated, waiting = make.confirmed(event), make.confirmed(event)
    assert carried("waitlisted", waiting) == []
    cancel(seated)
    assert carried("cancelled", seated) == [("text/calendar", "CANCEL"), ("application/ics", "CANCEL")]
    assert carried("promoted", waiting) == [("text/calendar", "REQUEST"), ("application/ics", "REQUEST")]


def test_a_released_seat_leaves_the_calendar() -> None:
    with time_machine.travel(now(), tick=False) as clock:
        silent = make.confirmed(make.event(starts_at=now() + timedelta(hours=60), ask_hours=48, release_hours=24))
        clock.shift(timedelta(hours=13))
        assert ask_who_comes() == 1
        assert carried("still_coming", silent) == []
        clock.shift(timedelta(hours=24))
        assert release_unanswered() == 1
    assert carried("released", silent) == [("text/calendar", "CANCEL"), ("application/ics", "CANCEL")]


def test_the_invitation_stands_beside_the_text_for_programs_and_as_a_file_for_people() -> None:
    registration = make.confirmed(make.event(title="ورشة، \r\nBcc: x"))
    composed = compose(Message.objects.get(kind="registration.confirmed", subject=registration.pk))
    assert composed is not None
    whole = message_from_bytes(sent(composed.message()), policy=policy.default)
    assert isinstance(whole, EmailMessage)
    texts, ticket, file = whole.iter_parts()
    assert [part.get_content_type() for part in texts.iter_parts()] == ["text/plain", "text/html", "text/calendar"]
    part = list(texts.iter_parts())[-1]
    assert (part.get_param("method"), part.get_content_charset()) == ("REQUEST", "utf-8")
    assert [each.get_filename() for each in (ticket, file)] == ["ticket.pdf", "invite.ics"]
    assert part.get_payload(decode=True) == file.get_content()  # with CRLF, as the format wants it


# --- One's own calendar ------------------------------------------------------------------------------------------


@readers
def test_it_holds_what_one_is_confirmed_for_and_waits_for_by_whichever_door(read: Reader, samira: User) -> None:
    seated = make.enrolled(make.event(title="Seated", starts_at=LATER), samira)
    guest = make.confirmed(make.event(title="As a guest", starts_at=BEFORE), email=samira.email)
    waiting = make.enrolled(make.event(title="Full", capacity=0), samira)
    asking = make.enrolled(make.event(title="Asks", approval_required=True), samira)
    make.pending(make.event(), email=samira.email)
    make.confirmed(make.event())
    found = read(feed(samira))
    assert (found.method, found.name) == ("", "Turnout")
    assert {each.uid.partition("@")[0]: (each.summary, each.status) for each in found.entries} == {
        str(seated.id): ("Seated", "CONFIRMED"),
        str(guest.id): ("As a guest", "CONFIRMED"),
        str(waiting.id): ("Full", "TENTATIVE"),
        str(asking.id): ("Asks", "TENTATIVE"),
    }


def test_it_has_the_same_entry_as_the_mail(samira: User) -> None:
    event = make.event(starts_at=BEFORE, timezone="Europe/Paris")
    held = make.enrolled(event, samira)
    for change in (lambda: None, lambda: move(event, location="Lyon"), lambda: cancel(held)):
        change()
        (mailed,) = read_with_vobject(invited(held).content).entries
        (shown,) = entries(samira)
        assert (shown.uid, shown.sequence, shown.status, shown.starts) == (
            mailed.uid,
            mailed.sequence,
            mailed.status,
            mailed.starts,
        )


def test_what_is_over_stays_90_days_and_what_was_given_up_30(samira: User) -> None:
    start = datetime(2027, 1, 4, 12, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock:
        over = make.enrolled(make.event(starts_at=start + timedelta(hours=1), hours=1), samira)
        given_up = make.enrolled(make.event(starts_at=start + timedelta(days=300)), samira)
        cancel(given_up)
        shown = []
        for days in (29, 31, 89, 91):
            clock.move_to(start + timedelta(days=days, hours=2 if days < 90 else 3))
            ids = {str(over.id): "over", str(given_up.id): "given up"}
            shown.append(sorted(ids[each.uid.partition("@")[0]] for each in entries(samira)))
    assert shown == [["given up", "over"], ["over"], ["over"], []]


def test_a_cancelled_event_says_so(samira: User) -> None:
    event = make.event()
    make.enrolled(event, samira)
    remove_event(event)
    assert [(each.status, each.sequence) for each in entries(samira)] == [("CANCELLED", 1)]


def test_it_speaks_its_owners_language(samira: User) -> None:
    make.enrolled(make.event(), samira, attendance_type="online")
    User.objects.filter(pk=samira.pk).update(language="fr")
    assert [each.location for each in entries(User.objects.get(pk=samira.pk))] == ["En ligne"]


@pytest.mark.parametrize("rows", [1, 4])
def test_it_costs_the_same_whatever_its_length(
    samira: User, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for _ in range(rows):
        make.enrolled(make.full_event(), samira)
        make.enrolled(make.event(capacity=0), samira)
        move(make.enrolled(make.event(), samira).event, location="Oran")
    with django_assert_num_queries(4):  # registrations, sessions, moves, deeds
        assert len(entries(samira)) == 3 * rows


def test_it_says_the_same_until_something_changes(samira: User) -> None:
    event = make.event()
    make.enrolled(event, samira)
    before = feed(samira)
    with time_machine.travel(now() + timedelta(hours=1)):
        assert feed(samira) == before
        change_event(event, EventChange({"title": "Other"}))
        assert feed(samira) != before


# --- Its secret address ------------------------------------------------------------------------------------------


def path_of(user: User) -> str:
    return user.calendar_url.removeprefix("http://127.0.0.1:8000")


def test_whoever_has_the_address_reads_it_without_signing_in(samira: User) -> None:
    make.enrolled(make.event(title="Go"), samira)
    answer = make.client().get(path_of(samira))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert [each.summary for each in read_with_vobject(answer.content).entries] == ["Go"]
    assert {name: answer[name] for name in ("Cache-Control", "Referrer-Policy", "X-Robots-Tag")} == {
        "Cache-Control": "private, max-age=300",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
    again = make.client().get(path_of(samira), headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_any_other_address_leads_nowhere(samira: User) -> None:
    other = make.user("other")
    right, key = path_of(samira), path_of(other).rpartition("/")[2]
    wrong = [
        right.replace(str(samira.id), str(other.id)),
        f"/api/calendars/{samira.id}/{key}",
        right.replace(".ics", "x.ics"),
        f"/api/calendars/{samira.id}/{samira.calendar_version}.ics",
        "/api/calendars/0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d/unknown.ics",
    ]
    answers = [make.client().get(path) for path in wrong]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(404, "not_found")] * 5


def test_a_new_address_makes_the_old_one_void(samira: User) -> None:
    old = path_of(samira)
    mine = make.client(samira)
    assert mine.get("/api/me/calendar/").json() == {"url": samira.calendar_url}
    renewed = mine.post("/api/me/calendar/").json()["url"]
    samira.refresh_from_db()
    assert (renewed, renewed.endswith(old)) == (samira.calendar_url, False)
    assert mine.get("/api/me/calendar/").json() == {"url": renewed}
    assert [make.client().get(path).status_code for path in (old, path_of(samira))] == [404, 200]


def test_nothing_of_it_is_stored(samira: User) -> None:
    key = samira.calendar_url.rpartition("/")[2].removesuffix(".ics")
    assert key not in repr(User.objects.filter(pk=samira.pk).values())


@pytest.mark.parametrize("how", ["erased", "deactivated", "unverified"])
def test_who_is_gone_has_no_calendar(samira: User, how: str) -> None:
    path = path_of(samira)
    if how == "erased":
        erase(samira)
    else:
        fields = {"is_active": False} if how == "deactivated" else {"address_verified": False}
        User.objects.filter(pk=samira.pk).update(**fields)
    assert make.client().get(path).status_code == 404


def test_the_page_shows_the_address_and_makes_a_new_one(samira: User) -> None:
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(samira)
    page = browser.get("/account/calendar/").content.decode()
    assert f'value="{samira.calendar_url}"' in page
    assert f'href="webcal:{samira.calendar_url.removeprefix("http:")}"' in page
    answer = browser.post("/account/calendar/")
    assert (answer.status_code, answer["Location"]) == (302, "/account/calendar/")
    page = browser.get("/account/calendar/").content.decode()
    assert ("The old one leads nowhere." in page, samira.calendar_url in page) == (True, False)
    for path in ("/account/", "/my/tickets/"):
        assert 'href="/account/calendar/"' in browser.get(path).content.decode()


def test_renewing_twice_counts_twice_whoever_read_the_row_before(samira: User) -> None:
    stale = User.objects.get(pk=samira.pk)
    first = renew_calendar(samira).calendar_url
    assert (renew_calendar(stale).calendar_url != first, stale.calendar_version) == (True, 3)
