"""The pages of accounts: signing up and in, a forgotten password, one's own account."""

import json
import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from tests.support import make
from tests.support.certified import certified
from tests.support.pages import token_on
from turnout.accounts.actions import passwords
from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.actions.sessions import check_second_factor, sign_in
from turnout.accounts.models import AddressChange, PasswordReset, SignUp, User
from turnout.accounts.queries import living_family
from turnout.core.models import AuditEntry
from turnout.guard.notation import windows
from turnout.jobs.worker import run_once
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db

PASSWORD = make.PASSWORD
OTHER = "seven green bicycles"
AMINA = {"email": "amina@example.org", "password": PASSWORD, "name": "Amina Bouzid", "role": "facilitator"}
ELSEWHERE = "192.0.2.7"


def send(browser: Client, path: str, fields: dict[str, Any] | None = None, *, to: str = "") -> Any:
    """Open a page with a form, fill it in, and send it."""
    token = token_on(browser, path)
    return browser.post(to or path, {**(fields or {}), "csrfmiddlewaretoken": token})


def went(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer["Location"]


def marked(answer: Any) -> set[str]:
    """Return the fields that a page marks as wrong."""
    tags = re.findall(r"<input[^>]+>", answer.content.decode())
    return {re.search(r'name="(\w+)"', tag)[1] for tag in tags if 'aria-invalid="true"' in tag}  # type: ignore[index]


def signed_in(browser: Client) -> str:
    """Return whose account the browser is in, as the header of every page says."""
    found = re.search(r'class="who".*?<bdi>([^<]*)</bdi>', browser.get("/").content.decode())
    return found[1] if found else ""


def enters(browser: Client, user: User, password: str = PASSWORD, **fields: str) -> Any:
    return send(browser, "/login/", {"email": user.email, "password": password, **fields})


def code_of(user: User) -> str:
    return f"{TOTP(TOTPDevice.objects.get(user=user).bin_key).token():06}"


@pytest.fixture
def amina() -> User:
    return make.user("amina")


@pytest.fixture
def mine(browser: Client, amina: User) -> Client:
    """Return the browser in which Amina has signed in."""
    assert enters(browser, amina).status_code == 302
    return browser


# --- Signing up ----------------------------------------------------------------------------------------------------


def test_who_signs_up_types_a_code_and_is_in(browser: Client) -> None:
    assert went(send(browser, "/signup/", AMINA)) == (302, "/signup/verify/")
    page = browser.get("/signup/verify/").content.decode()
    assert "<bdi>amina@example.org</bdi>" in page
    assert 'inputmode="numeric"' in page
    assert 'autocomplete="one-time-code"' in page
    run_once()
    code = re.search(r"^\d{6}$", str(mail.outbox[-1].body), re.MULTILINE)
    assert code
    assert not User.objects.exists()
    assert went(send(browser, "/signup/verify/", {"otp": f" {code[0][:3]} {code[0][3:]}"})) == (302, "/account/")
    user = User.objects.get()
    assert (user.email, user.name, user.role, user.address_verified) == (
        "amina@example.org",
        "Amina Bouzid",
        "facilitator",
        True,
    )
    assert "Welcome! Your account is ready." in browser.get("/account/").content.decode()
    assert signed_in(browser) == "Amina Bouzid"


def test_a_code_is_taken_in_any_script(browser: Client) -> None:
    send(browser, "/signup/", AMINA)
    arabic = SignUp.objects.get().code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    assert went(send(browser, "/signup/verify/", {"otp": arabic})) == (302, "/account/")


def test_the_answer_to_a_known_address_is_the_same_and_no_code_is_right(browser: Client, amina: User) -> None:
    stranger = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    known, unknown = send(browser, "/signup/", AMINA), send(stranger, "/signup/", {**AMINA, "email": "b@example.org"})
    assert went(known) == went(unknown)
    shown = browser.get("/signup/verify/").content.decode(), stranger.get("/signup/verify/").content.decode()
    token = re.compile(r'value="\w{64}"')
    assert token.sub("", shown[0]).replace(amina.email, "b@example.org") == token.sub("", shown[1])
    answer = send(browser, "/signup/verify/", {"otp": SignUp.objects.get(known=True).code})
    assert (answer.status_code, marked(answer), signed_in(browser)) == (400, {"otp"}, "")


def test_a_code_alone_signs_nobody_in(browser: Client) -> None:
    send(browser, "/signup/", AMINA)
    stranger = Client(SERVER_NAME="localhost")
    assert went(stranger.post("/signup/verify/", {"otp": SignUp.objects.get().code})) == (302, "/login/")
    assert not User.objects.exists()


def test_who_comes_back_in_another_browser_shows_the_password_and_then_the_code(browser: Client) -> None:
    stranger = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    send(browser, "/signup/", AMINA)
    send(stranger, "/signup/", {**AMINA, "password": OTHER})  # somebody else, with the same address
    own = next(attempt for attempt in SignUp.objects.all() if str(attempt.id) == browser.session["signing_up"]["id"])
    another = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    assert went(send(another, "/login/", {"email": AMINA["email"], "password": PASSWORD})) == (302, "/signup/verify/")
    assert went(send(another, "/signup/verify/", {"otp": own.code})) == (302, "/account/")
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({"email": "amina"}, {"email"}),
        ({"email": "", "password": ""}, {"email", "password"}),
        ({"password": "short"}, {"password"}),
        ({"password": "12345678901"}, {"password"}),
        ({"password": "amina@example.org"}, {"password"}),
        ({"password": "x" * 257}, {"password"}),
        ({"name": "A\u2028B"}, {"name"}),
        ({"role": "staff"}, {"role"}),
    ],
)
def test_what_is_wrong_is_marked_and_nothing_but_the_password_is_lost(
    browser: Client, fields: dict[str, str], faulty: set[str]
) -> None:
    answer = send(browser, "/signup/", {**AMINA, **fields, "is_staff": "on"})
    assert (answer.status_code, marked(answer)) == (400, faulty)
    page = answer.content.decode()
    assert "autofocus" in page
    assert PASSWORD not in page
    if "name" not in fields:
        assert 'value="Amina Bouzid"' in page
    assert not SignUp.objects.exists()


