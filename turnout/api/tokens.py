"""JSON Web Tokens (RFC 7519): how a family of sessions is told to programs.

Only HS256, under a key of its own; the type of a token stands in it, and one of another type is worth nothing.
"""

import uuid
from typing import TypeVar

from django.utils.translation import gettext as _
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from turnout.accounts.actions.sessions import SignedIn
from turnout.core.errors import UnauthenticatedError

T = TypeVar("T", bound=Token)

_FAMILY = "family"


def tokens_of(session: SignedIn) -> dict[str, str]:
    """Return the access and the refresh token of a session."""
    access, refresh = AccessToken(), RefreshToken()
    for token in (access, refresh):
        token["sub"] = str(session.family.user_id)
        token[_FAMILY] = str(session.family.id)
    refresh["jti"] = session.secret
    refresh.set_exp(lifetime=session.family.expires_at - refresh.current_time)
    return {"access": str(access), "refresh": str(refresh)}


def read_access(text: str) -> uuid.UUID:
    """Return the family an access token is of; UnauthenticatedError `token_invalid`, `token_expired`."""
    return _read(AccessToken, text)[0]


def read_refresh(text: str) -> tuple[uuid.UUID, str]:
    """Return the family a refresh token is of, and its secret; the same errors."""
    return _read(RefreshToken, text)


def _read(kind: type[T], text: str) -> tuple[uuid.UUID, str]:
    try:
        token = kind(text)  # type: ignore[arg-type]  # takes text
        return uuid.UUID(str(token[_FAMILY])), str(token["jti"])
    except (TokenError, KeyError, ValueError) as error:
        raise UnauthenticatedError(
            _("This token is not one of ours, or too old. Sign in again."), "token_invalid"
        ) from error
