"""Certificates on pages: verified by whoever has the paper, proofed and kept by whom they name."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.formats import date_format
from django.utils.timezone import localtime
from pytest_django import DjangoAssertNumQueries, Settings
from time_machine import travel

from tests.support import door, make
from tests.support.pages import send, text
from turnout.accounts.models import Role as AccountRole
from turnout.accounts.models import User
from turnout.certificates import actions
from turnout.certificates.actions.rules import set_rules
from turnout.certificates.models import Certificate, Role
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.models import AuditEntry
from turnout.events.actions import Parts
from turnout.events.models import Event, Session
from turnout.guard.notation import windows
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script> & “Amina”"


@dataclass
class Past:
    """An event that was yesterday, with two sessions, and those who came to the first."""

    owner: User = field(default_factory=lambda: make.user("omar"))
    title: str = "Bread & butter"

    def __post_init__(self) -> None:
        self.start = now() - timedelta(days=1)
        with travel(self.start - timedelta(hours=1)):
            hour = timedelta(hours=1)
            sessions = [
                Session(
                    title=f"Part {part}", starts_at=self.start + part * hour, ends_at=self.start + (part + 1) * hour
                )
                for part in range(2)
            ]
            parts = Parts(languages=["en"], sessions=sessions)
            self.event = make.event(owner=self.owner, title=self.title, starts_at=self.start, parts=parts)
            set_rules(self.event, {"automatic": False}, actor=audit.SYSTEM)

    def registered(self, name: str = "", **fields: Any) -> Registration:
        """Return somebody who was registered in time."""
        with travel(self.start - timedelta(minutes=30)):
            return make.confirmed(self.event, name, **fields)

    def came(self, name: str = "", **fields: Any) -> Registration:
        """Return somebody who was in the first session, to its end."""
        person = self.registered(name, **fields)
        self.lets_in(person)
        return person

    def lets_in(self, person: Registration) -> None:
        with travel(self.start):
            door.scan(self.owner, person, session=self.event.sessions.earliest("starts_at").pk)

    def certified(self, name: str = "", **fields: Any) -> Certificate:
        """Return the certificate of somebody who came."""
        return actions.issue_to(self.came(name, **fields), actor=audit.SYSTEM)

    def speaker(self, name: str, email: str = "") -> Certificate:
        """Return the certificate of somebody who spoke."""
        named = actions.Named(full_name=name, email=email, hours=Decimal("1.50"))
        return actions.issue_by_hand(self.event, Role.SPEAKER, named, actor=audit.SYSTEM)


@pytest.fixture
def past() -> Past:
    return Past()


def erase(certificate: Certificate) -> None:
    """Leave of a certificate what erasing its holder leaves."""
    certificate.versions.update(snapshot=None, credential=None, document_key=None)
    Certificate.objects.filter(pk=certificate.pk).update(full_name="", email="", holder_key=None, erased_at=now())


def page_of(certificate: Certificate, version: int | str | None = None) -> str:
    page = f"/certificates/{certificate.pk}/"
    return page if version is None else f"{page}?version={version}"


def shown_as(answer: Any) -> str:
    """Return the word at the top of a certificate's page, without its sign."""
    heading = re.search(r"<h1>(.*?)</h1>", answer.content.decode())
    assert heading
    return re.sub(r"<span[^>]*>.*?</span>", "", heading[1]).strip()


def today(past: Past) -> str:
    return date_format(localtime(now(), past.event.zone), "j F Y")


# --- Verifying ---------------------------------------------------------------------------------------------------


