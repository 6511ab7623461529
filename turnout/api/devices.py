"""What stands at an event's doors: for its owner and managers, and for the devices themselves."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.auth import DeviceAuthentication
from turnout.api.fields import TextField, read
from turnout.api.moments import ClockField
from turnout.api.permissions import IsDevice, SignedIn, actor_of
from turnout.api.throttles import throttled
from turnout.attendance.actions.devices import add_device, new_code, note_seen, pair, revoke
from turnout.attendance.clocks import device_moment
from turnout.attendance.doorkeepers import pairing_link
from turnout.attendance.models import Device
from turnout.attendance.models.devices import CLOCK_MAY_ERR, LONGEST_LABEL
from turnout.core.clock import now
from turnout.core.errors import NotFoundError
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for

_DAY_MS = 86_400_000
_MOST_ERROR = 3650 * _DAY_MS  # ten years say enough
MOST_QUEUED = 1_000_000


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """A device, and what it told of itself."""

    paired_at = serializers.DateTimeField(allow_null=True, help_text="Null: its code was not used yet.")
    queued = serializers.IntegerField(allow_null=True, help_text="Scans that it has not sent yet.")
    battery = serializers.IntegerField(allow_null=True, help_text="Percent.")
    clock_error_ms = serializers.IntegerField(
        allow_null=True, help_text="By how much its clock, as it corrects it, was ahead of ours."
    )
    clock_is_off = serializers.BooleanField(
        help_text=f"Whether that is more than {CLOCK_MAY_ERR.seconds} seconds, ahead or behind."
    )

    class Meta:
        model = Device
        fields: ClassVar = [
            "id",
            "name",
            "door",
            "created_at",
            "code_expires_at",
            "paired_at",
            "revoked_at",
            "seen_at",
            "battery",
            "queued",
            "clock_error_ms",
            "clock_is_off",
        ]


class NewDeviceSerializer(serializers.Serializer[Any]):
    """A device to add."""

    name = serializers.CharField(max_length=LONGEST_LABEL, help_text="As its scans name it.")
    door = TextField(max_length=LONGEST_LABEL)


class DeviceCodeSerializer(serializers.ModelSerializer[Device]):
    """A device with its code, which is shown this once."""

    code = serializers.CharField(help_text="Three groups of four; case, dashes and spaces do not count.")
    link = serializers.URLField(help_text="To be shown as a QR code: the device opens it.")
    expires_at = serializers.DateTimeField(source="code_expires_at")

    class Meta:
        model = Device
        fields: ClassVar = ["id", "name", "door", "code", "link", "expires_at"]


class CodeToPairSerializer(serializers.Serializer[Any]):
    """A code, as it was shown."""

    code = serializers.CharField(max_length=100)


class DoorEventSerializer(serializers.ModelSerializer[Event]):
    """What a device knows of its event."""

    class Meta:
        model = Event
        fields: ClassVar = ["id", "title", "starts_at", "ends_at", "timezone"]


class OwnDeviceSerializer(serializers.ModelSerializer[Device]):
    """What a device is called."""

    class Meta:
        model = Device
        fields: ClassVar = ["id", "name", "door"]


class StandingDeviceSerializer(serializers.Serializer[Any]):
    """Where a device stands."""

    event = DoorEventSerializer()
    device = OwnDeviceSerializer()
    server_time = serializers.DateTimeField(help_text="By which the device measures how far its clock is off.")


class PairedSerializer(serializers.Serializer[Any]):
    """Where a device stands, and the token by which it is known, which is shown this once."""

    token = serializers.CharField(help_text="`td_` and 43 characters, for `Authorization: Bearer`.")
    event = DoorEventSerializer()
    device = OwnDeviceSerializer()


class HeartbeatSerializer(serializers.Serializer[Any]):
    """What a device tells of itself; all of it may be left out."""

    battery = serializers.IntegerField(min_value=0, max_value=100, required=False, help_text="Percent.")
    queued = serializers.IntegerField(min_value=0, max_value=MOST_QUEUED, required=False)
    sent_at = ClockField(required=False, help_text="Its clock, now.")
    clock_offset_ms = serializers.IntegerField(
        min_value=-(2**53), max_value=2**53, default=0, help_text="What it adds to its clock to get ours."
    )


class DeviceViews(generics.GenericAPIView[Any]):
    """What the team's views share: anybody else's devices are unknown."""

    permission_classes = (SignedIn,)
    queryset: QuerySet[Any] = Device.objects.none()  # tells the schema of which model the ids are

    def found(self, request: Request, event_id: UUID, pk: UUID) -> Device:
        """Return one of the event's devices to whom may ask."""
        event = find_for(Right.EDIT, request.user, event_id)
        device = Device.objects.filter(event=event, pk=pk).first()
        if device is None:
            raise NotFoundError
        return device


