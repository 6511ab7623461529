"""Who calls: by the access token in the header."""

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from turnout.accounts.models import TokenFamily, User
from turnout.accounts.queries import living_family
from turnout.api.errors import CHALLENGE
from turnout.api.tokens import read_access
from turnout.core.errors import UnauthenticatedError

_SCHEME = "bearer"


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access>` (RFC 6750). The family's row is read each time: what ends it counts at once."""

    def authenticate(self, request: Request) -> tuple[User, TokenFamily] | None:
        """Return who calls and the family of the token; None where no such header is; UnauthenticatedError."""
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != _SCHEME:
            return None
        family = living_family(read_access(token.strip()))
        if family is None:
            raise UnauthenticatedError(_("This session has ended. Sign in again."), "token_invalid")
        user = family.user
        user.is_verified = lambda: family.second_factor  # type: ignore[attr-defined]  # as django-otp marks it
        return user, family

    def authenticate_header(self, request: Request) -> str:
        """Say how to sign in."""
        return CHALLENGE
