"""One answer to a CAPTCHA, shown many times at once to two server processes."""

from collections import Counter
from functools import partial

import pytest

from tests.races.processes import Place, serving
from tests.races.visitors import Site, at_once, outcomes, visiting
from tests.support import make
from tests.support.people import solve
from turnout.registrations.models import Registration

pytestmark = pytest.mark.servers


def test_of_twenty_who_show_one_answer_at_once_one_registers(rows: Place) -> None:
    with serving(rows, CAPTCHA="altcha") as address, visiting(address) as site:
        for _ in range(3):
            assert show_at_once(site) == {(201, "pending"): 1, (400, "captcha_invalid"): 19}


def show_at_once(site: Site) -> Counter[tuple[int, str]]:
    """Let twenty register with one answer, each a deed of its own; return the outcomes."""
    event = make.event()
    answer = solve(site.client.get("/api/captcha/").json())
    fields = {"event": str(event.id), "full_name": "Amina", "attendance_type": "on_site", "captcha": answer}
    posts = [
        partial(site.register, f"{event.id}-{number}", email=f"guest{number}@example.com", **fields)
        for number in range(20)
    ]
    found = outcomes(at_once(posts))
    assert Registration.objects.filter(event=event).count() == found[201, "pending"]
    return found
