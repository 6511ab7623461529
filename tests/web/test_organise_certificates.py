"""An event's certificates, on pages for whoever runs it."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from tests.support.pages import send, text
from tests.web.test_certificates import HOSTILE, Past, erase, page_of, shown_as
from turnout.accounts.models import Role as AccountRole
from turnout.certificates import actions
from turnout.certificates.actions.rules import set_rules
from turnout.certificates.models import Certificate, CertificateRules, Design, Role, Template
from turnout.core import audit
from turnout.core.clock import now
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember

pytestmark = pytest.mark.django_db

PAGES = ("", "missing/", "new/", "rules/", "design/")
USUAL = {"template": "classic", "paper": "a4", "orientation": "landscape", "color": "#1f4e79"}


@pytest.fixture
def past() -> Past:
    return Past()


@pytest.fixture
def desk(browser: Client, past: Past) -> Client:
    browser.force_login(past.owner)
    return browser


def of(event: Event, page: object = "") -> str:
    return f"/organise/{event.pk}/certificates/{page}"


def one(certificate: Certificate) -> str:
    assert certificate.event is not None
    return of(certificate.event, f"{certificate.pk}/")


def figures(answer: Any) -> dict[str, str]:
    """Return the figures of the page by their names."""
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>(\d+)</dd>", answer.content.decode()))


def names(answer: Any) -> list[str]:
    """Return who is listed."""
    return re.findall(r"<li><div><h[23]><a[^>]*><bdi>(.*?)</bdi>", answer.content.decode())


# --- Who may -----------------------------------------------------------------------------------------------------


def test_owner_and_managers_open_it_and_nobody_else(browser: Client, past: Past) -> None:
    certificate, statuses = past.certified(), {}
    for role in (TeamMember.Role.MANAGER, TeamMember.Role.SCANNER):
        user = make.user(role=AccountRole.SEEKER)
        add_member(past.event, user.email, role)
        statuses[role.value] = user
    people = {"owner": past.owner, "stranger": make.user(), **statuses}
    paths = [*(of(past.event, page) for page in PAGES), one(certificate)]
    opened = {}
    for name, user in people.items():
        browser.force_login(user)
        opened[name] = {browser.get(path).status_code for path in paths}
    assert opened == {"owner": {200}, "manager": {200}, "scanner": {403}, "stranger": {403}}
    browser.logout()
    assert {browser.get(path).status_code for path in paths} == {302}


def test_a_certificate_of_another_event_is_not_there(desk: Client, past: Past) -> None:
    other = Past(owner=past.owner).certified()
    assert desk.get(of(past.event, f"{other.pk}/")).status_code == 404
    stranger = Past(owner=make.user()).came()
    assert send(desk, of(past.event, "missing/"), registration=str(stranger.pk)).status_code in {403, 404}
    assert Certificate.objects.exclude(pk=other.pk).count() == 0


# --- Figures and issuing -----------------------------------------------------------------------------------------


def test_figures_say_who_has_one_who_has_earned_one_and_what_the_others_lack(desk: Client, past: Past) -> None:
    assert of(past.event) in desk.get(f"/organise/{past.event.pk}/").content.decode()
    past.certified()
    actions.revoke(past.certified(), "a mistake", actor=audit.SYSTEM)
    past.speaker("Élodie")
    for _ in range(2):
        past.came()
    past.registered()
    assert figures(desk.get(of(past.event))) == {
        "Issued: Participant": "1",
        "Issued: Speaker": "1",
        "Earned, not issued": "2",
        "Not checked in": "1",
        "Revoked": "1",
    }
    last = str(past.event.sessions.latest("starts_at").pk)
    for rule, lack in (
        ({"min_attendance_percent": 80}, "Too few sessions"),
        ({"min_attendance_percent": 0, "min_minutes": 1000}, "Not there long enough"),
        ({"min_minutes": 0, "required_sessions": [last]}, "A required session is missing"),
    ):
        set_rules(past.event, rule, actor=audit.SYSTEM)
        seen = figures(desk.get(of(past.event)))
        assert (seen["Earned, not issued"], seen[lack]) == ("0", "2")


def test_what_is_earned_is_issued_by_one_press_and_again_only_what_is_missing(desk: Client, past: Past) -> None:
    past.came()
    past.came()
    past.registered()
    assert "Issue 2 certificates now" in text(desk.get(of(past.event)))
    answer = send(desk, of(past.event))
    assert (answer.status_code, answer["Location"], Certificate.objects.count()) == (302, of(past.event), 2)
    after = text(desk.get(of(past.event)))
    assert ("2 certificates are issued." in after, "Everybody who has earned one has it." in after) == (True, True)
    past.came()
    send(desk, of(past.event))
    assert "1 certificate is issued." in text(desk.get(of(past.event)))
    desk.post(of(past.event), {"csrfmiddlewaretoken": desk.cookies["csrftoken"].value})
    assert "Nobody else has earned one." in text(desk.get(of(past.event)))
    assert Certificate.objects.count() == 3


def test_before_the_end_and_where_nothing_takes_place_nothing_is_issued(browser: Client) -> None:
    event = make.event(owner=(owner := make.user()))
    make.confirmed(event)
    browser.force_login(owner)
    for status, says in (
        (Event.Status.PUBLISHED, "Certificates are issued once the event has ended."),
        (Event.Status.CANCELLED, "This event does not take place"),
    ):
        Event.objects.filter(pk=event.pk).update(status=status)
        assert says in text(browser.get(of(event)))
        refused = send(browser, of(event))
        assert (refused.status_code, says in text(refused)) == (409, True)
        by_hand = send(browser, of(event, "new/"), role="speaker", full_name="Somebody")
        assert (by_hand.status_code, says in text(by_hand)) == (409, True)
    assert Certificate.objects.count() == 0


def test_until_a_rule_is_decided_it_says_that_nothing_comes_on_its_own(desk: Client, past: Past) -> None:
    CertificateRules.objects.all().delete()
    said = text(desk.get(of(past.event)))
    assert "Nothing is issued on its own: you have not said yet how a certificate is earned." in said


def test_who_has_none_is_listed_with_what_they_lack_and_can_be_given_one(desk: Client, past: Past) -> None:
    set_rules(past.event, {"by_hand": True}, actor=audit.SYSTEM)
    amina = past.came("amina", full_name=HOSTILE)
    bilal = past.registered("bilal")
    past.certified("chafia")
    assert "Choose who gets one" in text(desk.get(of(past.event)))
    page = desk.get(of(past.event, "missing/"))
    assert (len(names(page)), "<script>alert" in page.content.decode(), "Not checked in" in text(page)) == (
        2,
        False,
        True,
    )
    assert names(desk.get(of(past.event, "missing/?q=bil"))) == ["Bilal"]
    refused = send(desk, of(past.event, "missing/"), registration=str(bilal.pk))
    assert (refused.status_code, "This person was not checked in." in text(refused)) == (409, True)
    given = send(desk, of(past.event, "missing/"), registration=str(amina.pk))
    assert (given.status_code, Certificate.objects.filter(registration=amina).count()) == (302, 1)
    assert names(desk.get(of(past.event, "missing/"))) == ["Bilal"]
    for sent in ({}, {"registration": "x"}):
        assert send(desk, of(past.event, "missing/"), **sent).status_code == 400


def test_a_speaker_gets_one_by_hand_once(desk: Client, past: Past) -> None:
    sent = {"role": "speaker", "full_name": HOSTILE, "email": "S@Example.org", "hours": "1.5"}
    given = [send(desk, of(past.event, "new/"), **sent)["Location"] for _ in range(2)]  # an impatient finger
    certificate = Certificate.objects.get()
    assert given == [one(certificate)] * 2
    assert (certificate.role, certificate.full_name, certificate.versions.get().says.hours) == (
        Role.SPEAKER,
        HOSTILE,
        Decimal("1.5"),
    )
    assert "<script>alert" not in desk.get(one(certificate)).content.decode()
    for wrong, at in (
        ({"role": "participant"}, "role"),
        ({"role": "king"}, "role"),
        ({"full_name": "!"}, "full_name"),
        ({"email": "x"}, "email"),
        ({"language": "xx"}, "language"),
        ({"hours": "-1"}, "hours"),
        ({"hours": "NaN"}, "hours"),
        ({"hours": "1e9"}, "hours"),
    ):
        refused = send(desk, of(past.event, "new/"), **({"role": "speaker", "full_name": "A"} | wrong))
        assert (refused.status_code, f'id="id_{at}_error"' in refused.content.decode()) == (400, True), wrong
    assert Certificate.objects.count() == 1


# --- One of them -------------------------------------------------------------------------------------------------


def test_a_name_is_corrected_with_a_reason_and_the_address_stays(desk: Client, past: Past) -> None:
    certificate = past.certified("amina")
    answer = send(desk, one(certificate), deed="correct", full_name="Amina Benali", reason="A letter was missing")
    assert (answer.status_code, answer["Location"]) == (302, one(certificate))
    assert re.findall(r"Version \d", text(desk.get(one(certificate)))) == ["Version 2", "Version 1"]
    assert "Amina Benali" in text(desk.get(page_of(certificate)))
    same = send(desk, one(certificate), deed="correct", full_name="Amina Benali", reason="again")
    assert (same.status_code, "That is the name it has already." in text(same)) == (400, True)
    for wrong in ({"full_name": ""}, {"reason": ""}, {"reason": "x" * 501}, {"full_name": "x" * 201}):
        sent = {"deed": "correct", "full_name": "Other", "reason": "why"} | wrong
        refused = send(desk, one(certificate), **sent)
        assert (refused.status_code, 'aria-invalid="true"' in refused.content.decode()) == (400, True)
    assert certificate.versions.count() == 2


def test_revoking_needs_a_second_word_and_a_reason_and_shows_at_once(desk: Client, past: Past) -> None:
    certificate = past.certified("amina")
    asked = desk.get(one(certificate)).content.decode()
    assert asked.index("<summary>Revoke it") < asked.index('value="revoke"')
    refused = send(desk, one(certificate), deed="revoke", reason="")
    assert (refused.status_code, 'class="leave" open' in refused.content.decode()) == (400, True)
    assert shown_as(desk.get(page_of(certificate))) == "Valid"
    send(desk, one(certificate), deed="revoke", reason=HOSTILE)
    assert shown_as(desk.get(page_of(certificate))) == "Revoked"
    page = desk.get(one(certificate)).content.decode()
    assert ("<script>alert" in page, 'name="deed"' in page) == (False, False)
    token = desk.cookies["csrftoken"].value
    for sent in ({"deed": "revoke", "reason": "x"}, {"deed": "correct", "full_name": "Other", "reason": "x"}):
        again = desk.post(one(certificate), {"csrfmiddlewaretoken": token, **sent})
        assert (again.status_code, "It was revoked." in text(again)) == (409, True)
    for sent in ({}, {"deed": "burn"}):
        assert desk.post(one(certificate), {"csrfmiddlewaretoken": token, **sent}).status_code == 400


def test_what_its_holder_erased_names_nobody(desk: Client, past: Past) -> None:
    certificate = past.certified("amina")
    actions.correct(certificate, "Amina Benali", "why", actor=audit.SYSTEM)
    erase(certificate)
    for path in (of(past.event), one(certificate)):
        page = desk.get(path)
        assert (page.status_code, "Amina" in text(page), "Erased by its holder" in text(page)) == (200, False, True)


def test_the_issued_ones_are_found_by_name_role_and_status(desk: Client, past: Past) -> None:
    past.certified("amina")
    actions.revoke(past.certified("bilal"), "why", actor=audit.SYSTEM)
    past.speaker("Élodie Marchand", "elodie@example.org")
    found = {
        "": ["Amina", "Bilal", "Élodie Marchand"],
        "?q=mar": ["Élodie Marchand"],
        "?q=elodie%40": ["Élodie Marchand"],
        "?q=nobody": [],
        "?role=participant": ["Amina", "Bilal"],
        "?status=revoked": ["Bilal"],
        "?status=valid&role=speaker": ["Élodie Marchand"],
        "?status=unheard-of": [],
    }
    assert {asked: sorted(names(desk.get(of(past.event, asked)))) for asked in found} == found
    assert f"/api/events/{past.event.pk}/certificates/download/" in desk.get(of(past.event)).content.decode()


# --- What is decided ---------------------------------------------------------------------------------------------


def test_the_rule_is_decided_on_a_page(desk: Client, past: Past) -> None:
    CertificateRules.objects.all().delete()
    talk = past.event.sessions.earliest("starts_at")
    shown = desk.get(of(past.event, "rules/")).content.decode()
    assert re.search(r'name="automatic"[^>]* checked', shown)  # as it is where nothing else is said
    sent: dict[str, Any] = {
        "min_attendance_percent": "50",
        "min_minutes": "10",
        "required_sessions": [str(talk.pk)],
        "by_hand": "on",
    }
    assert send(desk, of(past.event, "rules/"), **sent, hours="2.5")["Location"] == of(past.event)
    rules = CertificateRules.objects.get()
    assert (rules.min_attendance_percent, rules.min_minutes, rules.required_sessions, rules.by_hand) == (
        50,
        10,
        [str(talk.pk)],
        True,
    )
    assert (rules.automatic, rules.hours) == (False, Decimal("2.5"))
    said = text(desk.get(of(past.event)))
    assert "attending at least 50 percent of the sessions, and being there for at least 10 minutes" in said
    assert "You choose who gets one." in said
    other = Past(owner=past.owner).event.sessions.earliest("starts_at")
    for wrong, at in (
        ({"min_attendance_percent": "101"}, "min_attendance_percent"),
        ({"min_minutes": "-1"}, "min_minutes"),
        ({"min_minutes": "9" * 30}, "min_minutes"),
        ({"hours": "0"}, "hours"),
        ({"hours": "x"}, "hours"),
        ({"required_sessions": [str(other.pk)]}, "required_sessions"),
    ):
        refused = send(desk, of(past.event, "rules/"), **(sent | wrong))
        assert (refused.status_code, f'id="id_{at}_error"' in refused.content.decode()) == (400, True), wrong


def test_an_event_without_sessions_is_asked_for_none(browser: Client) -> None:
    event = make.event(owner=(owner := make.user()))
    browser.force_login(owner)
    assert "required_sessions" not in browser.get(of(event, "rules/")).content.decode()
    sent = {"min_attendance_percent": "0", "min_minutes": "0", "automatic": "on"}
    assert send(browser, of(event, "rules/"), **sent).status_code == 302


def test_the_design_is_decided_on_a_page(desk: Client, past: Past) -> None:
    own = Template.objects.create(name="House <b>", source="x", made_by="system", created_at=now())
    sent: dict[str, Any] = {
        **USUAL,
        "template": str(own.pk),
        "orientation": "portrait",
        "color": "#AA0000",
        "issuer": HOSTILE,
        "language": "fr",
        "wordings/speaker/title": "Thank you",
        "signatures/0/name": "Dr. Omar",
        "signatures/0/position": "Dean",
        "signatures/2/name": "Lina",
    }
    page = desk.get(of(past.event, "design/")).content.decode()
    assert ("House &lt;b&gt;" in page, 'placeholder="has given a talk at"' in page) == (True, True)
    assert send(desk, of(past.event, "design/"), **sent)["Location"] == of(past.event, "design/")
    design = Design.objects.get()
    assert (design.template_id, design.orientation, design.color, design.issuer, design.language) == (
        own.pk,
        "portrait",
        "#aa0000",
        HOSTILE,
        "fr",
    )
    assert design.wordings == {"speaker": {"title": "Thank you"}}
    assert [each["name"] for each in design.signatures] == ["Dr. Omar", "Lina"]
    after = desk.get(of(past.event, "design/")).content.decode()
    assert ("<script>alert" in after, 'value="Lina"' in after, 'value="Thank you"' in after) == (False, True, True)
    send(desk, of(past.event, "design/"), **USUAL)
    design.refresh_from_db()
    assert (design.template_id, design.base, design.signatures, design.wordings) == (None, "classic", [], {})


def test_what_can_not_be_a_design_is_said_at_its_field(desk: Client, past: Past) -> None:
    for wrong, at in (
        ({"template": "baroque"}, "template"),
        ({"paper": "a3"}, "paper"),
        ({"orientation": "upside down"}, "orientation"),
        ({"color": "red"}, "color"),
        ({"color": "#12345g"}, "color"),
        ({"language": "xx"}, "language"),
        ({"issuer": "x" * 201}, "issuer"),
        ({"signatures/1/name": "x" * 201}, "signatures/1/name"),
        ({"signatures/1/position": "Dean"}, "signatures/1/name"),
        ({"wordings/volunteer/text": "x" * 301}, "wordings/volunteer/text"),
    ):
        refused = send(desk, of(past.event, "design/"), **(USUAL | wrong))
        assert (refused.status_code, f'href="#id_{at}' in refused.content.decode()) == (400, True), wrong
    assert Design.objects.count() == 0


def test_pictures_come_with_the_design_and_go_when_asked(desk: Client, past: Past) -> None:
    png = make_png()
    sent: dict[str, Any] = {"logo": png(), "signatures/0/name": "Omar", "signatures/0/picture": png()}
    assert send(desk, of(past.event, "design/"), **USUAL, **sent).status_code == 302
    design = Design.objects.get()
    assert design.logo_id is not None
    assert design.signatures[0]["picture"] not in {"", str(design.logo_id)}
    send(desk, of(past.event, "design/"), **USUAL, **{"signatures/0/name": "Omar"})  # what is there stays
    before, design = design, Design.objects.get()
    assert (design.logo_id, design.signatures) == (before.logo_id, before.signatures)
    gone = {"logo/remove": "on", "signatures/0/name": "Omar", "signatures/0/remove": "on"}
    send(desk, of(past.event, "design/"), **USUAL, **gone)
    design = Design.objects.get()
    assert (design.logo_id, design.signatures[0].get("picture", "")) == (None, "")
    for field in ("logo", "signatures/0/picture"):
        none: dict[str, Any] = {"signatures/0/name": "Omar", field: SimpleUploadedFile("x.png", b"no picture")}
        refused = send(desk, of(past.event, "design/"), **USUAL, **none)
        assert (refused.status_code, f'href="#id_{field}' in refused.content.decode()) == (400, True)


def make_png() -> Any:
    """Return what makes a picture of one pixel."""
    content = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
        "0000000049454e44ae426082"
    )
    return lambda: SimpleUploadedFile("logo.png", content, "image/png")


# --- All of them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_the_pages_open_in_every_language(desk: Client, past: Past, language: str) -> None:
    certificate = past.certified("amina", full_name="أمينة بن علي")
    past.came()
    for path in (*(of(past.event, page) for page in PAGES), one(certificate)):
        assert desk.get(path, headers={"Accept-Language": language}).status_code == 200


def test_the_pages_ask_as_much_for_nine_as_for_one(
    desk: Client, past: Past, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    last = past.certified()
    past.came()
    asked = {"": 15, "missing/": 11, f"{last.pk}/": 7}
    for count in (1, 9):
        while Certificate.objects.count() < count:
            past.certified()
            past.came()
            actions.correct(last, f"Name {Certificate.objects.count()}", "why", actor=audit.SYSTEM)
            last.refresh_from_db()
        for page, queries in asked.items():
            with django_assert_num_queries(queries):
                desk.get(of(past.event, page))


def test_an_old_event_is_still_there_to_correct(desk: Client, past: Past) -> None:
    certificate = past.certified()
    Event.objects.filter(pk=past.event.pk).update(
        ends_at=now() - timedelta(days=4000), starts_at=now() - timedelta(days=4001)
    )
    assert send(desk, one(certificate), deed="correct", full_name="New", reason="why").status_code == 302
