"""What a scanner takes along, and whom it looks for."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.door_views import DoorView
from turnout.api.fields import read
from turnout.api.permissions import doorkeeper
from turnout.attendance.bundles import Bundle, bundle
from turnout.attendance.queries import find_by_name
from turnout.core.clock import now
from turnout.events.models import AttendanceType
from turnout.registrations.models import Registration


class BundledSessionSerializer(serializers.Serializer[Any]):
    """A session that can be scanned for."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    room = serializers.CharField(allow_blank=True)


class BundledEventSerializer(serializers.Serializer[Any]):
    """The event of a bundle."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    timezone = serializers.CharField()


class AdmissionSerializer(serializers.Serializer[Any]):
    """Somebody who is in."""

    ticket = serializers.CharField(help_text="The ticket's id, as it stands in its text.")
    session = serializers.UUIDField(allow_null=True)
    at = serializers.DateTimeField()


class BundleSerializer(serializers.Serializer[Bundle]):
    """What a scanner needs without network."""

    event = BundledEventSerializer()
    sessions = BundledSessionSerializer(source="event.sessions.all", many=True)
    public_key = serializers.CharField(help_text="That signs now: 32 bytes (RFC 8032) in unpadded base64url.")
    public_keys = serializers.DictField(child=serializers.CharField(), help_text="All that ever signed, by their ids.")
    revoked = serializers.ListField(child=serializers.CharField(), help_text="Ids of tickets that hold no more.")
    cleared = serializers.ListField(
        child=serializers.CharField(), help_text="Ids of tickets of which to forget what `admitted` said before."
    )
    admitted = AdmissionSerializer(many=True)
    names = serializers.DictField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Sealed each under its ticket (docs/door.md); null where the event does not allow it.",
    )
    cursor = serializers.CharField()
    whole = serializers.BooleanField(help_text="Whether to forget all that came before.")
    server_time = serializers.SerializerMethodField()

    def get_server_time(self, _bundle: Bundle) -> datetime:
        """Our clock, by which the device measures its own."""
        return now()


class BundleView(DoorView):
    """What a scanner takes along."""

    problems: ClassVar = {"get": (403,)}

    @extend_schema(
        operation_id="check_in_bundle",
        responses={200: BundleSerializer},
        parameters=[OpenApiParameter("since", str, description="The last `cursor`: only what is new is sent.")],
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Get the keys, sessions, and tickets that hold no more. Nothing that is committed late is ever left out."""
        event = doorkeeper(request).event_for(event_id)
        found = bundle(event, request.query_params.get("since", ""))
        return Response(BundleSerializer(found).data, headers={"Cache-Control": "no-store"})


class AskedSerializer(serializers.Serializer[Any]):
    """Who is looked for, and where."""

    q = serializers.CharField(max_length=200, default="")
    session = serializers.UUIDField(default=None)


class FoundSerializer(serializers.Serializer[Any]):
    """Somebody who was looked for by name."""

    id = serializers.UUIDField()
    full_name = serializers.CharField()
    status = serializers.ChoiceField(Registration.Status.choices)
    attendance_type = serializers.ChoiceField(AttendanceType.choices)
    checked_in_at = serializers.DateTimeField(
        allow_null=True, help_text="When they first came; null for who is not there, or has left."
    )


class FoundPeopleSerializer(serializers.Serializer[Any]):
    """Up to 20 of them."""

    results = FoundSerializer(many=True)


class FindView(DoorView):
    """Who has lost their ticket."""

    problems: ClassVar = {"get": (403,)}

    @extend_schema(
        operation_id="check_in_people",
        responses={200: FoundPeopleSerializer},
        parameters=[
            OpenApiParameter(
                "q", str, description="Every word, as the beginning of a word of the name; at most 200 characters."
            ),
            OpenApiParameter("session", UUID, description="At which `checked_in_at` is; without it, at the event."),
        ],
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Find people by name, 20 at most, to check them in as `registration`."""
        event = doorkeeper(request).event_for(event_id)
        given = {name: value for name, value in request.query_params.items() if str(value).strip()}
        asked = read(AskedSerializer(data=given))
        found = [
            {
                "id": each.pk,
                "full_name": each.full_name,
                "status": each.status,
                "attendance_type": each.attendance_type,
                "checked_in_at": first,
            }
            for each, first in find_by_name(event, asked["q"], asked["session"])
        ]
        return Response(FoundPeopleSerializer({"results": found}).data)