def test_whoever_has_the_paper_sees_what_it_says_and_that_it_holds(browser: Client, past: Past) -> None:
    certificate = past.certified("amina", full_name="Amina أمينة Benali")
    page = browser.get(page_of(certificate))
    html, said = page.content.decode(), text(page)
    assert (page.status_code, shown_as(page)) == (200, "Valid")
    assert "<bdi>Amina أمينة Benali</bdi>" in html
    for shown in (
        "Certificate of participation",
        "has taken part in",
        "Bread &amp; butter",
        "Where Algiers",
        "(Africa/Algiers)",
        "Role Participant",
        "Hours credited 1 ",
        "Given by Omar",
        "How it is earned Earned by being there.",
        "Part 0",
        f"Issued on {today(past)}",
        str(certificate.pk),
    ):
        assert shown in said, shown
    assert ("Part 1" in said, "amina@example.org" in said, "Versions" in said) == (False, False, False)
    assert f'href="/api/certificates/{certificate.pk}/pdf/"' in html
    assert f'href="/api/certificates/{certificate.pk}/credential/"' in html
    assert "https://www.linkedin.com/profile/add?startTask=CERTIFICATION_NAME&amp;name=Certificate+of+part" in html


def test_nobody_keeps_the_page_and_no_search_engine_lists_it(browser: Client, past: Past) -> None:
    for path in (page_of(past.certified()), f"/certificates/{uuid4()}/"):
        page = browser.get(path)
        assert "no-store" in page["Cache-Control"]
        assert page["X-Robots-Tag"] == "noindex"
        assert '<meta name="robots" content="noindex">' in page.content.decode()
        assert "<script" not in page.content.decode()


def test_a_correction_leaves_the_old_paper_replaced_with_the_way_to_the_one_that_holds(
    browser: Client, past: Past
) -> None:
    certificate = past.certified("amina")
    actions.correct(certificate, "Amina Benali", f"A letter {HOSTILE}", actor=audit.SYSTEM)
    old, new = browser.get(page_of(certificate, 1)), browser.get(page_of(certificate))
    assert (shown_as(old), shown_as(new)) == ("Replaced", "Valid")
    assert f"This paper was replaced on {today(past)}. The reason given: A letter &lt;script&gt;" in text(old)
    assert f'<a class="button" href="{page_of(certificate)}">' in old.content.decode()
    assert ("<bdi>Amina</bdi>" in old.content.decode(), "<bdi>Amina Benali</bdi>" in new.content.decode()) == (
        False,
        True,
    )
    assert ("linkedin" in old.content.decode(), "/pdf/" in old.content.decode()) == (False, False)
    assert re.findall(r"Version \d", text(new)) == ["Version 2", "Version 1"]


def test_revoking_shows_at_once_with_its_reason_and_date(browser: Client, past: Past) -> None:
    certificate = past.certified()
    assert shown_as(browser.get(page_of(certificate))) == "Valid"
    actions.revoke(certificate, HOSTILE, actor=audit.SYSTEM)
    page = browser.get(page_of(certificate))
    assert shown_as(page) == "Revoked"
    assert f"It was revoked on {today(past)}, and holds no more. The reason given: &lt;script&gt;" in text(page)
    assert ("linkedin" in page.content.decode(), "/pdf/" in page.content.decode()) == (False, False)


def test_what_its_holder_erased_says_so_and_nothing_else(browser: Client, past: Past) -> None:
    certificate = past.certified("amina")
    actions.correct(certificate, "Amina Benali", "Amina wrote to us", actor=audit.SYSTEM)
    erase(certificate)
    for path in (page_of(certificate), page_of(certificate, 1)):
        page = browser.get(path)
        assert (page.status_code, shown_as(page)) == (200, "Erased")
        assert "Its holder asked us to erase it" in text(page)
        assert ("Amina" in text(page), "Bread" in text(page)) == (False, False)


def test_it_holds_when_the_event_and_its_organiser_are_gone(browser: Client, past: Past) -> None:
    certificate = past.certified("amina")
    Certificate.objects.update(event=None, registration=None)
    page = browser.get(page_of(certificate))
    assert (shown_as(page), "Bread &amp; butter" in text(page), "Given by Omar" in text(page)) == ("Valid", True, True)