def test_a_new_code_is_sent_once_a_minute_and_the_answer_is_always_the_same(browser: Client) -> None:
    send(browser, "/signup/", AMINA)
    path = "/signup/verify/"
    answers = []
    for wait in (0, 61, 0):
        SignUp.objects.update(sent_at=SignUp.objects.get().sent_at - timedelta(seconds=wait))
        answers.append(went(send(browser, path, to="/signup/verify/again/")))
        answers.append("A new code is on its way" in browser.get(path).content.decode())  # type: ignore[arg-type]
    assert answers == [(302, path), True] * 3
    assert SignUp.objects.get().version == 2
    assert Message.objects.filter(kind="account.code").count() == 2


def test_five_wrong_codes_are_enough(browser: Client) -> None:
    send(browser, "/signup/", AMINA)
    right = SignUp.objects.get().code
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(5):
        assert send(browser, "/signup/verify/", {"otp": wrong}).status_code == 400
    assert send(browser, "/signup/verify/", {"otp": right}).status_code == 429
    assert not User.objects.exists()


# --- Signing in ----------------------------------------------------------------------------------------------------


def test_who_has_an_account_signs_in_and_out(browser: Client, amina: User) -> None:
    assert went(enters(browser, amina)) == (302, "/")
    assert signed_in(browser) == "Amina"
    assert went(browser.get("/login/")) == (302, "/")
    assert went(send(browser, "/", to="/logout/")) == (302, "/")
    assert (signed_in(browser), 'href="/login/"' in browser.get("/").content.decode()) == ("", True)


def test_opening_the_way_out_signs_nobody_out(mine: Client) -> None:
    assert mine.get("/logout/").status_code == 200
    assert mine.post("/logout/").status_code == 403  # a form of another site
    assert signed_in(mine) == "Amina"
    send(mine, "/logout/")
    assert signed_in(mine) == ""


