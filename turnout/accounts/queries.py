"""What is asked of accounts by more than one place."""

import uuid
from collections.abc import Collection

from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from turnout.accounts.models import RESET, AddressChange, PasswordReset, TokenFamily, User
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import GoneError
from turnout.core.prepared import Prepared
from turnout.core.text import address_key
from turnout.core.tokens import read_token

_family = Prepared(lambda key: TokenFamily.objects.select_related("user").filter(pk=key), uuid.UUID)


def by_address(email: str) -> User | None:
    """Return who has this address."""
    return User.objects.filter(email_key=address_key(email)).first()


def lock(user: User) -> None:
    """Let one at a time change what this person has one of: an address to come, a second factor."""
    list(User.objects.select_for_update().filter(pk=user.pk).values_list("pk"))


def living_family(family_id: uuid.UUID) -> TokenFamily | None:
    """Return a family that is worth something, with its user: not ended, not too old, the account in use."""
    family = _family.first(family_id)  # this is asked for every request
    if family is None or family.ended_at is not None or family.expires_at <= now():
        return None
    return family if family.user.is_active and family.user.address_verified else None


def reset_of(token: str) -> tuple[PasswordReset, User]:
    """Return what a token from a mail about a new password stands for, and whose password it is.

    Raises InvalidError `token_invalid`; GoneError `token_expired` for one older than an hour or used before.
    """
    reset = PasswordReset.objects.select_related("user").filter(pk=read_token(RESET, token)).first()
    if reset is None or reset.user is None or reset.used_at is not None or reset.expires_at <= now():
        raise reset_over()
    return reset, reset.user


def reset_over() -> GoneError:
    """Return the error for a link that sets no password any more."""
    return GoneError(_("This link was used, or is older than an hour. Ask for a new one."), "token_expired")


def address_asked_by(user: User) -> str:
    """Return the new address that somebody asked for and has not confirmed; empty where there is none."""
    change = AddressChange.objects.filter(user=user, expires_at__gt=now()).first()
    return change.email if change else ""


def names_of(actors: Collection[str], *, addresses: bool = True) -> dict[str, str]:
    """Return how people are called, by the names under which the audit trail knows them: the name, else the address.

    Where readers may see no `addresses`, who has no name is somebody of the team.
    """
    ids = [actor.removeprefix("user:") for actor in actors if actor.startswith("user:")]
    people = User.objects.filter(pk__in=ids) if ids else ()
    return {
        audit.actor_of(user): user.name or (user.email if addresses else _("Somebody of the team")) for user in people
    }


def has_second_factor(user: User) -> bool:
    """Tell whether this person signs in with a second factor."""
    return second_factor_of(user) is not None


def second_factor_of(user: User) -> TOTPDevice | None:
    """Return the device whose codes count; None without a second factor."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("-pk").first()


def unconfirmed_second_factor_of(user: User) -> TOTPDevice | None:
    """Return the device that is being set up, if one is."""
    return TOTPDevice.objects.filter(user=user, confirmed=False).order_by("-pk").first()