def test_hostile_names_stand_there_as_they_were_written(browser: Client) -> None:
    past = Past(title=HOSTILE)
    page = browser.get(page_of(past.certified(full_name=HOSTILE))).content.decode()
    assert ("<script>alert" in page, page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; “Amina”") >= 3) == (
        False,
        True,
    )


@pytest.mark.parametrize("version", ["0", "2", "-1", "x", "", "99999999999999999999", "1e3", "١"])
def test_a_version_that_never_was_is_unknown(browser: Client, past: Past, version: str) -> None:
    assert browser.get(page_of(past.certified(), version)).status_code == 404


@pytest.mark.parametrize(
    "number", ["6f1c1a52-8f4e-4d57-9d0e-3b1f6c2a7e90", "1234", "x" * 2000, "%3Cscript%3Ealert(1)", "..%2F.."]
)
def test_an_unknown_number_says_what_to_do(browser: Client, number: str) -> None:
    page = browser.get(f"/certificates/{number}/")
    assert page.status_code == 404
    if b'class="verdict' in page.content:
        assert (shown_as(page), "letter by letter" in text(page), "ask the organisers" in text(page)) == (
            "Unknown",
            True,
            True,
        )


def test_a_number_typed_from_paper_leads_to_its_page(browser: Client, past: Past) -> None:
    certificate = past.certified()
    typed = str(certificate.pk)
    for written in (
        typed,
        typed.upper().replace("-", ""),
        f" {typed[:13]} {typed[13:]} ",
        certificate.address(),
        f"see {certificate.address()}",
    ):
        assert browser.get("/certificates/", {"id": written})["Location"] == page_of(certificate)
    assert browser.get("/certificates/", {"id": certificate.address(1)})["Location"] == page_of(certificate, 1)
    assert browser.get(f"/certificates/{typed.upper()}/").status_code == 200
    assert browser.get("/certificates/").status_code == 200
    for written in ("", "12", f"{typed}0", "https://evil.example/"):
        refused = browser.get("/certificates/", {"id": written})
        assert (refused.status_code, 'aria-invalid="true"' in refused.content.decode()) == (400, True)