def test_nothing_tells_a_known_address_from_an_unknown_one(browser: Client, amina: User) -> None:
    token = re.compile(r'value="\w{64}"')
    pages = []
    for email in (amina.email, "nobody@example.org"):
        answer = send(browser, "/login/", {"email": email, "password": "wrong"})
        pages.append((answer.status_code, token.sub("", answer.content.decode()).replace(email, "")))
    assert pages[0] == pages[1]
    assert pages[0][0] == 400
    assert "Address or password is wrong." in pages[0][1]


def test_the_session_gets_a_new_id_and_keeps_nothing_of_another_person(browser: Client, amina: User) -> None:
    send(browser, "/signup/", {**AMINA, "email": "b@example.org"})  # a session of its own, before anybody is in
    before = browser.cookies["sessionid"].value
    enters(browser, amina)
    assert browser.cookies["sessionid"].value != before
    fixed = Client(SERVER_NAME="localhost")
    fixed.cookies["sessionid"] = before
    assert signed_in(fixed) == ""


def test_an_id_that_was_planted_in_a_browser_is_worth_nothing(browser: Client) -> None:
    planted = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    send(planted, "/signup/", {**AMINA, "email": "thief@example.org"})
    browser.cookies["sessionid"] = planted.cookies["sessionid"].value
    send(browser, "/signup/", AMINA)
    assert planted.session.get("signing_up") is None
    send(browser, "/signup/verify/", {"otp": SignUp.objects.get(email=AMINA["email"]).code})
    assert (signed_in(browser), signed_in(planted)) == ("Amina Bouzid", "")


