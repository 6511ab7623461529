"""Many who issue at once, and who corrects their name meanwhile: one each, with the name that was answered for."""

import time
from functools import partial
from typing import Any

import pytest
from django.db.models import QuerySet

from tests.races.processes import Place
from tests.races.visitors import at_once, inside
from tests.support import make
from tests.support.certificates import attended_by
from tests.support.databases import POSTGRESQL
from tests.support.scale import FULL
from turnout.accounts.models import User
from turnout.certificates.actions import issue_earned, issuing
from turnout.certificates.actions.naming import correct_name
from turnout.certificates.models import Certificate
from turnout.certificates.writing import Writer
from turnout.core import audit
from turnout.core.errors import ConflictError
from turnout.core.ids import new_id
from turnout.events.models import Event
from turnout.notifications.models import Message
from turnout.privacy.actions import erase
from turnout.registrations.models import Registration

pytestmark = pytest.mark.servers

ROUNDS = 20 if FULL else 3
AT_ONCE = 8


def test_eight_who_issue_at_once_issue_one_to_each(rows: Place) -> None:
    for number in range(ROUNDS):
        event, people = attended_by(*(f"{letter}{number}" for letter in "abc"))
        issued = at_once([inside(rows, partial(issue_earned, event, actor=audit.SYSTEM))] * AT_ONCE)

        assert sum(map(len, issued)) == len(people)
        certificates = Certificate.objects.filter(event=event)
        assert {each.registration_id for each in certificates} == {each.pk for each in people}
        told = Message.objects.filter(kind="certificate.issued", subject__in=certificates.values("pk"))
        assert (certificates.count(), told.count()) == (len(people), len(people))


def test_a_name_corrected_meanwhile_is_on_it_or_comes_too_late(rows: Place) -> None:
    for number in range(ROUNDS):
        event, (person,) = attended_by(f"late{number}")
        corrected, _issued = at_once(
            [inside(rows, partial(corrects, person)), inside(rows, partial(issue_earned, event, actor=audit.SYSTEM))]
        )

        name = Registration.objects.get(pk=person.pk).full_name
        assert name == ("Right" if corrected else f"Late{number}")
        assert Certificate.objects.get(event=event).full_name == name


def test_who_erases_themselves_meanwhile_is_named_by_none(rows: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "Writer", write_slowly)
    for number in range(ROUNDS):
        event, (person,) = attended_by(f"gone{number}")
        user = make.user(email=person.email)
        at_once([inside(rows, partial(issue_earned, event, actor=audit.SYSTEM)), inside(rows, partial(erases, user))])

        left = Certificate.objects.filter(event=event)
        assert [(each.full_name, each.email) for each in left] == [("", "")] * len(left)


@pytest.mark.parametrize("place", [POSTGRESQL], indirect=True)
def test_without_the_locks_and_the_key_somebody_gets_two(rows: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    event, (person,) = attended_by("twice")
    monkeypatch.setattr(QuerySet, "select_for_update", QuerySet.all)
    monkeypatch.setattr(issuing, "holder_key", lambda *_: f"{new_id().hex}{new_id().hex}")
    monkeypatch.setattr(issuing, "Writer", write_slowly)
    at_once([inside(rows, partial(issue_earned, event, actor=audit.SYSTEM))] * 2)

    assert Certificate.objects.filter(registration=person).count() == 2


def corrects(person: Registration) -> bool:
    """Tell whether the name could still be put right."""
    try:
        correct_name(person, "Right", actor=audit.GUEST)
    except ConflictError:
        return False
    return True


def erases(user: User) -> None:
    """Erase them while somebody issues to them."""
    time.sleep(0.1)
    erase(user)


def write_slowly(event: Event) -> Any:
    """Do as always, but let time pass between asking who has one and writing them."""
    time.sleep(0.3)
    return Writer(event)
