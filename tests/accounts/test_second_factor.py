"""The second factor: set up, used once each time, replaced, switched off; and the links that staff hand out."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings

from tests.support import make
from turnout.accounts.actions import second_factor, sessions
from turnout.accounts.actions.staff import invite_to_enrol, make_staff, remove_staff
from turnout.accounts.links import LINK_LIVES, enrolment_link, password_proof, proves_password, read_link
from turnout.accounts.models import RecoveryCode, User
from turnout.accounts.queries import has_second_factor, second_factor_of
from turnout.core.errors import ConflictError, DomainError, ForbiddenError, GoneError, InvalidError, ThrottledError
from turnout.core.models import AuditEntry
from turnout.guard.notation import windows

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 11, 16, 12, tzinfo=UTC)
STEP = 30  # seconds


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Let time stand still, so that a code is of the step the test means."""
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def owner() -> User:
    """Return somebody who has a second factor, whose present code is not used yet."""
    user = make.user("owner")
    second_factor.enrol_second_factor(user)
    return user


def code_of(user: User, *, steps: int = 0) -> str:
    """Return the code that this person's app shows so many steps from now."""
    device = second_factor_of(user)
    assert device is not None
    return shown(base64.b32encode(device.bin_key).decode(), steps=steps)


def shown(secret: str, *, steps: int = 0) -> str:
    """Return the code that an app with this secret shows so many steps from now."""
    return f"{totp(base64.b32decode(secret), drift=steps):06}"


def wrong(user: User) -> str:
    """Return six digits that are none of the person's."""
    right = {code_of(user, steps=steps) for steps in range(-2, 3)}
    return next(code for code in (f"{number:06}" for number in range(9)) if code not in right)


def refusal(call: Any, *arguments: Any) -> tuple[type[DomainError], str]:
    with pytest.raises(DomainError) as refused:
        call(*arguments)
    return type(refused.value), refused.value.code


def deeds(user: User) -> list[tuple[str, str]]:
    rows = AuditEntry.objects.filter(subject=user.id).exclude(verb__endswith="created").order_by("id")
    return [(row.actor.replace(str(user.id), "self"), row.verb) for row in rows]


def test_a_second_factor_counts_from_the_first_code_on_and_not_before() -> None:
    user = make.user()
    secret, link = second_factor.begin(user)
    assert (has_second_factor(user), second_factor.spend(user, shown(secret))) == (False, False)
    codes = second_factor.confirm(user, shown(secret))
    assert (has_second_factor(user), len(set(codes))) == (True, 10)
    assert f"secret={secret}" in link
    assert deeds(user) == [("user:self", "user.second_factor_enrolled")]


def test_the_code_that_confirmed_is_used_up() -> None:
    user = make.user()
    secret = second_factor.begin(user).secret
    second_factor.confirm(user, shown(secret))
    assert not second_factor.spend(user, shown(secret))
    assert second_factor.spend(user, shown(secret, steps=1))


def test_beginning_again_makes_a_new_secret_and_voids_the_first() -> None:
    user = make.user()
    first, second = second_factor.begin(user).secret, second_factor.begin(user).secret
    assert refusal(second_factor.confirm, user, shown(first)) == (InvalidError, "otp_invalid")
    second_factor.confirm(user, shown(second))
    assert TOTPDevice.objects.filter(user=user).count() == 1


def test_what_was_not_begun_is_not_confirmed(owner: User) -> None:
    assert refusal(second_factor.confirm, make.user(), "123456") == (ConflictError, "second_factor_not_begun")
    assert refusal(second_factor.confirm, owner, code_of(owner)) == (ConflictError, "second_factor_not_begun")


def test_one_that_is_on_is_replaced_by_a_code_of_it_alone_and_stays_on_until_then(owner: User) -> None:
    assert refusal(second_factor.begin, owner) == (ConflictError, "second_factor_on")
    assert refusal(second_factor.begin, owner, wrong(owner)) == (InvalidError, "otp_invalid")
    old = second_factor_of(owner)
    new = second_factor.begin(owner, code_of(owner)).secret
    assert second_factor_of(owner) == old
    second_factor.confirm(owner, shown(new))
    assert second_factor_of(owner) != old
    assert list(TOTPDevice.objects.filter(user=owner)) == [second_factor_of(owner)]


def test_a_code_works_once(owner: User) -> None:
    assert second_factor.spend(owner, code_of(owner))
    assert not second_factor.spend(owner, code_of(owner))


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_clock_may_be_a_step_off(owner: User, steps: int) -> None:
    assert second_factor.spend(owner, code_of(owner, steps=steps))


@pytest.mark.parametrize("steps", [-2, 2])
def test_but_not_two(owner: User, steps: int) -> None:
    assert not second_factor.spend(owner, code_of(owner, steps=steps))


def test_no_code_older_than_the_last_one_used_works(owner: User, clock: time_machine.Traveller) -> None:
    before = code_of(owner)
    clock.shift(STEP)
    assert second_factor.spend(owner, code_of(owner))
    assert not second_factor.spend(owner, before)


