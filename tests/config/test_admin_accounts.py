"""The admin: who gets in and how, who is let in by whom, and what staff can look at."""

import base64
import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_otp.oath import totp
from pytest_django import Settings

from tests.support import make
from tests.support.certified import certified
from turnout.accounts.actions import second_factor, sessions, staff
from turnout.accounts.links import enrolment_link
from turnout.accounts.models import User
from turnout.accounts.queries import second_factor_of
from turnout.certificates.actions.designs import add_template
from turnout.certificates.models import Certificate, CertificateRules, Design
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.keys import active_key_id
from turnout.core.models import AuditEntry
from turnout.events.actions import save_partner, save_speaker
from turnout.events.models import Partner, Speaker
from turnout.guard.notation import windows

pytestmark = pytest.mark.django_db

# Whatever is not here is registered.
WITHOUT_A_PAGE = {
    "accounts.RecoveryCode": "hashes",
    "accounts.AddressChange": "for five minutes; the audit trail says what came of it",
    "accounts.PasswordReset": "for an hour; the audit trail says what came of it",
    "otp_totp.TOTPDevice": "secrets; an account's page says whether there is one",
    "admin.LogEntry": "Django's own trail: the audit trail is ours, and complete",
    "auth.Group": "staff run the platform or they don't",
    "auth.Permission": "the same",
    "contenttypes.ContentType": "Django's own",
    "sessions.Session": "secrets",
    "core.IdempotentRequest": "hashes, and answers to one person, for a day",
    "guard.Counter": "hashes",
    "guard.SpentChallenge": "hashes",
    "notifications.Topic": "a counter",
    "notifications.Entry": "what the audit trail says too, in the order of an event's desk or a person's notices",
    "notifications.Webhook": "its team's, by the API: addresses and secrets",
    "notifications.Delivery": "what a webhook was told of people",
    "notifications.Attempt": "what others' programs answered",
    "attendance.DoorNote": "its team's: what they want to be seen of somebody at the door",
    "certificates.Version": "on its certificate's page",
    "certificates.Picture": "sealed: what shows it are its event's certificates",
    "events.EventLanguage": "on its event's page",
    "events.Question": "on its event's page",
    "events.Session": "on its event's page",
    "events.SeatPool": "on its event's page",
    "events.TeamMember": "on its event's page",
    "attendance.Scan": "a log: its event's team reads it at the desk of the door, and undoes with a reason",
    "attendance.Stay": "what another system told; its event's team reads it by the API",
    "attendance.DoorRules": "on its event's page for the door's rules; the audit trail says who changed them",
    "attendance.Device": "on its event's page for the door, with what its team may do",
    "registrations.Recipient": "to whom a mailing went; the outbox says what became of it",
    "registrations.Upload": "sealed: a file is its holder's and the team's, by the API",
    "registrations.RevokedTicket": "a number; the audit trail says who replaced it",
    "registrations.EventMove": "what mails of a move say; the audit trail says who moved it",
}


@pytest.fixture
def boss() -> User:
    """Return somebody on staff with a second factor."""
    user = make.staff()
    second_factor.enrol_second_factor(user)
    return user


@pytest.fixture
def desk(browser: Client, boss: User) -> Client:
    """Return the browser of that person, signed in with both factors."""
    assert sign_in(browser, boss, code_of(boss)).status_code == 302
    return browser


def shown(secret: str, *, steps: int = 0) -> str:
    return f"{totp(base64.b32decode(secret.replace(' ', '')), drift=steps):06}"


def code_of(user: User, *, steps: int = 0) -> str:
    device = second_factor_of(user)
    assert device is not None
    return shown(base64.b32encode(device.bin_key).decode(), steps=steps)


def sign_in(browser: Client, user: User, otp_token: str, password: str = make.PASSWORD) -> Any:
    browser.handler.enforce_csrf_checks = False
    form = {"username": user.email, "password": password, "otp_token": otp_token, "next": "/admin/"}
    return browser.post("/admin/login/", form)


def page(answer: Any) -> str:
    """Return a page's own words: no tags, no scripts."""
    bare = re.sub(r"<(script|style).*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", bare).split())


def inside(browser: Client) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


# --- Coming in -----------------------------------------------------------------------------------------------------


def test_the_same_code_lets_nobody_in_twice(desk: Client, boss: User) -> None:
    device = second_factor_of(boss)
    assert device is not None
    used = f"{totp(device.bin_key, drift=device.last_t - int(now().timestamp()) // 30):06}"
    thief = Client(SERVER_NAME="localhost")
    assert sign_in(thief, boss, used).status_code == 200
    assert (inside(desk), inside(thief)) == (True, False)


