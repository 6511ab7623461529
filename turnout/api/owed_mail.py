"""The mails that an event's people are owed: what was given up, and sending it again."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.event_registrations import StatusFilter
from turnout.api.permissions import SignedIn, actor_of
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.notifications.actions import send_again, send_all_again
from turnout.notifications.models import Message
from turnout.registrations.mailings.limits import admit_again, admit_one_again
from turnout.registrations.owed import find_message, messages_of, owed


class OwedSerializer(serializers.Serializer[Any]):
    """A mail, and whom it is for."""

    id = serializers.UUIDField(source="message.id")
    kind = serializers.CharField(help_text="What it is about: `confirmed`, `reminder`, `mailing` and so on.")
    registration = serializers.UUIDField(source="registration.id")
    full_name = serializers.CharField(source="registration.full_name")
    state = serializers.ChoiceField(
        Message.State.choices, source="message.state", help_text="`dead`: given up. `void`: not true any more."
    )
    attempts = serializers.IntegerField(source="message.attempts")
    due_at = serializers.DateTimeField(source="message.due_at")
    sent_at = serializers.DateTimeField(source="message.sent_at", allow_null=True)
    bounced_at = serializers.DateTimeField(
        source="message.bounced_at", allow_null=True, help_text="When it came back, though it had been sent."
    )
    error = serializers.CharField(allow_blank=True, help_text="Why it did not arrive, in plain words.")


class AgainSerializer(serializers.Serializer[Any]):
    """How many are sent again."""

    count = serializers.IntegerField()


class MessageFilter(filters.FilterSet):
    """Which mails: those not sent and those that came back, where nothing else is asked for."""

    state = StatusFilter(choices=Message.State.choices, lookup_expr="in")
    bounced = filters.BooleanFilter(
        field_name="bounced_at", lookup_expr="isnull", exclude=True, label="Whether they came back."
    )

    def filter_queryset(self, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """Return those asked for; indexes know the few that did not arrive."""
        found: QuerySet[Message] = super().filter_queryset(queryset)
        if self.form.cleaned_data["state"] or self.form.cleaned_data["bounced"] is not None:
            return found
        return found.filter(Q(state__in=[Message.State.DUE, Message.State.DEAD]) | Q(bounced_at__isnull=False))


class OwedMailView(generics.GenericAPIView[Message]):
    """What they are owed."""

    permission_classes = (SignedIn,)
    queryset = Message.objects.none()  # tells the schema of which model the ids are
    filterset_class = MessageFilter
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="event_mail_list", responses={200: OwedSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show the mails that those registered have not got, the latest first; with `state=dead` those given up.

        An empty parameter filters nothing, an unknown one is ignored.

        For the event's owner and managers.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        found: QuerySet[Message] = self.filter_queryset(messages_of(event))
        rows = self.paginate_queryset(found) or []
        return self.get_paginated_response(OwedSerializer(owed(rows), many=True).data)


class SendAgainView(APIView):
    """Where one is sent again."""

    permission_classes = (SignedIn,)

    @extend_schema(operation_id="event_mail_resend", request=None, responses={200: AgainSerializer})
    def post(self, request: Request, event_id: UUID, message_id: UUID) -> Response:
        """Send a mail again that was given up or came back; for any other the count is 0.

        For the event's owner and managers.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        message = find_message(event, message_id)
        admit_one_again(event)
        return Response({"count": int(send_again(message, actor=actor_of(request)))})


class SendAllAgainView(APIView):
    """Where all are sent again."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (429,)}

    @extend_schema(operation_id="event_mail_resend_all", request=None, responses={200: AgainSerializer})
    def post(self, request: Request, event_id: UUID) -> Response:
        """Send all mails again that were given up, up to 10,000 at once. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        admit_again(event)
        return Response({"count": send_all_again(messages_of(event), actor=actor_of(request))})
