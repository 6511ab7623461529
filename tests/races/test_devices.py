"""The same code by many devices at once, at a running server: invariant 5 of the design."""

from collections import Counter
from functools import partial

import pytest

from tests.races.processes import Place
from tests.races.test_guards import sabotaged
from tests.races.visitors import Site, at_once
from tests.support import make
from tests.support.databases import POSTGRESQL
from turnout.attendance.actions.devices import add_device
from turnout.attendance.doorkeepers import device_of
from turnout.attendance.models import Device
from turnout.core.models import AuditEntry

pytestmark = pytest.mark.servers

PAIRED, SPENT = (201, ""), (410, "code_spent")


def test_of_twenty_devices_with_the_same_code_one_is_paired_and_its_token_is_good(site: Site) -> None:
    for _ in range(5):
        device, code = add_device(make.event(), "Tablet", "", actor="system")
        answers, tokens = pair(site, code)

        assert answers == {PAIRED: 1, SPENT: 19}
        assert device_of(*tokens) == Device.objects.get(pk=device.pk)
        assert AuditEntry.objects.filter(verb="device.paired", subject=device.pk).count() == 1


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_with_a_code_looked_at_in_one_statement_and_spent_in_another_many_are_told_they_are_paired(
    rows: Place,
) -> None:
    with sabotaged(rows, "look-then-pair") as site:
        answers, _tokens = pair(site, add_device(make.event(), "Tablet", "", actor="system")[1])

    assert answers[PAIRED] > 1


def pair(site: Site, code: str) -> tuple[Counter[tuple[int, str]], list[str]]:
    """Show the code twenty times at once; return how often each answer was given, and the tokens."""
    answers = at_once([partial(_shown, site, code)] * 20)
    return Counter(brief for brief, _token in answers), [token for _brief, token in answers if token]


def _shown(site: Site, code: str) -> tuple[tuple[int, str], str]:
    answer = site.client.post("/api/devices/pair/", json={"code": code})
    return (answer.status_code, answer.json().get("code", "")), answer.json().get("token", "")
