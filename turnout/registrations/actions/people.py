"""A change of address, which registrations and memberships follow."""

from collections.abc import Callable
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F

from turnout.accounts.actions import profile
from turnout.accounts.models import User
from turnout.core.clock import now
from turnout.core.text import address_key
from turnout.core.transactions import RaceLostError, violates
from turnout.events.models import TeamMember
from turnout.registrations.models import Registration, active_key


def confirm_address(
    user: User, email: str, code: str, *, client: str, follow: Callable[[User, str], None] | None = None
) -> User:
    """Give the account its new address, as `profile.confirm_address` does; what stood under the old one follows it.

    That is every registration that was confirmed there, and every membership of a team. Where the new address is in an
    event already, both registrations stay as they are. `follow` is called afterwards, as `profile` says of it.
    """

    def all_follow(user: User, before: str) -> None:
        _follow(user, before)
        if follow is not None:
            follow(user, before)

    return profile.confirm_address(user, email, code, client=client, follow=all_follow)


def _follow(user: User, before: str) -> None:
    proven = Registration.objects.filter(email=before, confirmed_at__isnull=False)
    proven.filter(active_key=None).update(email=user.email, **_with_new_key())
    standing = dict(proven.filter(active_key__isnull=False).values_list("pk", "event_id"))
    keys = {pk: active_key(event_id, user.email) for pk, event_id in standing.items()}
    taken = set(Registration.objects.filter(active_key__in=keys.values()).values_list("active_key", flat=True))
    for pk, key in keys.items():
        if key not in taken:
            _rename(pk, user.email, key)
    teams = set(TeamMember.objects.filter(email_key=user.email_key).values_list("event_id", flat=True))
    memberships = TeamMember.objects.filter(email_key=address_key(before)).exclude(event__in=teams)
    memberships.update(email=user.email, email_key=user.email_key)


def _with_new_key() -> dict[str, object]:
    """Return what closes the links in the old mailbox: whoever reads it may be why one moves."""
    return {"key_version": F("key_version") + 1, "expires_at": now()}


def _rename(pk: UUID, email: str, key: str) -> None:
    # Who cancels this moment has no key any more, and keeps the address it was cancelled under.
    standing = Registration.objects.filter(pk=pk, active_key__isnull=False)
    try:
        # Its series key is the old address's. What has none is counted all the same.
        standing.update(email=email, active_key=key, series_key=None, **_with_new_key())
    except IntegrityError as error:
        if not violates(error, "registration_active_once", "registrations_registration.active_key"):
            raise
        raise RaceLostError from error  # the new address got into the event this moment
