"""Certificates over HTTP: verified by whoever has the id, issued and put right by the team, proofed by the holder."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from tests.support.certificates import attended_by, end, let_in, workshop
from turnout.accounts.models import Role as AccountRole
from turnout.accounts.models import User
from turnout.certificates import collecting
from turnout.certificates.actions import correct, issue_earned, issue_to, revoke
from turnout.certificates.actions.rules import set_rules
from turnout.certificates.documents import document_of
from turnout.certificates.models import Certificate, Version
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.idempotency import forget_old
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.guard.notation import windows
from turnout.media.images import LARGEST
from turnout.notifications.models import Message
from turnout.registrations.actions.events import remove_event
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db

TEAM = "user:team"


@pytest.fixture
def owner() -> User:
    return make.user("owner")


@pytest.fixture
def over(owner: User) -> tuple[Event, Registration]:
    """Return an event that is over, and Amina, who was there."""
    event, (amina,) = attended_by("amina", owner=owner, title="Rust & <Ferris>", location="Algiers")
    return event, amina


@pytest.fixture
def event(over: tuple[Event, Registration]) -> Event:
    return over[0]


@pytest.fixture
def amina(over: tuple[Event, Registration]) -> Registration:
    return over[1]


@pytest.fixture
def certificate(amina: Registration) -> Certificate:
    return issue_to(amina, actor=TEAM)


@pytest.fixture
def team(owner: User) -> APIClient:
    return make.client(owner)


def verified(certificate: Certificate, **query: Any) -> dict[str, Any]:
    """Return what a stranger reads."""
    answer = make.client().get(f"/api/certificates/{certificate.pk}/", query)
    assert answer.status_code == 200, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def erase(certificate: Certificate) -> None:
    """Do what erasing comes to."""
    certificate.versions.update(snapshot=None, credential=None, document_key=None)
    Certificate.objects.filter(pk=certificate.pk).update(
        erased_at=now(), holder_key=None, full_name="", name_key="", email=""
    )


# --- Whoever has the id --------------------------------------------------------------------------------------------


def test_it_says_what_the_paper_says_and_nothing_more(event: Event, certificate: Certificate) -> None:
    found = verified(certificate)
    version, here = certificate.versions.get(), f"http://127.0.0.1:8000/api/certificates/{certificate.pk}"
    issued_at = version.issued_at.isoformat().replace("+00:00", "Z")
    shared = urlsplit(found.pop("linkedin"))
    assert found == {
        "id": str(certificate.pk),
        "version": 1,
        "status": "valid",
        "full_name": "Amina",
        "role": "participant",
        "title": "Certificate of participation",
        "text": "has taken part in",
        "event": "Rust & <Ferris>",
        "issuer": "Owner",
        "location": "Algiers",
        "starts_at": event.starts_at.isoformat().replace("+00:00", "Z"),
        "ends_at": event.ends_at.isoformat().replace("+00:00", "Z"),
        "timezone": "Africa/Algiers",
        "date": event.starts_at.astimezone(event.zone).date().isoformat(),
        "hours": 4.0,
        "criteria": "Earned by being there.",
        "sessions": [],
        "issued_at": issued_at,
        "revoked_at": None,
        "revoked_reason": None,
        "verify_url": certificate.address(),
        "pdf": f"{here}/pdf/",
        "credential": f"{here}/credential/",
        "versions": [{"version": 1, "issued_at": issued_at, "status": "valid", "reason": ""}],
    }
    assert (shared.hostname, parse_qs(shared.query)["certUrl"]) == ("www.linkedin.com", [certificate.address()])


def test_a_correction_supersedes_at_the_same_address(certificate: Certificate) -> None:
    correct(certificate, "Amina Bensalah", "a name was missing", actor=TEAM)
    found, before = verified(certificate), verified(certificate, version=1)
    assert (found["version"], found["status"], found["full_name"]) == (2, "valid", "Amina Bensalah")
    assert (before["version"], before["status"], before["full_name"]) == (1, "superseded", None)
    assert (before["pdf"], before["credential"], before["linkedin"]) == (None, None, None)
    assert [(each["version"], each["status"], each["reason"]) for each in found["versions"]] == [
        (2, "valid", "a name was missing"),
        (1, "superseded", ""),
    ]
    assert before["versions"] == found["versions"]


def test_that_it_was_revoked_shows_at_once_with_the_reason(certificate: Certificate) -> None:
    verified(certificate)
    revoke(certificate, "Was not there", actor=TEAM)
    found = verified(certificate)
    assert (found["status"], found["revoked_reason"], found["full_name"]) == ("revoked", "Was not there", "Amina")
    assert found["revoked_at"] is not None
    assert (found["pdf"], found["credential"], found["linkedin"]) == (None, None, None)


def test_of_what_was_erased_nothing_is_told(certificate: Certificate) -> None:
    correct(certificate, "Amina Bensalah", "Bensalah was missing", actor=TEAM)
    keys = set(verified(certificate))
    erase(certificate)
    found = verified(certificate)
    told = {name: value for name, value in found.items() if value is not None}
    assert set(found) == keys
    assert set(told) == {"id", "version", "status", "issued_at", "verify_url", "versions"}
    assert (found["status"], {each["reason"] for each in found["versions"]}) == ("erased", {None})
    assert "Bensalah" not in str(found)


def test_the_document_and_the_credential_are_those_of_what_is_valid(certificate: Certificate) -> None:
    anybody, here = make.client(), f"/api/certificates/{certificate.pk}"
    paper, signed = anybody.get(f"{here}/pdf/"), anybody.get(f"{here}/credential/")
    assert (paper.status_code, paper["Content-Type"], paper.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert paper["Content-Disposition"] == 'inline; filename="Rust & Ferris - Amina.pdf"'
    assert (signed.status_code, signed["Content-Type"]) == (200, "application/vc")
    assert isinstance(json.loads(signed.content), dict)


def test_what_is_worth_nothing_is_not_handed_out(certificate: Certificate) -> None:
    anybody, here = make.client(), f"/api/certificates/{certificate.pk}"
    correct(certificate, "Amina Bensalah", "a name was missing", actor=TEAM)
    for file in ("pdf", "credential"):
        assert refused(anybody.get(f"{here}/{file}/?version=1")) == (410, "certificate_superseded")
        assert anybody.get(f"{here}/{file}/?version=2").status_code == 200
    revoke(certificate, "a mistake", actor=TEAM)
    for file in ("pdf", "credential"):
        assert refused(anybody.get(f"{here}/{file}/")) == (410, "certificate_revoked")
    erase(certificate)
    for file in ("pdf", "credential"):
        assert refused(anybody.get(f"{here}/{file}/")) == (410, "certificate_erased")


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "", "1.0", "01", "99999999999999999999", "١"])
def test_a_version_that_there_is_not_is_unknown(certificate: Certificate, number: str) -> None:
    for path in ("", "pdf/", "credential/"):
        answer = make.client().get(f"/api/certificates/{certificate.pk}/{path}", {"version": number})
        assert refused(answer) == (404, "not_found")
    assert make.client().get(f"/api/certificates/{uuid4()}/").status_code == 404


def test_no_cache_keeps_an_answer_and_no_search_engine_lists_it(certificate: Certificate) -> None:
    anybody, here = make.client(), f"/api/certificates/{certificate.pk}"
    revoked = issue_to(attended_by("bilal")[1][0], actor=TEAM)
    revoke(revoked, "a mistake", actor=TEAM)
    for path in (f"{here}/", f"{here}/pdf/", f"{here}/credential/", f"/api/certificates/{revoked.pk}/pdf/"):
        answer = anybody.get(path)
        assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == ("no-store", "noindex")


def test_a_network_verifies_so_often_and_a_bad_token_is_no_obstacle(
    certificate: Certificate, settings: Settings
) -> None:
    settings.THROTTLES = {**settings.THROTTLES, "certificate": windows("2/minute")}
    stale: dict[str, Any] = {"HTTP_AUTHORIZATION": "Bearer stale"}
    answers = [make.client().get(f"/api/certificates/{certificate.pk}/", **stale) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]


def test_it_holds_when_its_event_and_its_organiser_are_gone(certificate: Certificate, team: APIClient) -> None:
    before = verified(certificate)
    Certificate.objects.filter(pk=certificate.pk).update(event=None, registration=None)
    assert verified(certificate) == before
    assert team.post(f"/api/certificates/{certificate.pk}/revoke/", {"reason": "a"}, format="json").status_code == 403
    staff = make.client(make.user(is_staff=True), second_factor=True)
    assert staff.post(f"/api/certificates/{certificate.pk}/revoke/", {"reason": "a"}, format="json").status_code == 200


def test_ones_own_are_those_at_the_verified_address(certificate: Certificate) -> None:
    other = issue_to(attended_by("bilal")[1][0], actor=TEAM)
    mine = make.client(make.user("amina", role=AccountRole.SEEKER)).get("/api/me/certificates/").json()["results"]
    public = verified(certificate)
    del public["versions"]
    assert mine == [public]
    nobody = make.client(make.user("bilal", address_verified=False)).get("/api/me/certificates/")
    assert refused(nobody)[0] == 401
    assert other.email == "bilal@example.org"


def test_ones_own_are_asked_for_as_often_however_many() -> None:
    issue_to(attended_by("amina")[1][0], actor=TEAM)
    client, asked = make.client(make.user("amina", role=AccountRole.SEEKER)), []
    client.get("/api/me/certificates/")
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            shown = client.get("/api/me/certificates/").json()["results"]
        asked.append((len(queries), len(shown)))
        for _each in range(2):
            issue_to(attended_by("amina")[1][0], actor=TEAM)
    assert [rows for _queries, rows in asked] == [1, 3]
    assert asked[0][0] == asked[1][0], asked


# --- The team ------------------------------------------------------------------------------------------------------


def everybody(event: Event) -> Iterator[tuple[APIClient, bool, bool]]:
    """Yield who may ask: their client, whether they edit the event, whether they are signed in."""
    manager, scanner, elsewhere = make.user(), make.user(), make.user()
    add_member(event, manager.email, TeamMember.Role.MANAGER)
    add_member(event, scanner.email, TeamMember.Role.SCANNER)
    add_member(make.event(), elsewhere.email, TeamMember.Role.MANAGER)
    yield make.client(event.owner), True, True
    yield make.client(manager), True, True
    yield make.client(scanner), False, True
    yield make.client(elsewhere), False, True
    yield make.client(make.user()), False, True
    yield make.client(make.user("amina", role=AccountRole.SEEKER)), False, True
    yield make.client(), False, False


def test_only_owner_and_managers_issue_correct_and_revoke(event: Event, certificate: Certificate) -> None:
    asks: list[tuple[str, str, dict[str, Any]]] = [
        ("get", f"/api/events/{event.pk}/certificates/", {}),
        ("post", f"/api/events/{event.pk}/certificates/issue/", {}),
        ("post", f"/api/events/{event.pk}/certificates/", {"role": "speaker", "full_name": "Sami"}),
        ("get", f"/api/events/{event.pk}/certificates/rules/", {}),
        ("patch", f"/api/events/{event.pk}/certificates/rules/", {"min_minutes": 1}),
        ("get", f"/api/events/{event.pk}/certificates/design/", {}),
        ("patch", f"/api/events/{event.pk}/certificates/design/", {"base": "modern"}),
        ("get", f"/api/events/{event.pk}/certificates/download/", {}),
        ("get", f"/api/events/{event.pk}/certificates/sample.pdf", {}),
    ]
    for client, edits, signed_in in everybody(event):
        for method, path, body in asks:
            sent = {"data": body, "format": "json"} if method != "get" else {}
            answer = getattr(client, method)(path, **sent)
            expected = {200, 201} if edits else {403} if signed_in else {401}
            assert answer.status_code in expected, (path, answer.status_code)
            list(getattr(answer, "streaming_content", ()))
        reason = {"reason": "a mistake", "full_name": f"Amina {uuid4().hex[:4]}"}
        corrected = client.post(f"/api/certificates/{certificate.pk}/correct/", reason, format="json")
        assert corrected.status_code == (200 if edits else 403 if signed_in else 401)


def test_it_is_issued_once_and_again_only_what_is_missing(team: APIClient, event: Event, amina: Registration) -> None:
    path = f"/api/events/{event.pk}/certificates/issue/"
    first = team.post(path, {}, format="json").json()
    (row,) = first["certificates"]
    certificate = Certificate.objects.get()
    assert first["issued"] == 1
    assert row == {
        "id": str(certificate.pk),
        "registration": str(amina.pk),
        "role": "participant",
        "full_name": "Amina",
        "email": "amina@example.org",
        "language": "en",
        "version": 1,
        "status": "valid",
        "issued_at": certificate.issued_at.isoformat().replace("+00:00", "Z"),
        "revoked_at": None,
        "revoked_reason": "",
        "verify_url": certificate.address(),
    }
    assert team.post(path, {}, format="json").json() == {"issued": 0, "certificates": []}
    named = {"registrations": [str(amina.pk)]}
    assert team.post(path, named, format="json").json() == {"issued": 0, "certificates": []}
    assert team.get(f"/api/events/{event.pk}/certificates/").json()["results"] == [row]


def test_the_same_request_twice_is_answered_alike(team: APIClient, event: Event) -> None:
    path = f"/api/events/{event.pk}/certificates/issue/"
    once: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": "once"}
    answers = [team.post(path, {}, format="json", **once).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["issued"] == 1
    assert forget_old() == 0


def test_before_the_end_and_on_a_cancelled_event_it_is_a_conflict(owner: User, event: Event, team: APIClient) -> None:
    running, by_hand = workshop(owner=owner), {"role": "speaker", "full_name": "Sami"}
    remove_event(event)
    for which, code in ((running, "event_not_over"), (event, "event_cancelled")):
        here = f"/api/events/{which.pk}/certificates/"
        assert refused(team.post(f"{here}issue/", {}, format="json")) == (409, code)
        assert refused(team.post(here, by_hand, format="json")) == (409, code)


def test_who_was_not_there_is_refused_by_place(owner: User, team: APIClient) -> None:
    event = workshop(owner=owner, rules={"min_minutes": 60})
    short, away, gone = (make.confirmed(event, name) for name in ("short", "away", "gone"))
    end(event)
    let_in(short, stay=5)
    Registration.objects.filter(pk=gone.pk).update(status=Registration.Status.CANCELLED, active_key=None)
    path = f"/api/events/{event.pk}/certificates/issue/"
    for who, code in ((short, "not_earned"), (away, "not_attended"), (gone, "registration_not_confirmed")):
        answer = team.post(path, {"registrations": [str(who.pk)]}, format="json")
        assert refused(answer) == (409, code)
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [("/registrations/0", code)]
    unknown = team.post(path, {"registrations": [str(uuid4())]}, format="json")
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (400, "does_not_exist")
    assert not Certificate.objects.exists()


def test_a_speaker_is_certified_by_hand(team: APIClient, event: Event) -> None:
    path = f"/api/events/{event.pk}/certificates/"
    sami = {"role": "speaker", "full_name": "Sami", "email": "Sami@Example.org", "language": "fr", "hours": 1.5}
    row = team.post(path, sami, format="json")
    assert row.status_code == 201
    assert (row.json()["role"], row.json()["email"], row.json()["language"]) == ("speaker", "sami@example.org", "fr")
    assert team.post(path, sami, format="json").json() == row.json()
    assert verified(Certificate.objects.get())["hours"] == 1.5
    for wrong, code in (({"role": "participant"}, "role_is_earned"), ({"role": "king"}, "invalid")):
        assert refused(team.post(path, sami | wrong, format="json")) == (400, code)
    for wrong_field in ({"hours": 0}, {"hours": "x"}, {"full_name": "a\nb"}, {"email": "sami"}):
        assert team.post(path, sami | wrong_field, format="json").status_code == 400


def test_who_was_revoked_is_not_certified_by_hand_again_as_if_nothing_was(team: APIClient, event: Event) -> None:
    path = f"/api/events/{event.pk}/certificates/"
    sami = {"role": "speaker", "full_name": "Sami", "email": "sami@example.org"}
    team.post(path, sami, format="json")
    revoke(Certificate.objects.get(), "never spoke", actor=TEAM)
    assert refused(team.post(path, sami, format="json")) == (409, "certificate_revoked")


def test_naming_people_by_hand_fills_nobodys_mailbox(team: APIClient, event: Event, settings: Settings) -> None:
    settings.THROTTLE_MAILBOX = windows("5/day")
    path = f"/api/events/{event.pk}/certificates/"
    for number in range(8):
        named = {"role": "speaker", "full_name": f"Sami {number}", "email": f"sami+{number}@example.org"}
        assert team.post(path, named, format="json").status_code == 201
    assert Certificate.objects.count() == 8
    assert Message.objects.filter(kind="certificate.issued").count() == 4  # of 5 a day, all but one


def test_the_list_is_filtered_by_role_standing_and_words(team: APIClient, event: Event, amina: Registration) -> None:
    path = f"/api/events/{event.pk}/certificates/"
    for name, role in (("Zoé", "speaker"), ("Karim", "volunteer")):
        team.post(path, {"role": role, "full_name": name}, format="json")
    revoke(issue_to(amina, actor=TEAM), "a mistake", actor=TEAM)

    def found(**query: str) -> list[str]:
        return sorted(each["full_name"] for each in team.get(path, query).json()["results"])

    assert found() == ["Amina", "Karim", "Zoé"]
    assert found(role="speaker") == found(q="ZOE") == ["Zoé"]
    assert found(q="amina@") == found(status="revoked") == ["Amina"]
    assert found(status="valid") == ["Karim", "Zoé"]
    assert found(status="superseded") == found(status="erased") == []
    assert team.get(path, {"status": "x"}).status_code == 400


def test_it_is_revoked_once_and_for_a_reason(team: APIClient, certificate: Certificate) -> None:
    path = f"/api/certificates/{certificate.pk}/revoke/"
    assert [team.post(path, body, format="json").status_code for body in ({}, {"reason": ""})] == [400, 400]
    assert team.post(path, {"reason": "a mistake"}, format="json").json()["status"] == "revoked"
    assert refused(team.post(path, {"reason": "again"}, format="json")) == (409, "certificate_revoked")
    late = team.post(f"/api/certificates/{certificate.pk}/correct/", {"full_name": "A", "reason": "b"}, format="json")
    assert refused(late) == (409, "certificate_revoked")
    assert team.post(f"/api/certificates/{uuid4()}/revoke/", {"reason": "a"}, format="json").status_code == 404


def test_it_is_corrected_with_a_reason(team: APIClient, certificate: Certificate) -> None:
    path = f"/api/certificates/{certificate.pk}/correct/"
    right = {"full_name": "Amina Bensalah", "reason": "a name was missing"}
    row = team.post(path, right, format="json").json()
    assert (row["full_name"], row["version"], row["status"]) == ("Amina Bensalah", 2, "valid")
    assert refused(team.post(path, right, format="json")) == (400, "same_name")
    assert team.post(path, {"full_name": "Amina"}, format="json").status_code == 400


# --- All documents at once -----------------------------------------------------------------------------------------


def archive(answer: Any) -> zipfile.ZipFile:
    assert (answer.status_code, answer["Content-Type"], answer.streaming) == (200, "application/zip", True)
    found = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert found.testzip() is None
    return found


def test_all_documents_come_in_one_archive_by_name(team: APIClient, event: Event) -> None:
    path = f"/api/events/{event.pk}/certificates/"
    for name in ("أمينة بن صالح", "../../etc/passwd", "Sami", "Sami ", "CON: a|b?", "é" * 200):
        fields = {"role": "speaker", "full_name": name, "email": f"{uuid4().hex}@example.org"}
        assert team.post(path, fields, format="json").status_code == 201
    revoke(Certificate.objects.filter(full_name="Sami")[0], "a mistake", actor=TEAM)
    issue_earned(event, actor=TEAM)
    answer = team.get(f"{path}download/")
    assert answer["Content-Disposition"] == 'attachment; filename="Rust & Ferris.zip"'
    with archive(answer) as found:
        names = [name.partition(" ")[2] for name in found.namelist()]
        assert sorted(names) == sorted(
            ["Amina.pdf", "أمينة بن صالح.pdf", "etc passwd.pdf", "Sami.pdf", "CON a b.pdf", f"{'é' * 60}.pdf"]
        )
        assert [name[:4] for name in found.namelist()] == ["0001", "0002", "0003", "0004", "0005", "0006"]
        assert all(found.read(name)[:5] == b"%PDF-" for name in found.namelist())


def test_one_that_can_not_be_made_is_named_and_the_others_come(
    team: APIClient, event: Event, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.post(f"/api/events/{event.pk}/certificates/", {"role": "speaker", "full_name": "Sami"}, format="json")

    def fail_for_amina(version: Version) -> bytes:
        if version.certificate_id == certificate.pk:
            raise ZeroDivisionError
        return document_of(version)

    monkeypatch.setattr(collecting, "document_of", fail_for_amina)
    with archive(team.get(f"/api/events/{event.pk}/certificates/download/")) as found:
        assert found.namelist() == ["0002 Sami.pdf", "MISSING.txt"]
        assert f"Amina: {certificate.address()}" in found.read("MISSING.txt").decode("utf-8-sig")


@pytest.mark.usefixtures("certificate")
def test_what_is_revoked_while_an_archive_is_sent_is_not_in_it(
    team: APIClient, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "_AT_ONCE", 1)
    team.post(f"/api/events/{event.pk}/certificates/", {"role": "speaker", "full_name": "Sami"}, format="json")
    sent = collecting.collected(Certificate.objects.filter(event=event).valid())
    assert next(sent)[0] == "0001 Amina.pdf"
    revoke(Certificate.objects.get(full_name="Sami"), "a mistake", actor=TEAM)
    assert list(sent) == []


def test_an_archive_of_nothing_is_refused_and_of_many_asks_as_often_for_each_fifty(
    team: APIClient, event: Event
) -> None:
    path = f"/api/events/{event.pk}/certificates/download/"
    assert refused(team.get(path)) == (409, "nobody")
    issue_earned(event, actor=TEAM)
    with archive(team.get(path, {"role": "participant", "q": "ami"})) as found:
        assert found.namelist() == ["0001 Amina.pdf"]
    assert refused(team.get(path, {"role": "speaker"})) == (409, "nobody")


# --- The rule ------------------------------------------------------------------------------------------------------


EMPTY: dict[str, Any] = {
    "min_attendance_percent": 0,
    "min_minutes": 0,
    "required_sessions": [],
    "by_hand": False,
    "automatic": True,
    "hours": None,
}


def test_the_rule_is_written_and_read_with_the_event(team: APIClient) -> None:
    body = {"title": "New", "starts_at": "2030-05-06T10:00:00Z", "ends_at": "2030-05-06T12:00:00Z"}
    assert team.post("/api/events/", body, format="json").json()["certificate_rule"] is None
    made = team.post("/api/events/", body | {"certificate_rule": {"min_attendance_percent": 80}}, format="json").json()
    assert made["certificate_rule"] == EMPTY | {"min_attendance_percent": 80}
    path = f"/api/events/{made['id']}/"
    changed = team.patch(path, {"certificate_rule": {"hours": 1.5, "automatic": False}}, format="json").json()
    expected = EMPTY | {"min_attendance_percent": 80, "hours": 1.5, "automatic": False}
    assert changed["certificate_rule"] == expected
    assert team.patch(path, {"title": "Other"}, format="json").json()["certificate_rule"] == expected
    assert team.put(path, body, format="json").json()["certificate_rule"] == expected
    again = make.client().get(path).json()
    assert team.put(path, again, format="json").json()["certificate_rule"] == expected
    assert team.patch(path, {"certificate_rule": None}, format="json").json()["certificate_rule"] is None


@pytest.mark.parametrize(
    ("rule", "pointer"),
    [
        ({"min_attendance_percent": 101}, "/certificate_rule/min_attendance_percent"),
        ({"min_attendance_percent": None}, "/certificate_rule/min_attendance_percent"),
        ({"min_minutes": -1}, "/certificate_rule/min_minutes"),
        ({"hours": 0}, "/certificate_rule/hours"),
        ({"hours": 10000}, "/certificate_rule/hours"),
        ({"required_sessions": [str(uuid4())]}, "/certificate_rule/required_sessions/0"),
        ({"required_sessions": "x"}, "/certificate_rule/required_sessions"),
        (7, "/certificate_rule"),
    ],
)
def test_a_rule_at_fault_leaves_the_event_as_it_was(
    team: APIClient, event: Event, rule: dict[str, Any], pointer: str
) -> None:
    answer = team.patch(f"/api/events/{event.pk}/", {"title": "Other", "certificate_rule": rule}, format="json")
    assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (400, [pointer])
    event.refresh_from_db()
    assert event.title == "Rust & <Ferris>"


def test_the_rule_on_its_own(owner: User, team: APIClient) -> None:
    event = workshop("Talk", "Lab", owner=owner)
    path, talk = f"/api/events/{event.pk}/certificates/rules/", str(event.sessions.get(title="Talk").pk)
    assert team.get(path).json() == EMPTY | {"automatic": False}
    changed = team.patch(path, {"required_sessions": [talk, talk]}, format="json").json()
    assert changed == team.get(path).json() == EMPTY | {"required_sessions": [talk]}
    wrong = team.patch(path, {"required_sessions": [talk, str(event.pk)]}, format="json").json()
    assert [(each["pointer"], each["code"]) for each in wrong["errors"]] == [("/required_sessions/1", "does_not_exist")]


def test_copies_ask_the_same_of_their_own_sessions(owner: User, team: APIClient) -> None:
    event = workshop("Talk", "Lab", owner=owner, rules={"required_sessions": ["Lab"], "min_minutes": 5})
    cloned = team.post(f"/api/events/{event.pk}/clone/", {}, format="json").json()
    series = team.post(f"/api/events/{event.pk}/series/", {"dates": ["2030-05-06"]}, format="json").json()
    for pk in (cloned["id"], next(each["id"] for each in series["events"] if each["id"] != str(event.pk))):
        shown = make.client(owner).get(f"/api/events/{pk}/").json()
        lab = next(session["id"] for session in shown["sessions"] if session["title"] == "Lab")
        assert shown["certificate_rule"] == EMPTY | {"required_sessions": [lab], "min_minutes": 5}


# --- Its look ------------------------------------------------------------------------------------------------------


def test_the_design_is_read_and_changed_part_by_part(team: APIClient, event: Event) -> None:
    path = f"/api/events/{event.pk}/certificates/design/"
    usual = team.get(path).json()
    assert usual == {
        "base": "classic",
        "template": None,
        "paper": "a4",
        "orientation": "landscape",
        "color": "#1f4e79",
        "issuer": "",
        "language": "",
        "logo": None,
        "wordings": {},
        "signatures": [],
    }
    wanted = {"base": "modern", "wordings": {"speaker": {"text": "spoke at"}}, "signatures": [{"name": "Sami"}]}
    changed = team.patch(path, wanted, format="json").json()
    signed = [{"name": "Sami", "position": "", "picture": None}]
    assert changed["wordings"] == {"speaker": {"text": "spoke at"}}
    assert [{**each, "position": each.get("position", "")} for each in changed["signatures"]] == signed
    assert team.get(path).json() == changed
    for wrong in ({"color": "red"}, {"base": "gothic"}, {"signatures": [{"name": "a"}] * 4}, {"logo": "x"}):
        assert team.patch(path, wrong, format="json").status_code == 400


def test_a_sample_shows_how_they_will_look(team: APIClient, event: Event) -> None:
    answer = team.get(f"/api/events/{event.pk}/certificates/sample.pdf", {"role": "speaker", "full_name": "Sami"})
    assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert team.get(f"/api/events/{event.pk}/certificates/sample.pdf", {"role": "king"}).status_code == 400


def test_a_picture_is_too_large_before_it_is_read(team: APIClient, event: Event) -> None:
    large = SimpleUploadedFile("logo.png", b"0" * (LARGEST + 70_000))
    with patch("turnout.api.certificates_design.read") as read:
        answer = team.post(f"/api/events/{event.pk}/certificates/pictures/", {"file": large})
    assert refused(answer) == (413, "too_large")
    read.assert_not_called()


def test_templates_are_brought_by_staff_with_a_second_factor() -> None:
    for client, status in (
        (make.client(), 401),
        (make.client(make.user()), 403),
        (make.client(make.user(is_staff=True)), 403),
        (make.client(make.user(is_staff=True), second_factor=True), 200),
    ):
        assert client.get("/api/certificate-templates/").status_code == status


# --- Proofing ------------------------------------------------------------------------------------------------------


def key_of(registration: Registration) -> dict[str, Any]:
    return {"HTTP_X_REGISTRATION_TOKEN": registration.manage_token}


def test_the_holder_sees_it_as_it_will_be_and_puts_the_name_right(event: Event, amina: Registration) -> None:
    guest, path = make.client(), f"/api/registrations/{amina.pk}/certificate"
    assert guest.get(f"{path}/").status_code == 404
    shown = guest.get(f"{path}/", **key_of(amina)).json()
    assert shown == {
        "state": "proof",
        "full_name": "Amina",
        "title": "Certificate of participation",
        "text": "has taken part in",
        "event": "Rust & <Ferris>",
        "date": event.starts_at.astimezone(event.zone).date().isoformat(),
        "hours": 4.0,
        "criteria": "Earned by being there.",
        "earned": True,
        "certificate": None,
        "proof": f"http://127.0.0.1:8000{path}.pdf",
    }
    paper = guest.get(f"{path}.pdf", **key_of(amina))
    assert (paper.status_code, paper["Content-Type"], paper.content[:5]) == (200, "application/pdf", b"%PDF-")
    right = guest.patch(f"{path}/", {"full_name": "Amina Bensalah"}, format="json", **key_of(amina)).json()
    assert right == shown | {"full_name": "Amina Bensalah"}
    (certificate,) = issue_earned(event, actor=TEAM)
    assert certificate.full_name == "Amina Bensalah"


def test_once_it_is_issued_the_team_corrects_it(certificate: Certificate, amina: Registration) -> None:
    guest, path = make.client(), f"/api/registrations/{amina.pk}/certificate"
    shown = guest.get(f"{path}/", **key_of(amina)).json()
    assert (shown["state"], shown["certificate"], shown["proof"]) == ("issued", str(certificate.pk), None)
    late = guest.patch(f"{path}/", {"full_name": "Amina B."}, format="json", **key_of(amina))
    assert refused(late) == (409, "certificate_issued")
    assert refused(guest.get(f"{path}.pdf", **key_of(amina))) == (409, "certificate_issued")
    correct(certificate, "Amina Bensalah", "a name was missing", actor=TEAM)
    assert guest.get(f"{path}/", **key_of(amina)).json()["full_name"] == "Amina Bensalah"


def test_who_has_not_earned_it_yet_and_who_holds_no_seat(owner: User) -> None:
    event = workshop(owner=owner, capacity=1)
    set_rules(event, {"min_minutes": 10}, actor=audit.SYSTEM)
    seated, waiting = make.confirmed(event), make.confirmed(event)
    shown = make.client().get(f"/api/registrations/{seated.pk}/certificate/", **key_of(seated)).json()
    assert (shown["earned"], shown["hours"], shown["state"]) == (False, None, "proof")
    for file in ("certificate/", "certificate.pdf"):
        answer = make.client().get(f"/api/registrations/{waiting.pk}/{file}", **key_of(waiting))
        assert refused(answer) == (409, "registration_not_confirmed")


def test_a_name_is_one_line(amina: Registration) -> None:
    path = f"/api/registrations/{amina.pk}/certificate/"
    for name in ("", "a\nb", "x" * 201, None, UUID(int=0).hex + "\u202e"):
        answer = make.client().patch(path, {"full_name": name}, format="json", **key_of(amina))
        assert answer.status_code == 400