def test_who_asks_too_often_has_to_wait(browser: Client, past: Past, settings: Settings) -> None:
    certificate = past.certified()
    settings.THROTTLES = {**settings.THROTTLES, "certificate": windows("2/minute")}
    answers = [browser.get(page_of(certificate)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_page_speaks_the_visitors_language(browser: Client, past: Past, language: str) -> None:
    certificate = past.speaker("Élodie")
    for path in (page_of(certificate), "/certificates/", f"/certificates/{uuid4()}/"):
        page = browser.get(path, headers={"Accept-Language": language}).content.decode()
        assert f'<html lang="{language}"' in page
    assert '<bdi lang="en">' in browser.get(page_of(certificate)).content.decode()  # the paper's words stay the paper's


# --- The proof ---------------------------------------------------------------------------------------------------


def coming(**rules: Any) -> tuple[Event, Registration]:
    event = make.event(title="Bread", location="Oran")
    set_rules(event, rules, actor=audit.SYSTEM)
    return event, make.confirmed(event, "amina")


def proof_path(person: Registration) -> str:
    path, _mark, query = person.page_path().partition("?")
    return f"{path}certificate/?{query}"


def test_a_guest_sees_their_certificate_before_and_puts_their_name_right(browser: Client) -> None:
    _event, amina = coming(min_attendance_percent=80)
    registration_page = browser.get(amina.page_path()).content.decode()
    assert proof_path(amina) in registration_page
    page = browser.get(proof_path(amina))
    assert (page.status_code, page["Referrer-Policy"], page["X-Robots-Tag"]) == (200, "no-referrer", "noindex")
    assert "Certificate of participation Amina has taken part in Bread" in text(page)
    assert "Earned by attending at least 80 percent of the sessions." in text(page)
    assert f'href="/api/registrations/{amina.pk}/certificate.pdf?token=' in page.content.decode()
    answer = browser.post(
        proof_path(amina).partition("?")[0], {"token": amina.manage_token, "full_name": f"{HOSTILE} ب"}
    )
    assert (answer.status_code, answer["Location"]) == (302, proof_path(amina))
    amina.refresh_from_db()
    assert amina.full_name == f"{HOSTILE} ب"
    assert AuditEntry.objects.filter(verb="registration.changed", subject=amina.pk, actor=audit.GUEST).exists()
    after = browser.get(proof_path(amina)).content.decode()
    assert ("<script>alert" in after, "Your name is kept." in after) == (False, True)


@pytest.mark.parametrize("name", ["", "!!", "a\nb", "x" * 201])
def test_what_is_no_name_is_said_at_its_field(browser: Client, name: str) -> None:
    _event, amina = coming()
    refused = browser.post(proof_path(amina).partition("?")[0], {"token": amina.manage_token, "full_name": name})
    assert (refused.status_code, 'aria-invalid="true"' in refused.content.decode()) == (400, True)


def test_the_holder_alone_sees_the_proof(browser: Client) -> None:
    event, amina = coming()
    path = f"/registrations/{amina.pk}/certificate/"
    assert browser.get(path).status_code == 404
    assert browser.get(f"{path}?token=wrong").status_code == 404
    for other in (event.owner, make.user(), make.user(role=AccountRole.SEEKER)):
        if other is not None:
            browser.force_login(other)
            assert browser.get(path).status_code == 404
    assert browser.post(path, {"full_name": "Mallory"}).status_code in {403, 404}
    browser.force_login(make.user("amina", role=AccountRole.SEEKER))
    assert browser.get(path).status_code == 200
    assert send(browser, path, full_name="Amina B.").status_code == 302
    assert browser.post(path, {"full_name": "Mallory"}).status_code == 403  # a form that was not ours
    amina.refresh_from_db()
    assert amina.full_name == "Amina B."


def test_once_it_is_issued_the_name_is_the_organisers_to_correct(browser: Client, past: Past) -> None:
    amina = past.came("amina")
    certificate = actions.issue_to(amina, actor=audit.SYSTEM)
    page = browser.get(proof_path(amina))
    assert f'href="{page_of(certificate)}"' in page.content.decode()
    assert "name=" not in page.content.decode().partition("<main")[2].partition("</main>")[0]
    refused = browser.post(
        proof_path(amina).partition("?")[0], {"token": amina.manage_token, "full_name": "Somebody Else"}
    )
    assert refused.status_code == 409
    assert "It is issued already." in text(refused)
    assert f'href="{page_of(certificate)}"' in browser.get(amina.page_path()).content.decode()
    actions.revoke(certificate, "a mistake", actor=audit.SYSTEM)
    assert "It was issued, and revoked." in text(browser.get(proof_path(amina)))
    erase(certificate)
    assert "It was issued, and erased." in text(browser.get(proof_path(amina)))


def test_the_name_can_be_put_right_after_the_event_while_nothing_is_issued(browser: Client, past: Past) -> None:
    amina = past.came("amina")
    sent = {"token": amina.manage_token, "full_name": "Amina Benali"}
    assert browser.post(proof_path(amina).partition("?")[0], sent).status_code == 302
    assert actions.issue_to(amina, actor=audit.SYSTEM).full_name == "Amina Benali"


def test_it_says_what_is_missing(browser: Client, past: Past) -> None:
    late, amina = past.registered("late"), past.came("amina")
    last = past.event.sessions.latest("starts_at")
    rules = {"min_attendance_percent": 80, "min_minutes": 500, "required_sessions": [str(last.pk)]}
    assert "You were there as long as asked. The organisers issue it." in text(browser.get(proof_path(amina)))
    set_rules(past.event, {"automatic": True}, actor=audit.SYSTEM)
    assert "it is on its way to you" in text(browser.get(proof_path(amina)))
    set_rules(past.event, rules, actor=audit.SYSTEM)
    assert "You were not checked in." in text(browser.get(proof_path(late)))
    said = text(browser.get(proof_path(amina)))
    assert "You were in 50 percent of the sessions; 80 are asked." in said
    assert "minutes; 500 are asked." in said
    assert "You were not in every session that is asked." in said


def test_where_there_is_none_to_come_it_says_why(browser: Client) -> None:
    event = make.event(capacity=1)
    seated, waiting = make.confirmed(event), make.confirmed(event)
    assert "have not said yet whether they give certificates" in text(browser.get(proof_path(seated)))
    assert "certificate/" not in browser.get(seated.page_path()).content.decode()
    set_rules(event, {}, actor=audit.SYSTEM)
    assert "Only who holds a seat gets a certificate." in text(browser.get(proof_path(waiting)))
    Event.objects.filter(pk=event.pk).update(status=Event.Status.CANCELLED)
    assert "This event is cancelled, so there are no certificates." in text(browser.get(proof_path(seated)))


# --- One's own ---------------------------------------------------------------------------------------------------


def test_past_tickets_lead_to_their_certificates(browser: Client, past: Past) -> None:
    seeker = make.user("samira", role=AccountRole.SEEKER)
    with travel(past.start - timedelta(minutes=30)):
        own = make.enrolled(past.event, seeker)
    past.lets_in(own)
    browser.force_login(seeker)
    assert f'href="/registrations/{own.pk}/certificate/"' in browser.get("/my/tickets/").content.decode()
    certificate = actions.issue_to(own, actor=audit.SYSTEM)
    tickets = browser.get("/my/tickets/").content.decode()
    assert (f'href="{page_of(certificate)}"' in tickets, "/my/certificates/" in tickets) == (True, True)
    actions.revoke(certificate, "a mistake", actor=audit.SYSTEM)
    assert "Your certificate was revoked" in text(browser.get("/my/tickets/"))


def test_ones_own_are_listed_in_whatever_role_and_nobody_elses(browser: Client, past: Past) -> None:
    own = past.speaker("Samira <b>", "samira@example.org")
    past.speaker("Another", "another@example.org")
    assert browser.get("/my/certificates/")["Location"] == "/login/?next=/my/certificates/"
    browser.force_login(make.user("samira", role=AccountRole.SEEKER))
    page = browser.get("/my/certificates/")
    assert re.findall(r'href="(/certificates/[^"]+)"', page.content.decode()) == [page_of(own)]
    assert ("Samira &lt;b&gt;" in page.content.decode(), "Speaker" in text(page), "1.5" in text(page)) == (
        True,
        True,
        False,
    )
    browser.force_login(make.user(address_verified=False))
    assert "You have no certificate yet." in text(browser.get("/my/certificates/"))


def test_pages_ask_as_much_for_nine_as_for_one(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    seeker = make.user("samira", role=AccountRole.SEEKER)
    browser.force_login(seeker)
    for count in (1, 9):
        while Certificate.objects.count() < count:
            past = Past(owner=make.user())
            with travel(past.start - timedelta(minutes=30)):
                own = make.enrolled(past.event, seeker)
            past.lets_in(own)
            actions.issue_to(own, actor=audit.SYSTEM)
        with django_assert_num_queries(5):
            browser.get("/my/certificates/")
        with django_assert_num_queries(7):
            browser.get("/my/tickets/")
    certificate = Certificate.objects.latest("issued_at")
    for _ in range(8):
        actions.correct(certificate, f"{certificate.full_name} again", "again", actor=audit.SYSTEM)
        certificate.refresh_from_db()
    other = Client(SERVER_NAME="localhost")
    for path in (page_of(certificate), page_of(certificate, 1), page_of(Certificate.objects.earliest("issued_at"))):
        other.get(path)
        with django_assert_num_queries(5):  # three are the limiter's
            other.get(path)