class DevicesView(DeviceViews):
    """All of an event."""

    problems: ClassVar = {"get": (403,), "post": (409,)}

    @extend_schema(operation_id="event_devices_list", responses={200: DeviceSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show them, the newest first, with those that were revoked."""
        event = find_for(Right.EDIT, request.user, event_id)
        rows = self.paginate_queryset(Device.objects.filter(event=event)) or []
        return self.get_paginated_response(DeviceSerializer(rows, many=True).data)

    @extend_schema(operation_id="event_devices_add", request=NewDeviceSerializer, responses={201: DeviceCodeSerializer})
    def post(self, request: Request, event_id: UUID) -> Response:
        """Add one, and show the code by which it is paired, this once. It works once, for an hour.

        No `Idempotency-Key`: the answer is kept nowhere. What was added twice is revoked once.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        sent = read(NewDeviceSerializer(data=request.data))
        return _with_code(*add_device(event, **sent, actor=actor_of(request)), status=201)


class DeviceView(DeviceViews):
    """One of them."""

    problems: ClassVar = {"delete": (403,)}

    @extend_schema(operation_id="event_devices_revoke", responses={204: None})
    def delete(self, request: Request, event_id: UUID, pk: UUID) -> Response:
        """Revoke it: its token is worth nothing from now on. What it scanned stays."""
        revoke(self.found(request, event_id, pk), actor=actor_of(request))
        return Response(status=204)


class DeviceCodeView(DeviceViews):
    """Its code."""

    problems: ClassVar = {"post": (409,)}

    @extend_schema(operation_id="event_devices_code", request=None, responses={200: DeviceCodeSerializer})
    def post(self, request: Request, event_id: UUID, pk: UUID) -> Response:
        """Give it a new code, shown this once. Its old code and its token stop. Revoked: 409 `device_revoked`."""
        return _with_code(*new_code(self.found(request, event_id, pk), actor=actor_of(request)))


class PairView(APIView):
    """Where a device shows its code."""

    authentication_classes = ()  # whoever has the code
    permission_classes = (AllowAny,)
    problems: ClassVar = {"post": (410, 429)}

    @extend_schema(operation_id="devices_pair", request=CodeToPairSerializer, responses={201: PairedSerializer})
    @throttled("pair")
    def post(self, request: Request) -> Response:
        """Pair a device: its token is shown this once, and opens the doors of its event alone.

        400 `code_invalid`; 410 `code_spent`, `code_expired`.
        """
        device, token = pair(read(CodeToPairSerializer(data=request.data))["code"])
        return Response(PairedSerializer({"token": token, "event": device.event, "device": device}).data, status=201)


class OwnDeviceView(APIView):
    """What the device is that asks."""

    authentication_classes = (DeviceAuthentication,)
    permission_classes = (IsDevice,)

    @extend_schema(operation_id="devices_me", responses={200: StandingDeviceSerializer})
    def get(self, request: Request) -> Response:
        """Say where it stands. Once it is revoked: 401 `device_revoked`."""
        return _standing(request)

    @extend_schema(
        operation_id="devices_me_report", request=HeartbeatSerializer, responses={200: StandingDeviceSerializer}
    )
    def post(self, request: Request) -> Response:
        """Tell its battery, how much it has still to send, and what its clock says; the team sees it."""
        sent = read(HeartbeatSerializer(data=request.data))
        device = _own(request)
        sent_at = sent.get("sent_at") and device_moment(device, sent["sent_at"])
        error = clock_error_ms(sent_at, sent["clock_offset_ms"])
        note_seen(device, battery=sent.get("battery"), queued=sent.get("queued"), clock_error_ms=error)
        return _standing(request)


def clock_error_ms(sent_at: datetime | None, clock_offset_ms: int) -> int | None:
    """Return by how much a device's clock, as it corrects it, is ahead of ours; None where it does not tell."""
    if sent_at is None:
        return None
    error = round((sent_at - now()) / timedelta(milliseconds=1)) + clock_offset_ms
    return max(-_MOST_ERROR, min(error, _MOST_ERROR))


def _own(request: Request) -> Device:
    return cast("Device", request.auth)


def _standing(request: Request) -> Response:
    device = _own(request)
    return Response(StandingDeviceSerializer({"event": device.event, "device": device, "server_time": now()}).data)


def _with_code(device: Device, code: str, status: int = 200) -> Response:
    device.code, device.link = code, pairing_link(code)  # type: ignore[attr-defined]  # for this answer
    return Response(DeviceCodeSerializer(device).data, status=status)


urlpatterns = [
    path("events/<uuid:event_id>/devices/", DevicesView.as_view()),
    path("events/<uuid:event_id>/devices/<uuid:pk>/", DeviceView.as_view()),
    path("events/<uuid:event_id>/devices/<uuid:pk>/code/", DeviceCodeView.as_view()),
    path("devices/pair/", PairView.as_view()),
    path("devices/me/", OwnDeviceView.as_view()),
]
