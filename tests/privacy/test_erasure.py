"""What we hold about somebody, and how it is erased."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.storage import storages
from rest_framework.test import APIClient

from tests.support import make
from tests.support.certified import by_hand, certified, went_to
from turnout.accounts.actions.passwords import set_password
from turnout.accounts.models import AddressChange, SignUp, TokenFamily, User
from turnout.attendance.actions.self_check_in import check_in_by_code
from turnout.attendance.actions.stays import Told, report_stays, set_door_rules
from turnout.attendance.models import Scan, Stay
from turnout.attendance.room_codes import room_code
from turnout.certificates.actions import correct, issue_earned, issue_to, revoke
from turnout.certificates.models import Certificate, Version
from turnout.certificates.queries import find_version
from turnout.core.audit import SYSTEM, actor_of
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.models import AuditEntry
from turnout.events.actions import save_partner, save_speaker
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, Partner, Series, Speaker
from turnout.media import vault
from turnout.notifications.models import Entry, Message
from turnout.privacy.actions import erase
from turnout.privacy.queries import export
from turnout.registrations.actions.events import remove_event
from turnout.registrations.actions.reviews import approve, move_in_line
from turnout.registrations.mailings.actions import Draft, send_mailing
from turnout.registrations.mailings.segments import Segment
from turnout.registrations.models import LineChange, Registration
from turnout.registrations.texts.writing import Text
from turnout.reports.people import people
from turnout.reports.presence import Turnout, turnout_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def amina() -> User:
    return make.user("amina")


def everything() -> str:
    """Return all rows that could name somebody, as text."""
    models = (User, SignUp, TokenFamily, Registration, LineChange, Message, AuditEntry, Certificate, Version)
    return repr([list(model._default_manager.values()) for model in models])


def test_the_export_holds_what_is_ones_own_and_nothing_of_others(amina: User) -> None:
    event = make.event(owner=amina, title="Soldering")
    mine = make.confirmed(event, "amina", phone="+213555123456")
    make.confirmed(event, "stranger")
    for owner in (amina, make.user()):
        save_speaker(Speaker(name=f"Speaker of {owner}", owner=owner), actor=actor_of(owner))
        save_partner(Partner(name=f"Partner of {owner}", owner=owner), actor=actor_of(owner))

    export = make.client(amina).get("/api/me/export/").json()

    assert export["account"]["email"] == "amina@example.org"
    assert export["events"] == [{"id": str(event.id), "title": "Soldering"}]
    assert [(row["id"], row["phone"], row["event__title"]) for row in export["registrations"]] == [
        (str(mine.id), "+213555123456", "Soldering")
    ]
    assert [row["name"] for row in export["speakers"]] == ["Speaker of amina@example.org"]
    assert [row["name"] for row in export["partners"]] == ["Partner of amina@example.org"]
    assert {row["verb"] for row in export["deeds"] if row["actor"] == actor_of(amina)} == {
        "speaker.saved",
        "partner.saved",
    }
    assert {row["kind"] for row in export["messages"]} == {"registration.confirm", "registration.confirmed"}
    assert [(row["kind"], row["data"]["title"]) for row in export["notices"]] == [
        ("registration.confirmed", "Soldering")
    ]
    assert "stranger" not in repr(export)


def test_erasing_leaves_no_trace_of_who_it_was_and_frees_the_seat(amina: User, counters: Any) -> None:
    event = make.event(capacity=1)
    make.confirmed(event, "amina", phone="+213555123456")
    waiting = make.confirmed(event, "waiting")
    client = make.client(amina)

    assert client.delete("/api/me/", {}).status_code == 204

    assert "amina" not in everything().lower()
    assert "213555123456" not in everything()
    waiting.refresh_from_db()
    assert waiting.status == "confirmed"
    assert counters(event) == {"": (1, 0)}
    assert not Entry.objects.filter(topic=amina.pk).exists()  # what they were told
    assert Entry.objects.filter(topic=event.pk).exists()  # what happened there, which names nobody


def test_no_mail_about_an_account_keeps_an_address_it_had(amina: User) -> None:
    client = make.client(amina)
    client.patch("/api/me/", {"email": "amina.new@example.org"})
    change = AddressChange.objects.get()
    client.post("/api/auth/verify/", {"email": change.email, "otp": change.code})
    amina.refresh_from_db()
    set_password(amina, "a quite different one")
    client = make.client(amina)
    client.patch("/api/me/", {"email": "amina.newest@example.org"})
    kinds = sorted(message.kind.partition(".")[2] for message in Message.objects.all())
    assert kinds == ["address", "address", "address_changed", "password_changed"]

    assert client.delete("/api/me/", {}).status_code == 204

    assert "amina" not in everything().lower()


def test_no_mail_about_an_attempt_to_sign_up_keeps_the_address_though_the_attempt_is_gone(api: APIClient) -> None:
    sent = {"email": "amina@example.org", "password": make.PASSWORD, "role": "seeker"}
    attempts = [api.post("/api/auth/signup/", sent).json()["signup_id"] for _ in range(2)]
    code = SignUp.objects.get(pk=attempts[0]).code
    api.post("/api/auth/verify/", {"email": sent["email"], "otp": code, "signup_id": attempts[0]})
    assert not SignUp.objects.exists()
    assert Message.objects.filter(kind="account.code").count() == 2

    assert make.client(User.objects.get()).delete("/api/me/", {}).status_code == 204

    assert "amina" not in everything().lower()


def test_what_is_past_stays_counted(amina: User, counters: Any) -> None:
    event = make.event(capacity=2)
    make.confirmed(event, "amina")
    with time_machine.travel(event.ends_at + timedelta(days=1)):
        assert make.client(amina).delete("/api/me/", {}).status_code == 204
    assert counters(event) == {"": (1, 0)}
    assert "amina" not in everything().lower()


def test_what_the_team_said_of_somebody_is_exported_and_erased(amina: User) -> None:
    event = make.event(capacity=0, approval_required=True)
    person = approve(make.confirmed(event, "amina"), reason="Amina S. owes us money.", actor="user:x")
    move_in_line(person, 1, reason="Amina S. came from far.", actor="user:x")
    assert export(amina)["registrations"][0]["reason"] == "Amina S. owes us money."
    erase(amina)
    assert "Amina S." not in everything()


def test_what_is_past_keeps_nobody_with_the_address_out_of_its_series(amina: User) -> None:
    series = Series.objects.create(limit_per_person=1)
    event, later = (make.event(series=series, starts_at=now() + timedelta(days=days)) for days in (1, 9))
    make.confirmed(event, "amina")
    with time_machine.travel(event.ends_at + timedelta(days=1)):
        assert make.client(amina).delete("/api/me/", {}).status_code == 204
        assert make.confirmed(later, "amina").status == "confirmed"


def test_sessions_end_and_the_address_is_free(amina: User, api: APIClient) -> None:
    sent = {"email": amina.email, "password": make.PASSWORD}
    session = api.post("/api/auth/login/", sent).json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {session['access']}")
    assert api.delete("/api/me/", {}).status_code == 204
    assert api.get("/api/me/").status_code == 401
    api.credentials()
    assert api.post("/api/auth/login/", sent).json()["code"] == "invalid_credentials"

    api.post("/api/auth/signup/", {"email": amina.email, "password": make.PASSWORD, "role": "seeker"})
    api.post("/api/auth/verify/", {"email": amina.email, "otp": SignUp.objects.get().code})
    assert api.post("/api/auth/login/", sent).status_code == 200


def test_whoever_runs_the_platform_is_demoted_first() -> None:
    staff = make.staff()
    answer = make.client(staff).delete("/api/me/", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "is_staff")


def test_a_strangers_rows_stay_as_they_are(amina: User) -> None:
    stranger = make.confirmed(make.event(), "stranger")
    before = Registration.objects.filter(pk=stranger.pk).values().get()
    make.client(amina).delete("/api/me/", {})
    assert Registration.objects.filter(pk=stranger.pk).values().get() == before


def test_memberships_of_teams_are_exported_and_erased_with_what_was_mailed_about_them(amina: User) -> None:
    event = make.event(title="Soldering")
    member = add_member(event, amina.email, "manager")
    other = add_member(event, "other@example.org", "scanner")
    export = make.client(amina).get("/api/me/export/").json()
    assert [(row["event__title"], row["role"]) for row in export["teams"]] == [("Soldering", "manager")]
    assert "team.added" in {row["kind"] for row in export["messages"]}
    erase(amina)
    assert list(event.team.all()) == [other]
    assert "amina" not in Message.objects.get(subject=member.pk).recipient


def test_mailings_are_exported_to_who_wrote_and_who_got_them_and_their_mails_erased(amina: User) -> None:
    event = make.event(owner=make.user("owner"), title="Soldering")
    make.confirmed(event, "amina")
    make.confirmed(event, "other")
    draft = Draft(Text("News for {name}", "Bring a laptop."), Segment())
    send_mailing(event, draft, Registration.objects.filter(event=event), author=User.objects.get(name="Owner"))
    received, written = export(amina), export(User.objects.get(name="Owner"))
    assert [row["mailing__subject"] for row in received["mailings_received"]] == ["News for {name}"]
    assert [row["body"] for row in written["mailings"]] == ["Bring a laptop."]
    assert [row["kind"] for row in received["messages"]].count("mailing.message") == 1
    assert received["mailings"] == written["mailings_received"] == []

    erase(amina)

    assert "amina" not in everything().lower()
    owed = Message.objects.filter(kind="mailing.message", state="due")
    assert list(owed.values_list("recipient", flat=True)) == ["other@example.org"]


def test_where_somebody_was_is_exported_and_stays_without_a_name(amina: User) -> None:
    event = make.event()
    mine = make.confirmed(event, "amina")
    set_door_rules(event, {"self_check_in": True}, actor=SYSTEM)
    check_in_by_code(mine, room_code(event.pk).code, actor=actor_of(amina))
    report_stays(event, "Stream", [Told(stay_id="1", registration=mine.pk, joined_at=now())], actor=SYSTEM)

    export = make.client(amina).get("/api/me/export/").json()
    assert [(row["registration_id"], row["device"], row["result"]) for row in export["scans"]] == [
        (str(mine.pk), "Room code", "checked_in")
    ]
    assert [(row["registration_id"], row["source"], row["left_at"]) for row in export["stays"]] == [
        (str(mine.pk), "Stream", None)
    ]

    erase(amina)
    assert "amina" not in repr([list(Scan.objects.values()), list(Stay.objects.values())])
    assert turnout_of([event])[event.pk].attended == 1


# --- Certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def soldering() -> Event:
    return make.event(owner=make.user("farid"), title="Soldering")


def told(certificate: Certificate) -> dict[str, Any]:
    """Return all that is kept of a certificate and its versions."""
    return {
        "certificate": Certificate.objects.filter(pk=certificate.pk).values().get(),
        "versions": list(Version.objects.filter(certificate=certificate).order_by("number").values()),
        "messages": set(Message.objects.filter(subject=certificate.pk).values_list("recipient", "state")),
    }


def test_certificates_are_exported_with_all_they_say(amina: User, soldering: Event) -> None:
    earned = certified(soldering, "amina")
    correct(earned, "Amina B.", "She married.", actor=SYSTEM)
    given = by_hand(soldering, "Amina Bouzid", "amina@example.org")
    certified(soldering, "stranger")

    exported = make.client(amina).get("/api/me/export/").json()

    found = {row["id"]: row for row in exported["certificates"]}
    assert {pk: (row["role"], row["full_name"]) for pk, row in found.items()} == {
        str(earned.pk): ("participant", "Amina B."),
        str(given.pk): ("speaker", "Amina Bouzid"),
    }
    versions = found[str(earned.pk)]["versions"]
    assert [(row["number"], row["snapshot"]["name"], row["reason"]) for row in versions] == [
        (1, "Amina", ""),
        (2, "Amina B.", "She married."),
    ]
    assert {row["kind"] for row in exported["messages"]} >= {"certificate.issued", "certificate.corrected"}
    assert {row["verb"] for row in exported["deeds"]} >= {"certificate.issued", "certificate.corrected"}
    assert "stranger" not in repr(exported).lower()


def test_erased_certificates_say_no_more_than_that(
    amina: User, soldering: Event, django_capture_on_commit_callbacks: Any
) -> None:
    earned, given = certified(soldering, "amina"), by_hand(soldering, "Amina Bouzid", "amina@example.org")
    correct(earned, "Amina B.", "Amina married.", actor=SYSTEM)
    revoke(earned, "Amina was not there.", actor=SYSTEM)
    stranger = certified(soldering, "stranger")
    before = told(stranger)
    version = earned.versions.get(number=1)
    version.document_key, version.credential = vault.new_key(), '{"name": "Amina"}'
    version.save()
    vault.put(version.document_path, b"Amina", version.document_key)

    with django_capture_on_commit_callbacks(execute=True):
        assert make.client(amina).delete("/api/me/", {}).status_code == 204

    for certificate in (earned, given):
        kept = told(certificate)
        assert "amina" not in repr(kept).lower()
        row = kept["certificate"]
        assert (row["full_name"], row["name_key"], row["email"], row["holder_key"]) == ("", "", "", None)
        assert [(each["snapshot"], each["credential"], each["document_key"]) for each in kept["versions"]] == [
            (None, None, None) for _ in kept["versions"]
        ]
        assert {state for _recipient, state in kept["messages"]} == {"void"}
        assert find_version(certificate.pk).standing == "erased"
    with pytest.raises(vault.LostError):
        vault.fetch(version.document_path, version.document_key)
    assert told(stranger) == before
    assert "amina" not in everything().lower()


def test_a_document_whose_key_is_gone_opens_for_nobody_though_it_could_not_be_removed(
    amina: User, soldering: Event, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    version = certified(soldering, "amina").versions.get()
    version.document_key = vault.new_key()
    version.save()
    vault.put(version.document_path, b"Amina", version.document_key)

    def fail(_path: str) -> None:
        raise OSError

    monkeypatch.setattr(storages[vault.PRIVATE], "delete", fail)
    with django_capture_on_commit_callbacks(execute=True):
        assert make.client(amina).delete("/api/me/", {}).status_code == 204
    assert Version.objects.get(pk=version.pk).document_key is None


def test_certificates_that_are_kept_stand_and_lead_nowhere(amina: User, soldering: Event) -> None:
    certificate = certified(soldering, "amina", full_name="Amina Bouzid")
    correct(certificate, "Amina Haddad", "She married.", actor=SYSTEM)
    versions = told(certificate)["versions"]
    assert certificate.registration is not None
    registration = certificate.registration.pk

    assert make.client(amina).delete("/api/me/", {"keep_certificates": True}).status_code == 204

    kept = told(certificate)
    row = kept["certificate"]
    assert kept["versions"] == versions
    assert (row["full_name"], row["email"], row["holder_key"], row["registration_id"], row["erased_at"]) == (
        "Amina Haddad",
        "",
        None,
        None,
        None,
    )
    assert "amina" not in repr(kept["messages"])
    assert find_version(certificate.pk).standing == "valid"
    assert turnout_of([soldering])[soldering.pk] == Turnout(attended=1, certified=1)
    (person,) = people(soldering, list(Registration.objects.filter(pk=registration)))
    assert (person.registration.full_name, person.presence.certificate) == ("Erased", None)
    # What they kept is nobody's to be told of, and whoever takes the address finds nothing of it.
    revoke(certificate, "A mistake.", actor=SYSTEM)
    assert not Message.objects.filter(kind="certificate.revoked").exists()
    assert export(make.user("amina"))["certificates"] == []


@pytest.mark.parametrize("keep", [True, False])
def test_who_was_erased_is_certified_no_more(amina: User, soldering: Event, *, keep: bool) -> None:
    had, had_none = certified(soldering, "amina"), went_to(soldering, "zahra")
    zahra = make.user("zahra")
    with time_machine.travel(soldering.ends_at + timedelta(minutes=1)):
        erase(amina, keep_certificates=keep)
        erase(zahra)
        assert issue_earned(soldering, actor=SYSTEM) == []
        with pytest.raises(ConflictError) as refused:
            issue_to(Registration.objects.get(pk=had_none.pk), actor=SYSTEM)
    assert refused.value.code == "registration_not_confirmed"
    assert list(Certificate.objects.all()) == [had]


def test_certificates_outlive_their_organisers_account_and_their_event(amina: User) -> None:
    event = make.event(owner=amina, title="Soldering")
    certificate = by_hand(event, "Nadia Rahal")
    before = told(certificate)["versions"]
    remove_event(event, actor=SYSTEM)
    erase(amina)
    assert not Event.objects.filter(pk=event.pk).exists()
    found = find_version(certificate.pk)
    assert (found.standing, found.says.name, found.says.event) == ("valid", "Nadia Rahal", "Soldering")
    assert told(certificate)["versions"] == before


def test_certificates_follow_their_holder_to_a_new_address(amina: User, soldering: Event) -> None:
    mine = [certified(soldering, "amina"), by_hand(soldering, "Amina", "amina@example.org")]
    other = certified(soldering, "other")
    change = move(amina, "zahra@example.org")
    assert change.status_code == 200
    zahra = User.objects.get(pk=amina.pk)
    assert set(Certificate.objects.held_by(zahra)) == set(mine)
    assert set(Certificate.objects.filter(email="other@example.org")) == {other}
    assert by_hand(soldering, "Zahra", "zahra@example.org") == mine[1]  # who has one gets no other


@pytest.mark.parametrize("keep", [True, False])
def test_no_mail_about_a_certificate_keeps_an_address_it_went_to(amina: User, soldering: Event, *, keep: bool) -> None:
    certificate = by_hand(soldering, "A. Bouzid", "amina@example.org")
    assert move(amina, "zahra@example.org").status_code == 200
    erase(User.objects.get(pk=amina.pk), keep_certificates=keep)
    assert {row[0].partition("@")[2] for row in told(certificate)["messages"]} == {"erased.invalid"}


def test_who_has_one_under_both_addresses_keeps_both(amina: User, soldering: Event) -> None:
    both = {by_hand(soldering, "Amina", f"{name}@example.org") for name in ("amina", "zahra")}
    assert move(amina, "zahra@example.org").status_code == 200
    assert set(Certificate.objects.held_by(User.objects.get(pk=amina.pk))) == both


def move(user: User, email: str) -> Any:
    """Give an account another address, by the code that is mailed there."""
    client = make.client(user)
    client.patch("/api/me/", {"email": email})
    return client.post("/api/auth/verify/", {"email": email, "otp": AddressChange.objects.get().code})
