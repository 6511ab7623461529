"""Drafts, and what they still need before they are published."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.events import EventDetailSerializer, EventViews
from turnout.api.permissions import SignedIn, actor_of
from turnout.api.schema import FaultSerializer
from turnout.core.clock import now
from turnout.events.gaps import gaps, hints
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.actions.events import EventChange, change_event


class GapsSerializer(serializers.Serializer[Any]):
    """What an event still needs."""

    gaps = FaultSerializer(many=True, help_text="Without any of these it is not published.")
    hints = FaultSerializer(many=True, help_text="People will miss these; they hinder nothing.")


class PublishView(EventViews):
    """Where a draft becomes public."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(operation_id="events_publish", request=None, responses={200: EventDetailSerializer})
    def post(self, request: Request, event_id: UUID) -> Response:
        """Publish it; where something is missing, 409 `event_incomplete` lists every gap. For its owner and managers.

        What is published already stays so, and is answered as it is.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        if event.status != Event.Status.PUBLISHED:
            change_event(event, EventChange({"status": Event.Status.PUBLISHED}), actor=actor_of(request))
        return self.answer(event)


class GapsView(EventViews):
    """What is missing."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="events_gaps", responses={200: GapsSerializer})
    def get(self, request: Request, event_id: UUID) -> Response:
        """List what hinders publishing it, and what people will miss. For its owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id, Event.objects.with_details())
        found = gaps(event, event.pools.all(), event.sessions.all(), now())
        return Response(GapsSerializer({"gaps": found, "hints": hints(event)}).data)