@pytest.mark.parametrize(
    ("following", "place"),
    [
        ("/account/password/", "/account/password/"),
        ("/events/?q=a b", "/events/?q=a%20b"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("http:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("https://localhost@evil.example/", "/"),
        ("x" * 3000, "/"),
        ("", "/"),
    ],
)
def test_who_signs_in_goes_on_to_a_page_of_ours_and_to_no_other(
    browser: Client, amina: User, following: str, place: str
) -> None:
    assert went(enters(browser, amina, next=following)) == (302, place)
    assert went(browser.get("/login/", {"next": following})) == (302, place)


def test_a_page_of_ones_own_asks_who_one_is_and_leads_back(browser: Client, amina: User) -> None:
    asked = browser.get("/account/password/")
    assert went(asked) == (302, "/login/?next=/account/password/")
    page = browser.get(asked["Location"]).content.decode()
    assert '<input type="hidden" name="next" value="/account/password/" id="id_next">' in page
    assert went(enters(browser, amina, next="/account/password/")) == (302, "/account/password/")


def test_the_second_factor_is_asked_for_after_the_right_password_only(browser: Client, amina: User) -> None:
    enrol_second_factor(amina)
    assert went(browser.get("/login/code/")) == (302, "/login/")
    wrong = enters(browser, amina, password="wrong")
    assert (wrong.status_code, "otp" in wrong.content.decode()) == (400, False)
    assert went(browser.get("/login/code/")) == (302, "/login/")
    assert went(enters(browser, amina, next="/account/")) == (302, "/login/code/")
    assert signed_in(browser) == ""
    answer = send(browser, "/login/code/", {"otp": "000000x"})
    assert (answer.status_code, marked(answer), signed_in(browser)) == (400, {"otp"}, "")
    TOTPDevice.objects.update(throttling_failure_count=0)
    assert went(send(browser, "/login/code/", {"otp": code_of(amina)})) == (302, "/account/")
    assert signed_in(browser) == "Amina"
    assert went(browser.get("/login/code/")) == (302, "/login/")  # the first half counted once


def test_half_a_login_is_void_after_ten_minutes_and_when_the_password_changes(browser: Client, amina: User) -> None:
    enrol_second_factor(amina)
    enters(browser, amina)
    session = browser.session
    half = session["signing_in"]
    session["signing_in"] = {**half, "at": half["at"].replace("20", "19", 1)}
    session.save()
    assert went(browser.get("/login/code/")) == (302, "/login/")
    session["signing_in"] = half
    session.save()
    assert browser.get("/login/code/").status_code == 200
    passwords.set_password(amina, OTHER)
    assert went(browser.get("/login/code/")) == (302, "/login/")


def test_staff_have_their_rights_where_the_second_factor_was_shown(browser: Client) -> None:
    staff = make.staff()
    assert went(enters(browser, staff)) == (302, "/")
    assert browser.get("/admin/").status_code == 302
    send(browser, "/logout/")
    enrol_second_factor(staff)
    enters(browser, staff, next="/admin/")
    assert went(send(browser, "/login/code/", {"otp": code_of(staff)})) == (302, "/admin/")
    assert browser.get("/admin/").status_code == 200


def test_a_second_factor_begun_while_somebody_signs_in_was_not_shown(browser: Client) -> None:
    staff = make.staff()

    def check_then_begin(*given: Any, **named: Any) -> bool:
        shown = check_second_factor(*given, **named)
        enrol_second_factor(staff)
        return shown

    with patch("turnout.accounts.actions.sessions.check_second_factor", check_then_begin):
        enters(browser, staff)
    assert browser.get("/account/").status_code == 200
    assert browser.get("/admin/").status_code == 302


@pytest.mark.parametrize("fields", [{"is_active": False}, {"address_verified": False}])
def test_who_may_not_sign_in_does_not(browser: Client, fields: dict[str, Any]) -> None:
    assert enters(browser, make.user("amina", **fields)).status_code in {400, 403}
    assert signed_in(browser) == ""


@pytest.mark.parametrize(
    ("scope", "path", "fields"),
    [
        ("login", "/login/", {"email": "a@example.org", "password": "x"}),
        ("signup", "/signup/", AMINA),
        ("signup", "/password/reset/", {"email": "a@example.org"}),
        ("verify", "/signup/verify/", {"otp": "1"}),
    ],
)
def test_too_often_is_said_in_the_form(
    browser: Client, settings: Settings, scope: str, path: str, fields: dict[str, str]
) -> None:
    send(browser, "/signup/", {**AMINA, "email": "first@example.org"})  # so that there is something to verify
    settings.THROTTLES = {**settings.THROTTLES, scope: windows("1/minute")}
    send(browser, path, fields)
    answer = send(browser, path, fields)
    assert (answer.status_code, int(answer["Retry-After"]) <= 60) == (429, True)
    assert "Too many requests." in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "purpose", "fields"),
    [("/signup/", "signup", AMINA), ("/password/reset/", "password_reset", {"email": "a@example.org"})],
)
def test_the_form_asks_for_a_captcha_where_one_is_switched_on(
    browser: Client, settings: Settings, path: str, purpose: str, fields: dict[str, str]
) -> None:
    assert "altcha" not in browser.get(path).content.decode()
    settings.CAPTCHA = "altcha"
    assert "<altcha-widget" in browser.get(path).content.decode()
    answer = send(browser, path, fields)
    assert (answer.status_code, "Show first that you are no program." in answer.content.decode()) == (400, True)
    assert not Message.objects.exists()
    with patch("turnout.guard.captcha.altcha.solved", return_value=None) as asked:
        send(browser, path, {**fields, "captcha": "a guess"})
    asked.assert_called_once_with("a guess")
    settings.CAPTCHA, settings.CAPTCHA_SITE_KEY = "turnstile", "shown"
    assert f'data-action="{purpose}"' in browser.get(path).content.decode()


def test_wrong_passwords_from_elsewhere_keep_nobody_out(browser: Client, amina: User) -> None:
    attacker = Client(SERVER_NAME="localhost", REMOTE_ADDR=ELSEWHERE)
    codes = [enters(attacker, amina, password="wrong").status_code for _ in range(11)]
    assert codes == [400] * 10 + [429]
    assert went(enters(browser, amina)) == (302, "/")


