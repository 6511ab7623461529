"""What is asked of accounts by more than one place."""

import uuid

from django_otp.plugins.otp_totp.models import TOTPDevice

from turnout.accounts.models import TokenFamily, User
from turnout.core.clock import now
from turnout.core.text import address_key


def by_address(email: str) -> User | None:
    """Return who has this address."""
    return User.objects.filter(email_key=address_key(email)).first()


def living_family(family_id: uuid.UUID) -> TokenFamily | None:
    """Return a family that is worth something, with its user: not ended, not too old, the account in use."""
    families = TokenFamily.objects.select_related("user").filter(ended_at=None, expires_at__gt=now())
    return families.filter(pk=family_id, user__is_active=True, user__address_verified=True).first()


def has_second_factor(user: User) -> bool:
    """Tell whether this person signs in with a second factor."""
    return second_factor_of(user) is not None


def second_factor_of(user: User) -> TOTPDevice | None:
    """Return the device whose codes count; None without a second factor."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("-pk").first()


def unconfirmed_second_factor_of(user: User) -> TOTPDevice | None:
    """Return the device that is being set up, if one is."""
    return TOTPDevice.objects.filter(user=user, confirmed=False).order_by("-pk").first()
