"""The same code by many at once, at the admin's login of a running server: invariant 5 of the design."""

from functools import partial

import httpx
import pytest
from django_otp.oath import totp

from tests.races.processes import Place, serving
from tests.races.test_guards import sabotaged
from tests.races.visitors import Site, at_once, visiting
from tests.support import make
from tests.support.databases import POSTGRESQL
from turnout.accounts.actions.second_factor import enrol_second_factor, renew_recovery_codes
from turnout.accounts.models import User
from turnout.accounts.queries import second_factor_of
from turnout.guard.actions import Claim
from turnout.guard.models import Counter
from turnout.guard.notation import windows

pytestmark = pytest.mark.servers

_CSRF = "a" * 32  # a cookie and a field that say the same
LET_IN, ASKED_AGAIN = 302, 200


def test_of_twenty_who_come_with_the_same_right_code_one_is_let_in(site: Site) -> None:
    staff = owner()
    assert knock(site, staff, code_of(staff), times=20) == (1, 19)


def test_of_twenty_who_come_with_the_same_recovery_code_one_is_let_in(site: Site) -> None:
    staff = owner()
    codes = renew_recovery_codes(staff, code_of(staff))
    assert knock(site, staff, codes[0], times=20) == (1, 19)
    assert knock(site, staff, codes[1], times=1) == (1, 0)


def test_of_fifty_wrong_codes_at_once_five_are_tried(rows: Place) -> None:
    staff = owner()
    with serving(rows, THROTTLE_SECOND_FACTOR="5/hour") as address, visiting(address) as site:
        wrong = next(code for code in ("000000", "111111") if code not in codes_around(staff))
        assert knock(site, staff, wrong, times=50) == (0, 50)
        assert knock(site, staff, code_of(staff), times=1) == (0, 1)  # right, and too late
    (place,) = Claim("second_factor", staff.pk.hex, windows("5/hour")).places()
    assert Counter.objects.get(place=place.key).count == 5


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_codes_looked_at_in_one_statement_and_spent_in_another_many_are_let_in(rows: Place) -> None:
    with sabotaged(rows, "code-read-then-saved", "recovery-code-looked-at", PAUSE="0.5") as site:
        staff = owner()
        recovery = renew_recovery_codes(staff, code_of(staff))[0]
        staff, other = owner(), staff
        assert knock(site, staff, code_of(staff), times=20)[0] > 1
        assert knock(site, other, recovery, times=20)[0] > 1


def owner() -> User:
    """Return somebody on staff with a second factor."""
    staff = make.staff()
    enrol_second_factor(staff)
    return staff


def code_of(user: User) -> str:
    """Return what the person's app shows."""
    return codes_around(user)[1]


def codes_around(user: User) -> list[str]:
    """Return what the person's app shows, after what it showed and before what it will show."""
    device = second_factor_of(user)
    assert device is not None
    return [f"{totp(device.bin_key, drift=drift):06}" for drift in (-1, 0, 1)]


def knock(site: Site, user: User, code: str, *, times: int) -> tuple[int, int]:
    """Log in so many times at once; return how many were let in, and how many were asked again."""
    form = {"username": user.email, "password": make.PASSWORD, "otp_token": code, "csrfmiddlewaretoken": _CSRF}
    post = partial(httpx.post, str(site.client.base_url.join("/admin/login/")), data=form, trust_env=False, timeout=60)
    answers = at_once([partial(post, headers={"Cookie": f"csrftoken={_CSRF}"})] * times)
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {LET_IN, ASKED_AGAIN}
    return statuses.count(LET_IN), statuses.count(ASKED_AGAIN)
