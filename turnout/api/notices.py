"""What one was told in the app: to read, to mark as read, and to follow."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import override
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.permissions import SignedIn, caller
from turnout.api.stream_tickets import AUTHENTICATION, StreamTicketSerializer, ticket_for
from turnout.api.streams import RESPONSES, RESUME, EventStream, frame, stream
from turnout.core.errors import NotFoundError
from turnout.notifications.feed.actions import mark_read
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.notices import write
from turnout.notifications.feed.queries import notices_of, unread


class NoticeSerializer(serializers.ModelSerializer[Entry]):
    """A notice."""

    title = serializers.SerializerMethodField()
    event = serializers.SerializerMethodField()
    registration = serializers.SerializerMethodField()
    link = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="at")

    class Meta:
        model = Entry
        fields: ClassVar = ["id", "kind", "title", "event", "registration", "link", "created_at", "read_at"]

    def get_title(self, entry: Entry) -> str:
        """A sentence, in the person's language."""
        return write(entry).title

    def get_event(self, entry: Entry) -> UUID | None:
        """The event it is about."""
        named = entry.data.get("event")
        return UUID(named) if named else None

    def get_registration(self, entry: Entry) -> UUID | None:
        """The registration it is about."""
        return entry.subject if entry.kind.startswith("registration.") else None

    def get_link(self, entry: Entry) -> str:
        """The page where one sees more."""
        return f"{settings.PUBLIC_BASE_URL}{write(entry).path}"


class UnreadSerializer(serializers.Serializer[Any]):
    """How many are not read."""

    unread = serializers.IntegerField()


class NoticeFilter(filters.FilterSet):
    """Which notices."""

    unread = filters.BooleanFilter(label="`true` leaves out those read, `false` those not read.")

    def filter_queryset(self, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        """Return one's own."""
        found, wanted = notices_of(caller(self.request).pk), self.form.cleaned_data["unread"]
        return found if wanted is None else found.filter(read_at__isnull=wanted)


class NoticesView(generics.GenericAPIView[Entry]):
    """One's notices."""

    permission_classes = (SignedIn,)
    queryset = Entry.objects.none()  # the filter knows whose
    filterset_class = NoticeFilter

    @extend_schema(operation_id="notifications_list", responses={200: NoticeSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Show them, the latest first."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        with override(caller(request).language):
            return self.get_paginated_response(NoticeSerializer(rows, many=True).data)


class UnreadView(APIView):
    """How many are not read."""

    permission_classes = (SignedIn,)

    @extend_schema(operation_id="notifications_unread", responses={200: UnreadSerializer})
    def get(self, request: Request) -> Response:
        """Count them."""
        return Response({"unread": unread(caller(request).pk)})


class ReadView(APIView):
    """One notice."""

    permission_classes = (SignedIn,)

    @extend_schema(operation_id="notifications_read", request=None, responses={200: NoticeSerializer})
    def post(self, request: Request, notice_id: UUID) -> Response:
        """Mark it as read. Twice is once."""
        user = caller(request)
        mark_read(user.pk, notice_id)
        entry = notices_of(user.pk).filter(pk=notice_id).first()
        if entry is None:
            raise NotFoundError
        with override(user.language):
            return Response(NoticeSerializer(entry).data)


class AllReadView(APIView):
    """All notices."""

    permission_classes = (SignedIn,)

    @extend_schema(operation_id="notifications_read_all", request=None, responses={200: UnreadSerializer})
    def post(self, request: Request) -> Response:
        """Mark all of them as read."""
        user = caller(request)
        mark_read(user.pk)
        return Response({"unread": unread(user.pk)})


class NoticeStreamView(APIView):
    """One's notices, as they come."""

    permission_classes = (SignedIn,)
    authentication_classes = AUTHENTICATION

    @extend_schema(operation_id="notifications_stream", responses=RESPONSES, parameters=RESUME)
    def get(self, request: Request) -> EventStream:
        """Follow `notification`, and `unread` with how many are not read. Without a number it begins now."""
        user = caller(request)
        with override(user.language):
            return stream(request, user.pk, told_to_person, opening=lambda: _unread(user.pk))

    @extend_schema(operation_id="notifications_stream_ticket", request=None, responses={200: StreamTicketSerializer})
    def post(self, request: Request) -> Response:
        """Get a ticket with which to follow them, in the next minute, by `?ticket=`."""
        return Response(ticket_for(request, caller(request).pk))


def told_to_person(topic: UUID, entries: list[Entry]) -> str:
    """Return what somebody is told, and how much of it they have not read."""
    told = "".join(frame("notification", NoticeSerializer(entry).data, entry.number) for entry in entries)
    return told + _unread(topic)


def _unread(person: UUID) -> str:
    return frame("unread", {"unread": unread(person)})