@pytest.mark.parametrize("form", ["{0}{1}", " {0}{1} ", "{0} {1}", "{0}-{1}"])
def test_a_code_may_be_written_as_apps_show_it(owner: User, form: str) -> None:
    code = code_of(owner)
    assert second_factor.spend(owner, form.format(code[:3], code[3:]))


@pytest.mark.parametrize("otp", ["", "x", "12345", "1234567", "١٢٣٤٥٦", "a" * 16, "\0", "é" * 40])
def test_what_is_no_code_is_wrong(owner: User, otp: str) -> None:
    assert not second_factor.spend(owner, otp)


def test_nobody_signs_in_with_anothers_code(owner: User) -> None:
    stranger = make.user("stranger")
    second_factor.enrol_second_factor(stranger)
    assert not second_factor.spend(stranger, code_of(owner))


def test_each_recovery_code_works_once_and_none_is_stored(owner: User) -> None:
    codes = second_factor.renew_recovery_codes(owner, code_of(owner))
    stored = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert stored.isdisjoint({*codes, *(code.replace("-", "") for code in codes)})
    assert [second_factor.spend(owner, code) for code in codes] == [True] * 10
    assert [second_factor.spend(owner, code) for code in codes] == [False] * 10
    assert deeds(owner)[2:] == [("user:self", "user.recovery_code_used")] * 10


def test_recovery_codes_are_the_persons_own_and_are_read_as_written_down(owner: User) -> None:
    code = second_factor.renew_recovery_codes(owner, code_of(owner))[0]
    assert not second_factor.spend(make.user("stranger"), code)
    assert second_factor.spend(owner, f" {code.upper().replace('-', ' ')} ")


def test_new_recovery_codes_void_the_old_ones(owner: User) -> None:
    old = second_factor.renew_recovery_codes(owner, code_of(owner))
    assert refusal(second_factor.renew_recovery_codes, owner, wrong(owner)) == (InvalidError, "otp_invalid")
    new = second_factor.renew_recovery_codes(owner, code_of(owner, steps=1))
    assert (second_factor.spend(owner, old[0]), second_factor.spend(owner, new[0])) == (False, True)


def test_tries_are_limited_and_the_owner_still_gets_in(owner: User, settings: Settings) -> None:
    recovery = second_factor.renew_recovery_codes(owner, code_of(owner))[0]
    settings.THROTTLE_SECOND_FACTOR = windows("5/minute,30/hour")
    assert [second_factor.spend(owner, wrong(owner)) for _ in range(5)] == [False] * 5
    assert refusal(second_factor.spend, owner, code_of(owner, steps=1)) == (ThrottledError, "throttled")
    assert refusal(second_factor.disable, owner, code_of(owner, steps=1)) == (ThrottledError, "throttled")
    assert second_factor.spend(owner, recovery)


def test_tries_to_confirm_are_limited_too(settings: Settings) -> None:
    user = make.user()
    secret = second_factor.begin(user).secret
    settings.THROTTLE_SECOND_FACTOR = windows("5/minute")
    tries = [refusal(second_factor.confirm, user, "abcdef") for _ in range(6)]
    assert tries == [(InvalidError, "otp_invalid")] * 5 + [(ThrottledError, "throttled")]
    assert refusal(second_factor.confirm, user, shown(secret)) == (ThrottledError, "throttled")


def test_it_is_switched_off_by_a_code_and_recovery_codes_go_with_it(owner: User) -> None:
    recovery = second_factor.renew_recovery_codes(owner, code_of(owner))
    assert refusal(second_factor.disable, owner, wrong(owner)) == (InvalidError, "otp_invalid")
    second_factor.disable(owner, recovery[0])
    assert (has_second_factor(owner), RecoveryCode.objects.count()) == (False, 0)
    assert refusal(second_factor.disable, owner, recovery[1]) == (ConflictError, "second_factor_off")
    assert deeds(owner)[-1] == ("user:self", "user.second_factor_disabled")


def test_staff_cant_switch_theirs_off() -> None:
    staff = make.staff()
    second_factor.enrol_second_factor(staff)
    assert refusal(second_factor.disable, staff, code_of(staff)) == (ForbiddenError, "second_factor_needed")


def test_whoever_showed_an_older_second_factor_has_shown_nothing(owner: User, clock: time_machine.Traveller) -> None:
    with_both = sessions.sign_in(owner.email, make.PASSWORD, code_of(owner), client="").family
    secret = second_factor.begin(owner, code_of(owner, steps=1)).secret
    with_both.refresh_from_db()
    assert with_both.second_factor  # begun is not yet confirmed
    second_factor.confirm(owner, shown(secret))
    clock.shift(STEP)
    anew = sessions.sign_in(owner.email, make.PASSWORD, shown(secret), client="").family
    families = {family.pk: family.second_factor for family in owner.token_families.filter(ended_at=None)}
    assert families == {with_both.pk: False, anew.pk: True}