def test_a_recovery_code_lets_in_once(browser: Client, boss: User) -> None:
    code = second_factor.renew_recovery_codes(boss, code_of(boss))[0]
    assert sign_in(browser, boss, code).status_code == 302
    assert inside(browser)
    assert sign_in(Client(SERVER_NAME="localhost"), boss, code).status_code == 200


def test_the_answer_never_tells_what_was_wrong(browser: Client, boss: User, settings: Settings) -> None:
    settings.THROTTLE_SECOND_FACTOR = windows("1/hour")
    seeker = make.user()
    second_factor.enrol_second_factor(seeker)
    shut = make.staff()
    second_factor.enrol_second_factor(shut)
    staff.deactivate(shut, actor=audit.SYSTEM)
    answers = [
        sign_in(browser, User(email="nobody@example.org"), "123456"),
        sign_in(browser, boss, code_of(boss), password="wrong"),
        sign_in(browser, boss, "12345"),
        sign_in(browser, boss, "000000" if code_of(boss) != "000000" else "111111"),
        sign_in(browser, boss, code_of(boss)),  # right, and one try too many
        sign_in(browser, make.staff(), "123456"),  # has no second factor
        sign_in(browser, seeker, code_of(seeker)),
        sign_in(browser, shut, code_of(shut)),
    ]
    errors = {answer.context["form"].errors.as_json() for answer in answers}
    assert ({answer.status_code for answer in answers}, len(errors)) == ({200}, 1)


