"""Who may call an endpoint at all. What they may see there is `visible_to`; whose it is they change, the view asks."""

from typing import Any, cast

from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from turnout.accounts.models import User
from turnout.accounts.policies import is_facilitator, is_seeker, refusal, runs_platform
from turnout.attendance.doorkeepers import Doorkeeper, device_actor
from turnout.attendance.models import Device
from turnout.core import audit
from turnout.core.errors import UnauthenticatedError


class DenyAll(BasePermission):
    """The default: an endpoint that names no permission is closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Refuse."""
        return False


class SignedIn(BasePermission):
    """Whoever is signed in, with an address they confirmed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Admit, or say what is missing: UnauthenticatedError, ForbiddenError."""
        if not self.admits(signed_in(request)):
            raise refusal(request.user)
        return True

    def admits(self, user: User) -> bool:
        """Tell whether this person may."""
        return True


class Facilitator(SignedIn):
    """Whoever may own events, and staff."""

    def admits(self, user: User) -> bool:
        """Tell whether this person may."""
        return is_facilitator(user) or runs_platform(user)


class Seeker(SignedIn):
    """Whoever enrolls in events."""

    def admits(self, user: User) -> bool:
        """Tell whether this person may."""
        return is_seeker(user)


class Staff(SignedIn):
    """Who runs the platform, in a session signed in with a second factor."""

    def admits(self, user: User) -> bool:
        """Tell whether this person may."""
        return runs_platform(user)


class AtTheDoor(SignedIn):
    """Whoever is signed in, or a paired device, where the view's `authentication_classes` are `AT_THE_DOOR`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Admit, or say what is missing: UnauthenticatedError."""
        return isinstance(request.auth, Device) or super().has_permission(request, view)


class IsDevice(BasePermission):
    """A paired device, and nobody else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Admit, or say what is missing: UnauthenticatedError, whoever is signed in."""
        if not isinstance(request.auth, Device):
            raise UnauthenticatedError(_("Only a paired device may do this."))
        return True


class OpenToRead(SignedIn):
    """Everybody reads; whoever is signed in may ask to write."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Admit."""
        return request.method in SAFE_METHODS or super().has_permission(request, view)


class OpenToReadFacilitator(OpenToRead, Facilitator):
    """Everybody reads; facilitators and staff write."""


def caller(request: Request) -> User:
    """Return who asks, where the view's permission has let in nobody but people with an account."""
    return cast("User", request.user)


def signed_in(request: Request) -> User:
    """Return who asks; UnauthenticatedError where nobody is signed in, or with an address that was never confirmed."""
    if not request.user.is_authenticated or not request.user.address_verified:
        raise UnauthenticatedError(_("Sign in first."))
    return request.user


def doorkeeper(request: Request) -> Doorkeeper:
    """Return who stands at the door, where the view's permission is `AtTheDoor`."""
    if isinstance(request.auth, Device):
        return Doorkeeper.of_device(request.auth)
    return Doorkeeper.of_person(caller(request))


def actor_of(request: Request) -> str:
    """Return the name under which the audit trail knows who asks."""
    if isinstance(request.auth, Device):
        return device_actor(request.auth)
    return audit.actor_of(request.user)