def test_who_signed_in_before_there_was_one_stays_signed_in() -> None:
    user = make.user()
    family = sessions.sign_in(user.email, make.PASSWORD, client="").family
    second_factor.confirm(user, shown(second_factor.begin(user).secret))
    family.refresh_from_db()
    assert (family.ended_at, family.second_factor) == (None, False)


# --- Links ---------------------------------------------------------------------------------------------------------


def token_in(link: str) -> str:
    return link.partition("?token=")[2]


def test_a_link_lives_for_a_day(clock: time_machine.Traveller) -> None:
    staff = make.staff()
    token = token_in(enrolment_link(staff))
    assert read_link(token) == staff
    clock.shift(LINK_LIVES + timedelta(seconds=1))
    assert refusal(read_link, token) == (GoneError, "link_expired")


def test_a_link_is_void_once_a_second_factor_is_confirmed() -> None:
    staff = make.staff()
    token, another = (token_in(enrolment_link(staff)) for _ in range(2))
    secret = second_factor.begin_anew(staff).secret
    assert read_link(token) == staff  # begun is not yet confirmed
    second_factor.confirm(staff, shown(secret))
    assert {refusal(read_link, link) for link in (token, another)} == {(GoneError, "link_expired")}


@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}])
def test_a_link_is_void_for_who_is_not_on_staff_any_more(change: dict[str, bool]) -> None:
    staff = make.staff()
    token = token_in(enrolment_link(staff))
    User.objects.filter(pk=staff.pk).update(**change)
    assert refusal(read_link, token) == (GoneError, "link_expired")


@pytest.mark.parametrize("token", ["", ".", "a.b.c", "AZrjU1lbdlqmKpJ8yx0rGw.1vKLDs.x", "\0", "é"])
def test_what_is_no_link_is_none(token: str) -> None:
    assert refusal(read_link, token) == (GoneError, "link_expired")


def test_a_link_opens_no_other_account() -> None:
    one, other = make.staff(), make.staff()
    tokens = [token_in(enrolment_link(user)).split(".") for user in (one, other)]
    forged = ".".join([tokens[1][0], *tokens[0][1:]])
    assert refusal(read_link, forged) == (GoneError, "link_expired")


def test_that_the_password_was_shown_is_believed_for_a_quarter_of_an_hour_and_for_one_device(
    clock: time_machine.Traveller,
) -> None:
    staff = make.staff()
    assert not proves_password(staff, password_proof(staff))  # nothing is being set up
    second_factor.begin_anew(staff)
    proof = password_proof(staff)
    other = make.staff()
    second_factor.begin_anew(other)
    assert (proves_password(staff, proof), proves_password(other, proof)) == (True, False)
    second_factor.begin_anew(staff)
    assert not proves_password(staff, proof)
    proof = password_proof(staff)
    clock.shift(timedelta(minutes=16))
    assert not proves_password(staff, proof)


def test_links_are_made_for_staff_alone_and_audited() -> None:
    staff, seeker = make.staff(), make.user()
    assert refusal(lambda: invite_to_enrol(seeker, actor="system")) == (ConflictError, "not_staff")
    assert read_link(token_in(invite_to_enrol(staff, actor=f"user:{seeker.id}"))) == staff
    assert deeds(staff)[-1] == (f"user:{seeker.id}", "user.second_factor_link_made")


def test_the_command_prints_a_link(capsys: pytest.CaptureFixture[str]) -> None:
    staff = make.staff()
    call_command("second_factor", staff.email.upper())
    assert read_link(token_in(capsys.readouterr().out.strip())) == staff


@pytest.mark.parametrize(
    ("email", "said"),
    [("nobody@example.org", "There is no account for nobody@example.org."), ("amina@example.org", "does not run")],
)
def test_the_command_says_for_whom_there_is_none(email: str, said: str) -> None:
    make.user("amina")
    with pytest.raises(CommandError, match=said):
        call_command("second_factor", email)


# --- Who is staff --------------------------------------------------------------------------------------------------


def test_staff_are_made_of_known_people_and_unmade_by_others() -> None:
    boss, user = make.staff(), make.user("amina")
    actor = f"user:{boss.id}"
    family = sessions.sign_in(user.email, make.PASSWORD, client="").family
    make_staff(user, actor=actor)
    make_staff(user, actor=actor)  # nothing new, so nothing to write down
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (True, True)
    remove_staff(user, actor=actor)
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser) == (False, False)
    family.refresh_from_db()
    assert family.ended_at == MONDAY
    assert deeds(user) == [(actor, "user.staff_made"), (actor, "user.staff_removed")]
    assert refusal(lambda: remove_staff(boss, actor=actor)) == (ForbiddenError, "own_account")


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"address_verified": False}, "address_unverified"), ({"is_active": False}, "account_inactive")],
)
def test_nobody_unknown_is_made_staff(fields: dict[str, Any], code: str) -> None:
    assert refusal(lambda: make_staff(make.user(**fields), actor="system")) == (ConflictError, code)
