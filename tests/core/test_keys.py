"""Signing keys: one signs, all verify, whatever came after them."""

import pytest
from django.core.management import call_command

from tests.support import make
from turnout.core import keys
from turnout.core.models import SigningKey
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.models import Registration
from turnout.registrations.tickets import TICKET, read_ticket, ticket_text

pytestmark = pytest.mark.django_db


def key_of(registration: Registration) -> str:
    return Registration.objects.get(pk=registration.pk).ticket_key


def test_a_new_key_signs_and_the_old_one_only_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    before = make.confirmed(make.event())
    old_text, old = ticket_text(before), before.ticket_key
    call_command("renew_key", TICKET)
    new = keys.active_key_id(TICKET)
    assert capsys.readouterr().out == f"The key {new} signs from now on.\n"
    assert [*keys.public_keys(TICKET)] == [old, new]
    assert (ticket_text(before), read_ticket(old_text) is not None) == (old_text, True)
    after = make.confirmed(before.event)
    assert (key_of(before), key_of(after)) == (old, new)
    assert read_ticket(ticket_text(after)) is not None
    reissue_ticket(before)
    assert key_of(before) == new


def test_the_first_key_may_be_made_by_renewing() -> None:
    assert keys.renew(TICKET) == keys.active_key_id(TICKET) == SigningKey.objects.get().pk


def test_keys_of_another_purpose_stay_as_they_are() -> None:
    others = keys.active_key_id("other")
    assert keys.renew(TICKET) != others
    assert (keys.active_key_id("other"), [*keys.public_keys("other")]) == (others, [others])


def test_who_renews_a_key_a_moment_later_than_another_finds_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    first = keys.renew(TICKET)
    monkeypatch.setattr(SigningKey.objects, "filter", lambda **_: SigningKey.objects.none())  # it does not see it yet
    assert keys.renew(TICKET) == first
