"""Tickets to streams: an EventSource can send no header, so who has shown a token is let in by the address.

A ticket is good for a minute, for one topic and one person, and is stored nowhere. It is worth no more than the session
it was asked in: with that session, or the account's password, it ends.
"""

from datetime import timedelta
from uuid import UUID

from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from turnout.accounts.models import TokenFamily, User
from turnout.accounts.policies import runs_platform
from turnout.accounts.queries import living_family
from turnout.api.auth import BearerAuthentication
from turnout.api.errors import CHALLENGE
from turnout.api.permissions import caller
from turnout.core.errors import UnauthenticatedError
from turnout.core.tokens import make_pass, read_pass

LIVES = timedelta(minutes=1)
_PURPOSE = "stream"
_STAMP = 16  # characters


class StreamTicketSerializer(serializers.Serializer[str]):
    """What opens a stream: `?ticket=`."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds in which to open it; once open it stays so.")


class TicketAuthentication(BaseAuthentication):
    """`?ticket=`, for reading a stream."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """Return whose ticket it is; None where none is shown; UnauthenticatedError `ticket_invalid`."""
        ticket = request.query_params.get("ticket") if request.method == "GET" else None
        if ticket is None:
            return None
        topic = (request.parser_context or {})["kwargs"].get("event_id")
        # The live process asks again whether somebody may still follow what their ticket opened.
        lives = None if getattr(request, "goes_on", False) else LIVES
        user = _holder(ticket, topic, lives)
        if user is None:
            raise UnauthenticatedError(_("This ticket is too old, or not for this. Ask for another."), "ticket_invalid")
        return user, None

    def authenticate_header(self, request: Request) -> str:
        """Say how to sign in."""
        return CHALLENGE


class TicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """How an EventSource is let in."""

    target_class = "turnout.api.stream_tickets.TicketAuthentication"
    name = "ticket"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe it."""
        return {"type": "apiKey", "in": "query", "name": "ticket"}


AUTHENTICATION: tuple[type[BaseAuthentication], ...] = (
    TicketAuthentication,
    BearerAuthentication,
    SessionAuthentication,
)


def ticket_for(request: Request, topic: UUID) -> dict[str, object]:
    """Return a ticket to the topic for who asks, in the form of `StreamTicketSerializer`."""
    user = caller(request)
    family = request.auth.pk.hex if isinstance(request.auth, TokenFamily) else ""
    # Which rights it carries is asked when it is shown; a second factor can't be.
    parts = (user.pk.hex, topic.hex, _stamp(user), "2" if runs_platform(user) else "1", family)
    return {"ticket": make_pass(_PURPOSE, "-".join(parts)), "expires_in": int(LIVES.total_seconds())}


def _holder(ticket: str, topic: UUID | None, lives: timedelta | None) -> User | None:
    """Return whose ticket this is, if it is for the topic (None: their own notices) and still worth something."""
    text = read_pass(_PURPOSE, ticket, lives)
    if text is None:
        return None
    person, named, stamp, factors, family = text.split("-")
    user = User.objects.filter(pk=UUID(person), is_active=True, address_verified=True).first()
    if user is None or UUID(named) != (topic or user.pk) or not constant_time_compare(stamp, _stamp(user)):
        return None
    if family and living_family(UUID(family)) is None:
        return None
    user.is_verified = lambda: factors == "2"  # type: ignore[attr-defined]  # as django-otp marks it
    return user


def _stamp(user: User) -> str:
    """Return what changes when all of somebody's sessions end."""
    return user.get_session_auth_hash()[:_STAMP]