# --- A forgotten password ------------------------------------------------------------------------------------------


def link_of(reset: PasswordReset) -> str:
    return f"/password/reset/?token={reset.token}"


def test_who_forgot_a_password_sets_a_new_one_and_is_signed_out_everywhere(mine: Client, amina: User) -> None:
    browser = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    assert went(send(browser, "/password/reset/", {"email": amina.email})) == (302, "/password/reset/")
    assert "We have sent a mail to <bdi>amina@example.org</bdi>." in browser.get("/password/reset/").content.decode()
    run_once()
    link = re.search(r"/password/reset/\?token=\S+", str(mail.outbox[-1].body))
    assert link
    page = browser.get(link[0])
    assert (page.status_code, page["Referrer-Policy"], page["X-Robots-Tag"]) == (200, "no-referrer", "noindex")
    assert "no-store" in page["Cache-Control"]
    token = link[0].partition("=")[2]
    weak = browser.post("/password/reset/confirm/", {"token": token, "password": "amina"})
    assert (weak.status_code, marked(weak), weak["Referrer-Policy"]) == (400, {"password"}, "no-referrer")
    answer = browser.post("/password/reset/confirm/", {"token": token, "password": OTHER}, headers={"Origin": "null"})
    assert went(answer) == (302, "/login/")
    assert "Your password is new" in browser.get("/login/").content.decode()
    assert signed_in(mine) == ""
    assert went(enters(browser, amina, password=OTHER)) == (302, "/")


def test_every_address_gets_the_same_page_and_a_mail(browser: Client, amina: User) -> None:
    pages = []
    for email in (amina.email, "nobody@example.org"):
        assert went(send(browser, "/password/reset/", {"email": email})) == (302, "/password/reset/")
        page = browser.get("/password/reset/").content.decode()
        pages.append(re.sub(r'value="\w{64}"', "", page).replace(email, ""))
    assert pages[0] == pages[1]
    assert set(Message.objects.values_list("recipient", "kind")) == {
        (amina.email, "account.reset"),
        ("nobody@example.org", "account.unknown"),
    }


def test_an_old_link_says_so_and_helps_on(browser: Client, amina: User) -> None:
    passwords.ask_reset(amina.email, language="en", client="")
    reset = PasswordReset.objects.get()
    fields = {"token": reset.token, "password": OTHER}
    assert browser.post("/password/reset/confirm/", fields).status_code == 302
    for answer in (browser.get(link_of(reset)), browser.post("/password/reset/confirm/", {**fields, "password": "x"})):
        assert (answer.status_code, answer["X-Robots-Tag"]) == (410, "noindex")
        page = answer.content.decode()
        assert "This link was used, or is older than an hour." in page
        assert 'action="/password/reset/"' in page
    assert User.objects.get().check_password(OTHER)


@pytest.mark.parametrize("token", ["", "x", "é" * 3000, "a.b"])
def test_a_broken_link_says_what_to_do(browser: Client, token: str) -> None:
    fields = {"token": token, "password": OTHER}
    for answer in (browser.get("/password/reset/", fields), browser.post("/password/reset/confirm/", fields)):
        assert (answer.status_code, "Open it again from the mail" in answer.content.decode()) == (400, True)


# --- One's own account ---------------------------------------------------------------------------------------------

OWN = ["", "address/", "address/code/", "password/", "sessions/", "export/", "erase/"]


@pytest.mark.parametrize("page", OWN)
def test_a_stranger_is_asked_to_sign_in(browser: Client, page: str) -> None:
    assert went(browser.get(f"/account/{page}")) == (302, f"/login/?next=/account/{page}")


@pytest.mark.parametrize("page", ["", "address/", "address/code/", "password/", "sessions/", "erase/"])
def test_a_form_of_another_site_changes_nothing(mine: Client, amina: User, page: str) -> None:
    fields = {"name": "Thief", "language": "fr", "email": amina.email, "current": PASSWORD, "password": OTHER}
    assert mine.post(f"/account/{page}", fields).status_code == 403
    assert signed_in(mine) == "Amina"


