"""The code on a room's screen, and checking in oneself by it."""

from typing import Any, ClassVar
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.auth import AT_THE_DOOR
from turnout.api.fields import read
from turnout.api.permissions import AtTheDoor, actor_of, doorkeeper
from turnout.api.registrations import TOKEN_IN_HEADER, GuestView, HolderSerializer, held
from turnout.attendance.actions.self_check_in import check_in_by_code, require_self_check_in
from turnout.attendance.models import Scan
from turnout.attendance.queries import session_of
from turnout.attendance.room_codes import EVERY, room_code
from turnout.guard.addresses import network

RESULTS = [Scan.Result.CHECKED_IN.value, Scan.Result.ALREADY_CHECKED_IN.value]


class RoomCodeSerializer(serializers.Serializer[Any]):
    """What a screen shows."""

    code = serializers.CharField(help_text="Six digits. The one before is valid, too.")
    link = serializers.URLField(help_text="To be shown as a QR code: a guest's phone opens it.")
    expires_at = serializers.DateTimeField(help_text="From then on another is shown.")
    every = serializers.IntegerField(help_text="Seconds for which each is shown.")


class RoomCodeView(APIView):
    """The code of a room, or of the event as a whole."""

    permission_classes = (AtTheDoor,)
    authentication_classes = AT_THE_DOOR
    problems: ClassVar = {"get": (403, 409)}

    @extend_schema(
        operation_id="room_code",
        responses={200: RoomCodeSerializer},
        parameters=[OpenApiParameter("session", UUID, description="None: the event as a whole.")],
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Get the code to show now. For the team, scanners too, and devices. 409 `self_check_in_off`."""
        event = doorkeeper(request).event_for(event_id)
        session = session_of(event, request.query_params.get("session", ""))
        require_self_check_in(event)
        shown = room_code(event.pk, session.pk if session else None)
        told = {"code": shown.code, "link": shown.link, "expires_at": shown.expires_at, "every": EVERY}
        return Response(RoomCodeSerializer(told).data, headers={"Cache-Control": "no-store"})


class ReadCodeSerializer(HolderSerializer):
    """The code, as it stands on the screen."""

    code = serializers.CharField(max_length=20)
    session = serializers.UUIDField(
        required=False, allow_null=True, help_text="None: the code says where, of what is on now."
    )


class ArrivalSerializer(serializers.Serializer[Any]):
    """That one is in."""

    result = serializers.ChoiceField(RESULTS)
    reason = serializers.CharField(help_text="The same for people.")
    at = serializers.DateTimeField(help_text="Since when.")
    session = serializers.UUIDField(allow_null=True)


class SelfCheckInView(GuestView):
    """Where the holder checks in themselves."""

    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(
        operation_id="registrations_check_in",
        request=ReadCodeSerializer,
        responses={200: ArrivalSerializer},
        parameters=[TOKEN_IN_HEADER],
    )
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Check in by the code on the room's screen; who is in already stays so.

        400 `code_invalid` for one that is wrong or too old; 409 `self_check_in_off`, `not_confirmed`.
        """
        registration = held(request, registration_id)
        sent = read(ReadCodeSerializer(data=request.data))
        client = network(request.META)
        arrival = check_in_by_code(
            registration, sent["code"], session=sent.get("session"), actor=actor_of(request), client=client
        )
        result = Scan.Result.CHECKED_IN if arrival.is_new else Scan.Result.ALREADY_CHECKED_IN
        told = {"result": result, "reason": result.label, "at": arrival.since, "session": arrival.session}
        return Response(ArrivalSerializer(told).data)


urlpatterns = [
    path("events/<uuid:event_id>/room-code/", RoomCodeView.as_view()),
    path("registrations/<uuid:registration_id>/check-in/", SelfCheckInView.as_view()),
]
