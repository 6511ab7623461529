"""Who calls: by the access token in the header, or at the doors of an event by that of a device."""

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from turnout.accounts.models import TokenFamily, User
from turnout.accounts.queries import living_family
from turnout.api.errors import CHALLENGE
from turnout.api.tokens import read_access
from turnout.attendance.doorkeepers import TOKEN_BEGINS, device_of
from turnout.attendance.models import Device
from turnout.core.errors import UnauthenticatedError

_SCHEME = "bearer"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access>` (RFC 6750). The family's row is read each time: what ends it counts at once."""

    def authenticate(self, request: Request) -> tuple[User, TokenFamily] | None:
        """Return who calls and the family of the token; None where no such header is; UnauthenticatedError."""
        token = _token(request)
        if token is None:
            return None
        family = living_family(read_access(token))
        if family is None:
            raise UnauthenticatedError(_("This session has ended. Sign in again."), "token_invalid")
        user = family.user
        user.is_verified = lambda: family.second_factor  # type: ignore[attr-defined]  # as django-otp marks it
        return user, family

    def authenticate_header(self, request: Request) -> str:
        """Say how to sign in."""
        return CHALLENGE


class DeviceAuthentication(BaseAuthentication):
    """`Authorization: Bearer td_...`: a paired device, as `request.auth`. To all that asks who the user is, a stranger.

    Only the views of the door name it, before the others: everywhere else such a token is one that is not ours.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Device] | None:
        """Return the device that calls; None where no such token is; UnauthenticatedError."""
        token = _token(request)
        if token is None or not token.startswith(TOKEN_BEGINS):
            return None
        return AnonymousUser(), device_of(token)

    def authenticate_header(self, request: Request) -> str:
        """Say how to sign in."""
        return CHALLENGE


AT_THE_DOOR = (DeviceAuthentication, BearerAuthentication, SessionAuthentication)


def _token(request: Request) -> str | None:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else None