def test_name_and_language_are_changed_and_the_pages_speak_it(mine: Client, amina: User) -> None:
    answer = send(mine, "/account/", {"name": "Amina B.", "language": "fr"})
    assert went(answer) == (302, "/account/")
    amina.refresh_from_db()
    assert (amina.name, amina.language) == ("Amina B.", "fr")
    assert '<html lang="fr"' in mine.get("/account/").content.decode()
    assert marked(send(mine, "/account/", {"name": "A\u2028B", "language": "fr"})) == {"name"}


def test_a_new_address_counts_once_its_code_is_typed(mine: Client, amina: User) -> None:
    assert went(mine.get("/account/address/code/")) == (302, "/account/address/")
    assert marked(send(mine, "/account/address/", {"email": " AMINA@example.org"})) == {"email"}
    assert went(send(mine, "/account/address/", {"email": "b@example.org"})) == (302, "/account/address/code/")
    assert "Not confirmed yet: <bdi>b@example.org</bdi>" in mine.get("/account/").content.decode()
    first = AddressChange.objects.get().code
    send(mine, "/account/address/code/", {"email": "b@example.org"}, to="/account/address/")  # a new code
    assert marked(send(mine, "/account/address/code/", {"otp": first})) == {"otp"}
    answer = send(mine, "/account/address/code/", {"otp": AddressChange.objects.get().code})
    assert went(answer) == (302, "/account/")
    amina.refresh_from_db()
    assert (amina.email, signed_in(mine)) == ("b@example.org", "Amina")


def test_the_password_is_changed_by_who_knows_it_and_ends_all_other_sessions(mine: Client, amina: User) -> None:
    other = Client(SERVER_NAME="localhost")
    enters(other, amina)
    program = sign_in(amina.email, PASSWORD, client="")
    wrong = send(mine, "/account/password/", {"current": "wrong", "password": OTHER})
    assert (wrong.status_code, marked(wrong)) == (400, {"current"})
    weak = send(mine, "/account/password/", {"current": PASSWORD, "password": "12345"})
    assert (weak.status_code, marked(weak), signed_in(other)) == (400, {"password"}, "Amina")
    answer = send(mine, "/account/password/", {"current": PASSWORD, "password": OTHER})
    assert went(answer) == (302, "/account/")
    assert (signed_in(mine), signed_in(other), living_family(program.family.id)) == ("Amina", "", None)
    assert User.objects.get().check_password(OTHER)
    assert AuditEntry.objects.filter(verb="user.password_set", actor=f"user:{amina.id}").count() == 1


def test_a_browser_left_open_is_no_place_to_guess_a_password(mine: Client) -> None:
    fields = {"current": "wrong", "password": OTHER}
    codes = [send(mine, "/account/password/", fields).status_code for _ in range(11)]
    assert codes == [400] * 10 + [429]
    assert send(mine, "/account/password/", {**fields, "current": PASSWORD}).status_code == 429


def test_signing_out_everywhere_else_leaves_this_browser_signed_in(mine: Client, amina: User) -> None:
    other = Client(SERVER_NAME="localhost")
    enters(other, amina)
    program = sign_in(amina.email, PASSWORD, client="")
    assert went(send(mine, "/account/sessions/")) == (302, "/account/")
    assert (signed_in(mine), signed_in(other), living_family(program.family.id)) == ("Amina", "", None)


def test_the_second_factor_stays_shown_when_the_password_changes(browser: Client) -> None:
    staff = make.staff()
    enrol_second_factor(staff)
    enters(browser, staff)
    send(browser, "/login/code/", {"otp": code_of(staff)})
    send(browser, "/account/password/", {"current": PASSWORD, "password": OTHER})
    assert browser.get("/admin/").status_code == 200
    assert "On: you sign in with a code" in browser.get("/account/").content.decode()