def test_logins_are_limited_before_a_password_is_hashed(
    browser: Client, boss: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLES = settings.THROTTLES | {"login": windows("2/hour")}
    assert [sign_in(browser, boss, "1").status_code for _ in range(2)] == [200, 200]
    monkeypatch.delattr("django.contrib.auth.hashers.check_password")
    refused = sign_in(browser, boss, code_of(boss))
    assert (refused.status_code, int(refused["Retry-After"]) > 3000) == (429, True)


@pytest.mark.parametrize("deed", [staff.remove_staff, staff.deactivate])
def test_who_is_staff_no_more_is_out_at_once(desk: Client, boss: User, deed: Any) -> None:
    assert inside(desk)
    deed(boss, actor=audit.SYSTEM)
    assert not inside(desk)


def test_who_moved_to_another_app_is_out_elsewhere_at_once(desk: Client, boss: User) -> None:
    assert inside(desk)
    second_factor.enrol_second_factor(boss)
    assert not inside(desk)


# --- The link ------------------------------------------------------------------------------------------------------


def path_of(link: str) -> str:
    return link[link.index("/admin/") :]


def test_a_link_and_a_password_set_a_second_factor_up(browser: Client) -> None:
    newcomer = make.staff()
    browser.handler.enforce_csrf_checks = False
    path = path_of(enrolment_link(newcomer))
    assert 'name="password"' in browser.get(path).content.decode()

    scan = browser.post(path, {"password": make.PASSWORD})
    secret, proof = scan.context["secret"], scan.context["proof"]
    assert "<svg" in scan.content.decode()
    assert scan["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
    again = browser.post(path, {"proof": proof, "otp": "000000x"})
    assert again.context["secret"] == secret
    assert "This code is wrong" in page(again)

    done = browser.post(path, {"proof": proof, "otp": shown(secret)})
    codes = done.context["codes"]
    assert all(code in page(done) for code in codes)
    assert not inside(browser)  # who set it up has yet to log in
    assert browser.get(path).status_code == 410
    assert browser.post(path, {"proof": proof, "otp": shown(secret, steps=1)}).status_code == 410
    assert sign_in(browser, newcomer, codes[0]).status_code == 302


def test_a_link_without_the_password_shows_and_changes_nothing(browser: Client, boss: User) -> None:
    browser.handler.enforce_csrf_checks = False
    path = path_of(enrolment_link(boss))
    before = second_factor_of(boss)
    otp = shown(second_factor.begin_anew(boss).secret)  # which somebody else has begun to set up
    for form in ({"password": "wrong"}, {"password": ""}, {"otp": otp}, {"otp": otp, "proof": "1:x:y"}):
        answer = browser.post(path, form)
        assert (answer.status_code, "secret" in answer.context) == (200, False)
    assert second_factor_of(boss) == before


def test_passwords_tried_on_a_link_are_counted_as_logins(browser: Client, boss: User, settings: Settings) -> None:
    settings.THROTTLES = settings.THROTTLES | {"login": windows("2/hour")}
    browser.handler.enforce_csrf_checks = False
    path = path_of(enrolment_link(boss))
    assert [browser.post(path, {"password": "wrong"}).status_code for _ in range(3)] == [200, 200, 429]


# --- One's own -----------------------------------------------------------------------------------------------------

OWN = "/admin/second-factor/"


def test_ones_own_page_is_for_who_is_in(browser: Client, boss: User) -> None:
    browser.force_login(boss)
    assert browser.get(OWN).status_code == 302


def test_new_recovery_codes_are_made_by_a_code(desk: Client, boss: User) -> None:
    assert "0 recovery codes left" in page(desk.get(OWN))
    assert "This code is wrong" in page(desk.post(OWN, {"deed": "renew", "otp": "000000x"}))
    assert len(desk.post(OWN, {"deed": "renew", "otp": code_of(boss, steps=1)}).context["codes"]) == 10
    assert "10 recovery codes left" in page(desk.get(OWN))


def test_one_moves_to_another_app_by_a_code_of_the_old_and_stays_in(desk: Client, boss: User) -> None:
    assert "scan" not in desk.post(OWN, {"deed": "replace", "otp": ""}).context["step"]
    scan = desk.post(OWN, {"deed": "replace", "otp": code_of(boss, steps=1)})
    secret = scan.context["secret"]
    assert "This code is wrong" in page(desk.post(OWN, {"deed": "confirm", "otp": "000000x"}))
    assert len(desk.post(OWN, {"deed": "confirm", "otp": shown(secret)}).context["codes"]) == 10
    assert inside(desk)
    assert page(desk.post(OWN, {"deed": "confirm", "otp": shown(secret, steps=1)})).count("Begin again.") == 1


def test_ones_password_is_changed_by_the_action(desk: Client, boss: User) -> None:
    new = "another horse battery staple"
    form = {"old_password": make.PASSWORD, "new_password1": new, "new_password2": new}
    assert desk.post("/admin/password_change/", form).status_code == 302
    assert User.objects.get(pk=boss.pk).check_password(new)
    assert AuditEntry.objects.filter(verb="user.password_set", subject=boss.pk).count() == 1
    assert inside(desk)


# --- Accounts ------------------------------------------------------------------------------------------------------


def do(desk: Client, action: str, *users: User) -> Any:
    form = {"action": action, "_selected_action": [str(user.pk) for user in users]}
    return desk.post("/admin/accounts/user/", form, follow=True)


def test_staff_make_staff_and_unmake_them(desk: Client, boss: User) -> None:
    user, unknown = make.user("amina"), make.user("karim", address_verified=False)
    assert "karim@example.org has not confirmed this address." in page(do(desk, "make_staff", user, unknown))
    assert [User.objects.get(pk=person.pk).is_staff for person in (user, unknown)] == [True, False]
    do(desk, "remove_staff", user)
    do(desk, "deactivate", user)
    do(desk, "activate", user)
    verbs = AuditEntry.objects.filter(subject=user.id, actor=f"user:{boss.id}").order_by("id")
    assert list(verbs.values_list("verb", flat=True)) == [
        "user.staff_made",
        "user.staff_removed",
        "user.deactivated",
        "user.activated",
    ]


def test_nobody_shuts_themselves_out(desk: Client, boss: User) -> None:
    for action in ("remove_staff", "deactivate"):
        assert "Somebody else on staff must do this to your account." in page(do(desk, action, boss))
    assert inside(desk)


def test_staff_make_a_link_for_a_colleague(desk: Client) -> None:
    colleague, seeker = make.staff(), make.user()
    shown = do(desk, "invite_to_enrol", colleague, seeker)
    assert list(shown.context["links"]) == [colleague.email]
    assert "no-store" in shown["Cache-Control"]
    assert Client(SERVER_NAME="localhost").get(path_of(shown.context["links"][colleague.email])).status_code == 200
    nobody = do(desk, "invite_to_enrol", seeker)
    assert f"{seeker.email} does not run the platform." in page(nobody)


def test_an_accounts_page_offers_what_can_be_done(desk: Client, boss: User) -> None:
    seeker = make.user()

    def offered(user: User) -> list[str]:
        html = desk.get(f"/admin/accounts/user/{user.pk}/change/").content.decode()
        return re.findall(r'name="action" value="(\w+)"', html)

    assert offered(seeker) == ["make_staff", "deactivate"]
    assert offered(boss) == ["invite_to_enrol", "remove_staff", "deactivate"]


def test_people_are_found_by_address_name_and_second_factor(desk: Client, boss: User) -> None:
    amina = make.user("amina")

    def found(query: str) -> list[User]:
        return list(desk.get(f"/admin/accounts/user/?{query}").context["cl"].result_list)

    assert found("q=AMINA@example.org") == found("q=Amina") == found("q=amina@") == [amina]
    assert (found("second_factor=1"), found("second_factor=0")) == ([boss], [amina])


# --- What was done -------------------------------------------------------------------------------------------------


def test_the_audit_trail_says_who_did_what_to_what(desk: Client, boss: User) -> None:
    user, gone = make.user("amina"), new_id()
    staff.make_staff(user, actor=f"user:{boss.id}")
    audit.record(f"user:{user.id}", "event.capacity_changed", gone, {"was": 1, "is": [2, 3]})
    audit.record(f"user:{gone}", "certificate.issued", gone)
    trail = desk.get("/admin/core/auditentry/")
    text = page(trail)
    for said in (
        "Amina Event: capacity changed",
        "was: 1",
        "is: 2, 3",
        f"{boss.email} User: staff made amina@example.org",
        f"user:{gone}",
    ):
        assert said in text
    links = re.findall(r'href="(/admin/(?:accounts|events|certificates)/\w+/[\w-]+/change/)"', trail.content.decode())
    assert f"/admin/accounts/user/{user.id}/change/" in links
    assert f"/admin/events/event/{gone}/change/" in links
    entry = AuditEntry.objects.get(verb="event.capacity_changed")
    one = page(desk.get(f"/admin/core/auditentry/{entry.id}/change/"))
    assert "Amina" in one
    assert "&quot;was&quot;: 1" in one
    history = desk.get(f"/admin/accounts/user/{user.id}/history/")
    assert history["Location"] == f"/admin/core/auditentry/?q={user.id}"
    assert desk.get(f"/admin/events/event/{gone}/change/").status_code == 302  # it is gone, and Django says so


def test_the_audit_trail_is_searched_by_person_and_thing(desk: Client) -> None:
    user, thing = make.user("amina"), new_id()
    audit.record(f"user:{user.id}", "event.changed", thing)
    audit.record(audit.GUEST, "user.changed", user.id)

    def found(query: str) -> set[str]:
        return {entry.verb for entry in desk.get(f"/admin/core/auditentry/?{query}").context["cl"].result_list}

    assert (
        found("q=AMINA@example.org")
        == found(f"q={user.id}")
        == {
            "event.changed",
            "user.created",
            "user.changed",
        }
    )
    assert found(f"q={thing}") == {"event.changed"}
    assert found("q=nobody@example.org") == set()
    assert found("verb=user.changed") == {"user.changed"}
    yesterday = now() - timedelta(days=1)
    assert found(f"at__lt={yesterday:%Y-%m-%d} 00:00:00%2B00:00") == set()


# --- All lists -----------------------------------------------------------------------------------------------------


def registered() -> list[str]:
    return sorted(model._meta.label for model in apps.get_models() if admin.site.is_registered(model))


def _decide_on_certificates(certificate: Certificate) -> None:
    """Let the event of a certificate have rules and a look of its own, and a template be there."""
    assert certificate.event is not None
    template = add_template("Own", "#sys", actor=audit.SYSTEM)
    CertificateRules.objects.create(event=certificate.event)
    Design.objects.create(event=certificate.event, template=template)


def test_every_model_has_a_page_or_a_reason_not_to() -> None:
    every = {model._meta.label for model in apps.get_models()}
    assert every - set(registered()) == set(WITHOUT_A_PAGE)


@pytest.mark.parametrize("label", registered())
@pytest.mark.long
def test_every_list_search_and_page_opens(desk: Client, label: str) -> None:
    make.confirmed(make.full_event())
    _decide_on_certificates(certified(make.event(owner=make.user())))
    active_key_id("ticket")
    sessions.sign_in(make.user("amina").email, make.PASSWORD, client="")
    model = apps.get_model(label)
    path = f"/admin/{label.replace('.', '/').lower()}/"
    assert desk.get(path).status_code == 200
    for words in ("a", "a@example.org", str(new_id()), "é" * 200):
        assert desk.get(path, {"q": words}).status_code == 200
    for row in model._default_manager.all()[:1]:
        assert desk.get(f"{path}{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("label", registered())
@pytest.mark.long
def test_a_list_asks_as_much_for_many_rows_as_for_one(desk: Client, label: str) -> None:
    def row(number: int) -> None:
        make.confirmed(make.full_event(number))
        _decide_on_certificates(certified(make.event(owner=make.user())))
        save_speaker(Speaker(name="S", partner=save_partner(Partner(name="P"))))
        user = make.user()
        audit.record(f"user:{user.id}", "event.changed", new_id())
        sessions.sign_in(user.email, make.PASSWORD, client="")

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(f"/admin/{label.replace('.', '/').lower()}/").status_code == 200
        return len(queries)

    row(1)
    active_key_id("ticket")
    asked()  # what is read once is read
    few = asked()
    for number in range(2, 5):
        row(number)
    assert asked() == few


def test_devices_and_groups_are_nobodys_to_make(desk: Client) -> None:
    for path in ("otp_totp/totpdevice", "auth/group"):
        assert desk.get(f"/admin/{path}/add/").status_code == 404
