"""Certificates of somebody whose address changes."""

import pytest

from tests.support import make
from tests.support.certificates import attended_by
from turnout.accounts.actions import profile
from turnout.accounts.models import AddressChange, User
from turnout.certificates.actions import Named, issue_by_hand
from turnout.certificates.actions.people import confirm_address
from turnout.certificates.models import Certificate, Role
from turnout.core.audit import SYSTEM

pytestmark = pytest.mark.django_db


def moves(user: User, address: str) -> User:
    profile.ask_address(user, address)
    return confirm_address(user, address, AddressChange.objects.get(user=user).code, client="")


def test_who_has_two_of_the_same_kind_by_one_move_can_move_again() -> None:
    event, _people = attended_by("amina")
    for address in ("sara@example.org", "haddad@example.org"):
        issue_by_hand(event, Role.SPEAKER, Named(full_name="Sara Haddad", email=address), actor=SYSTEM)

    sara = moves(moves(make.user(email="sara@example.org"), "haddad@example.org"), "sara.haddad@example.org")

    assert [each.email for each in Certificate.objects.all()] == [sara.email] * 2
    again = issue_by_hand(event, Role.SPEAKER, Named(full_name="Sara Haddad", email=sara.email), actor=SYSTEM)
    assert again in Certificate.objects.held_by(sara)
    assert Certificate.objects.count() == 2