def test_all_that_is_known_can_be_taken_along(mine: Client, amina: User) -> None:
    make.confirmed(make.event(title="Atelier"), email=amina.email)
    answer = mine.get("/account/export/")
    assert (answer["Content-Disposition"], "no-store" in answer["Cache-Control"]) == (
        'attachment; filename="turnout.json"',
        True,
    )
    held = json.loads(answer.content)
    assert (held["account"]["email"], held["registrations"][0]["event__title"]) == (amina.email, "Atelier")


def test_an_account_is_erased_after_its_address_was_typed(mine: Client, amina: User) -> None:
    assert marked(send(mine, "/account/erase/", {"email": "other@example.org"})) == {"email"}
    answer = send(mine, "/account/erase/", {"email": "Amina@Example.org "})
    assert (answer.status_code, "Your account is erased" in answer.content.decode()) == (200, True)
    assert (User.objects.get().is_active, signed_in(mine)) == (False, "")
    assert enters(mine, amina).status_code == 400


def test_who_has_certificates_is_asked_whether_to_keep_them(mine: Client, amina: User) -> None:
    assert "keep_certificates" not in mine.get("/account/erase/").content.decode()
    certificate = certified(make.event(owner=make.user("farid")), "amina")
    assert 'name="keep_certificates"' in mine.get("/account/erase/").content.decode()
    answer = send(mine, "/account/erase/", {"email": amina.email, "keep_certificates": "on"})
    assert "nothing here names you any more but the certificates that you keep" in answer.content.decode()
    certificate.refresh_from_db()
    assert (certificate.full_name, certificate.email, certificate.erased_at) == ("Amina", "", None)


def test_certificates_that_nobody_ticks_are_erased(mine: Client, amina: User) -> None:
    certificate = certified(make.event(owner=make.user("farid")), "amina")
    answer = send(mine, "/account/erase/", {"email": amina.email})
    assert "nothing here names you any more." in answer.content.decode()
    certificate.refresh_from_db()
    assert (certificate.full_name, certificate.erased_at is None) == ("", False)


def test_staff_do_not_erase_themselves(browser: Client) -> None:
    staff = make.staff()
    enters(browser, staff)
    answer = send(browser, "/account/erase/", {"email": staff.email})
    assert (answer.status_code, "Who runs the platform" in answer.content.decode()) == (409, True)
    assert User.objects.get().is_active


# --- All of them ---------------------------------------------------------------------------------------------------

PAGES = ["/signup/", "/signup/verify/", "/signup/verify/again/", "/login/", "/login/code/", "/logout/"]
PAGES += ["/password/reset/", "/password/reset/confirm/", *(f"/account/{page}" for page in OWN)]
FIELDS = ["email", "password", "name", "role", "otp", "token", "next", "language", "current", "csrfmiddlewaretoken"]


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(
    path=st.sampled_from(PAGES),
    fields=st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=300) | st.sampled_from(list(AMINA.values()))),
    within=st.booleans(),
)
@pytest.mark.long
def test_nothing_anybody_sends_fails(path: str, fields: dict[str, str], within: bool) -> None:  # noqa: FBT001
    client = Client(SERVER_NAME="localhost")
    if within:
        client.force_login(User.objects.first() or make.user())
    sound = {name: text.encode("utf-8", "replace").decode() for name, text in fields.items()}
    assert client.get(path, sound).status_code < 500
    assert client.post(path, sound).status_code < 500


def test_a_page_without_a_session_asks_the_database_nothing_about_who_is_there(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert browser.get("/login/").status_code == 200
    with django_assert_num_queries(1):  # whether there is an attack
        assert browser.get("/password/reset/").status_code == 200


def test_pages_with_a_name_on_them_are_kept_by_no_cache_for_others(mine: Client) -> None:
    assert "Cookie" in mine.get("/")["Vary"]


def test_a_page_with_a_secret_in_its_address_offers_no_form_that_would_be_refused(mine: Client) -> None:
    registration = make.confirmed(make.event())
    page = mine.get(registration.page_url()).content.decode()
    assert ('action="/logout/"' in page, 'href="/logout/"' in page) == (False, True)
