"""Who may do what."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _

from turnout.accounts.models import Role, User
from turnout.core.errors import ForbiddenError

Actor = AbstractBaseUser | AnonymousUser


def runs_platform(actor: Actor) -> bool:
    """Tell whether the actor is staff, in a session signed in with a second factor: without it staff are strangers."""
    with_second_factor = getattr(actor, "is_verified", None)  # set where sessions and tokens are read
    return bool(getattr(actor, "is_staff", False) and with_second_factor and with_second_factor())


def owes_second_factor(actor: Actor) -> bool:
    """Tell whether the actor is staff and has not shown the second factor that staff rights need."""
    return bool(getattr(actor, "is_staff", False)) and not runs_platform(actor)


def is_facilitator(actor: Actor) -> bool:
    """Tell whether the actor may own events."""
    return getattr(actor, "role", None) == Role.FACILITATOR


def is_seeker(actor: Actor) -> bool:
    """Tell whether the actor enrolls in events."""
    return getattr(actor, "role", None) == Role.SEEKER


def role_of(user: User) -> str:
    """Return what somebody is: `seeker`, `facilitator`, or `staff` for who runs the platform."""
    return "staff" if user.is_staff else user.role


def refusal(actor: Actor) -> ForbiddenError:
    """Return the error for who is known and may not do this; staff learn what they have left out."""
    if owes_second_factor(actor):
        message = _("Staff rights need a session signed in with a second factor.")
        return ForbiddenError(message, "second_factor_required")
    return ForbiddenError(_("You may not do this."))
