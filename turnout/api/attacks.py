"""Attack mode, for who runs the platform."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.permissions import Staff, actor_of
from turnout.core.errors import NotFoundError
from turnout.events.models import Event
from turnout.registrations.attacks import actions
from turnout.registrations.attacks.models import PLATFORM, Alarm, Rollback
from turnout.registrations.attacks.queries import burst, find_rollback, switch

_MOST_FILTERS = 1000


class SwitchSerializer(serializers.Serializer[Any]):
    """Whether attack mode is on for the whole platform, and since when."""

    on = serializers.BooleanField()
    since = serializers.DateTimeField(read_only=True, allow_null=True)


class EventSwitchSerializer(serializers.Serializer[Any]):
    """Attack mode of one event. `detected`: it is on, and began by itself; `automatic`: it is off, and may."""

    mode = serializers.ChoiceField(["automatic", "on", "off"])


class AttackSerializer(serializers.Serializer[Any]):
    """How attack mode stands for an event."""

    mode = serializers.ChoiceField(["automatic", "on", "off", "detected"])
    since = serializers.DateTimeField(allow_null=True)


class CountsSerializer(serializers.Serializer[Any]):
    """How many registered, and what became of them."""

    registered = serializers.IntegerField()
    confirmed = serializers.IntegerField()
    quarantined = serializers.IntegerField(help_text="Pending, and marked.")
    rolled_back = serializers.IntegerField()


class BlockSerializer(CountsSerializer):
    """Those of one address block."""

    block = serializers.CharField(help_text="An IPv4 /24 or IPv6 /48; empty where it is not known.")


class DomainSerializer(CountsSerializer):
    """Those of one mail domain."""

    domain = serializers.CharField(source="mail_domain")


class RollbackSerializer(serializers.ModelSerializer[Rollback]):
    """Registrations cancelled together."""

    class Meta:
        model = Rollback
        fields: ClassVar = ["id", "count", "at", "actor", "undone_at"]


class BurstSerializer(serializers.Serializer[Any]):
    """Who registered in the last seven days; of blocks and domains those hundred with the most quarantined."""

    event = serializers.UUIDField(source="event.id")
    attack = AttackSerializer()
    total = CountsSerializer()
    blocks = BlockSerializer(many=True)
    domains = DomainSerializer(many=True)
    rollbacks = RollbackSerializer(many=True)


class ChosenSerializer(serializers.Serializer[Any]):
    """Which of the quarantined registrations; without either: all."""

    blocks = serializers.ListField(
        child=serializers.CharField(max_length=43), required=False, default=list, max_length=_MOST_FILTERS
    )
    domains = serializers.ListField(
        child=serializers.CharField(max_length=253), required=False, default=list, max_length=_MOST_FILTERS
    )


class StaffView(APIView):
    """What all views here share."""

    permission_classes = (Staff,)

    def event(self) -> Event:
        """Return the event that the address names."""
        event = Event.objects.visible_to(self.request.user).filter(pk=self.kwargs["pk"]).first()
        if event is None:
            raise NotFoundError
        return event


class SwitchView(StaffView):
    """The platform's switch."""

    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="attack_mode_retrieve", responses={200: SwitchSerializer})
    def get(self, request: Request) -> Response:
        """Tell whether attack mode is on everywhere."""
        return Response(_platform())

    @extend_schema(operation_id="attack_mode_switch", request=SwitchSerializer, responses={200: SwitchSerializer})
    def put(self, request: Request) -> Response:
        """Switch attack mode on or off everywhere."""
        sent = read(SwitchSerializer(data=request.data))
        actions.switch_platform(on=sent["on"], actor=actor_of(request))
        return Response(_platform())


class EventSwitchView(StaffView):
    """An event's switch."""

    @extend_schema(operation_id="events_attack_mode", request=EventSwitchSerializer, responses={200: AttackSerializer})
    def put(self, request: Request, pk: UUID) -> Response:
        """Switch attack mode of an event on or off, or leave it to itself."""
        event = self.event()
        sent = read(EventSwitchSerializer(data=request.data))
        actions.switch_event(event, sent["mode"], actor=actor_of(request))
        return Response(AttackSerializer(switch(str(event.id))).data)


class BurstView(StaffView):
    """Who registered lately, and from where."""

    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="events_burst", responses={200: BurstSerializer})
    def get(self, request: Request, pk: UUID) -> Response:
        """Count the registrations of the last seven days, by address block and by mail domain."""
        return Response(BurstSerializer(burst(self.event())).data)


class RollbackView(StaffView):
    """Where a burst is rolled back."""

    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="events_burst_rollback",
        request=ChosenSerializer,
        responses={201: RollbackSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Cancel what is quarantined. Nobody is written to, and whoever confirms all the same is through."""
        event = self.event()
        sent = read(ChosenSerializer(data=request.data))
        rollback = actions.roll_back(event, **sent, actor=actor_of(request))
        return Response(RollbackSerializer(rollback).data, status=201)


class UndoView(StaffView):
    """Where a rollback is undone."""

    @extend_schema(operation_id="events_burst_undo", request=None, responses={200: RollbackSerializer})
    def post(self, request: Request, pk: UUID, rollback_id: UUID) -> Response:
        """Return exactly those to pending. Undoing twice is undoing once."""
        rollback = find_rollback(self.event(), rollback_id, request.user)
        return Response(RollbackSerializer(actions.undo(rollback, actor=actor_of(request))).data)


def _platform() -> dict[str, Any]:
    found = switch(PLATFORM)
    return dict(SwitchSerializer({"on": found.mode == Alarm.Mode.ON, "since": found.since}).data)
