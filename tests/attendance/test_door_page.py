"""docs/door.md says how names are opened: what stands there works, and on the product's own bundles."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import make
from turnout.attendance.bundles import bundle
from turnout.attendance.models import DoorRules
from turnout.registrations.tickets import ticket_text

PAGE = Path(__file__).parents[2] / "docs/door.md"


def example() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(code)


def test_the_example_opens_a_name() -> None:
    known: dict[str, Any] = {}
    exec(example(), known)  # noqa: S102  # our own page
    assert known["person"]["name"] == "Amina Haddad"


@pytest.mark.django_db
def test_the_example_opens_the_names_of_a_bundle_and_none_without_the_ticket() -> None:
    event = make.event()
    DoorRules.objects.create(event=event, names_offline=True)
    amina, _bilal = make.confirmed(event, "amina"), make.confirmed(event, "bilal")
    code = re.sub(r"assert person.*", "", example(), flags=re.DOTALL)
    code = re.sub(r"^(ticket|names) = [({].*?^[)}]\n", "", code, flags=re.DOTALL | re.MULTILINE)
    known: dict[str, Any] = {"ticket": ticket_text(amina), "names": bundle(event).names}
    exec(code, known)  # noqa: S102  # our own page
    assert known["person"] == {"name": "Amina", "type": "on_site", "note": "", "answers": []}
    assert len(known["names"]) == 2
