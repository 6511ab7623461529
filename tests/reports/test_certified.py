"""How an event's certificates stand, as its team reads it."""

import pytest

from tests.support import make
from tests.support.certificates import attended_by
from turnout.certificates.actions import issue_earned
from turnout.certificates.models import Role
from turnout.core.audit import SYSTEM
from turnout.privacy.actions import erase
from turnout.reports.certified import progress, uncertified

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("keep", [True, False])
def test_who_was_erased_is_not_waited_for(*, keep: bool) -> None:
    event, (amina, _bilal) = attended_by("amina", "bilal")
    issue_earned(event, actor=SYSTEM)
    erase(make.user(email=amina.email), keep_certificates=keep)

    assert not uncertified(event).exists()
    figures = progress(event)
    assert (figures.by_role, figures.due, figures.lacking) == ({Role.PARTICIPANT: 1 + keep}, 0, {})
