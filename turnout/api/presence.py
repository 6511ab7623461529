"""Presence online, as other systems report it, and an event's rules for presence."""

from datetime import tzinfo
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.errors import as_json, faults_of
from turnout.api.fields import AddressField, read
from turnout.api.moments import ClockField
from turnout.api.permissions import SignedIn, actor_of
from turnout.api.schema import FaultSerializer
from turnout.attendance.actions.stays import MOST_AT_ONCE, Heard, Told, report_stays, set_door_rules
from turnout.attendance.clocks import read_in
from turnout.attendance.models import LONGEST_LABEL, DoorRules, Stay
from turnout.core.errors import TooLargeError
from turnout.core.text import normal_address
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.events.timezones import YEARS

RESULTS = ["kept", "malformed", "not_found"]
_MOMENTS = ("joined_at", "left_at")
MOST_MINUTES = 7 * 24 * 60


class ToldSerializer(serializers.Serializer[Told]):
    """One connection: whose it is, by either of the two, and what is known of its time."""

    stay_id = serializers.RegexField(
        r"^[A-Za-z0-9._:-]{1,64}\Z", help_text="Your name for it: what is told of the same again is put together."
    )
    registration = serializers.UUIDField(required=False, allow_null=True)
    email = AddressField(required=False)
    session = serializers.UUIDField(required=False, allow_null=True, help_text="None: the event as a whole.")
    joined_at = ClockField(required=False, allow_null=True)
    left_at = ClockField(required=False, allow_null=True)

    def validate_email(self, email: str) -> str:
        """Return the address as it is kept."""
        return normal_address(email)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check that it names somebody, and says when, at moments that make sense."""
        if not attrs.get("registration") and "email" not in attrs:
            raise serializers.ValidationError({"registration": "Name a registration or an address."}, "required")
        moments = {name: attrs[name] for name in _MOMENTS if attrs.get(name)}
        if not moments:
            raise serializers.ValidationError({"joined_at": "Say when they joined, or left, or both."}, "required")
        for name, moment in moments.items():
            if moment.year not in YEARS:
                message = f"The year must be from {YEARS[0]} to {YEARS[-1]}."
                raise serializers.ValidationError({name: message}, "invalid")
        zone: tzinfo = self.context["zone"]
        moments = {name: read_in(zone, moment) for name, moment in moments.items()}
        if len(moments) == len(_MOMENTS) and moments["left_at"] < moments["joined_at"]:
            raise serializers.ValidationError({"left_at": "Nobody leaves before they join."}, "left_before_joined")
        return attrs | moments


class ReportSerializer(serializers.Serializer[Any]):
    """What a system tells."""

    source = serializers.CharField(max_length=LONGEST_LABEL)  # type: ignore[assignment]  # a field, not the argument
    stays = serializers.ListField(child=serializers.JSONField(allow_null=True))


class ReportSchemaSerializer(serializers.Serializer[Any]):
    """The same, for the document."""

    source = serializers.CharField(  # type: ignore[assignment]  # as above
        max_length=LONGEST_LABEL, help_text="What tells it, such as the platform's name."
    )
    stays = ToldSerializer(many=True)


class StaySerializer(serializers.ModelSerializer[Stay]):
    """A connection, as far as it is known."""

    registration = serializers.UUIDField(source="registration_id")
    session = serializers.UUIDField(source="session_id", allow_null=True)
    joined_at = serializers.DateTimeField(allow_null=True, help_text="The earliest that was told.")
    left_at = serializers.DateTimeField(allow_null=True, help_text="The latest that was told.")

    class Meta:
        model = Stay
        fields: ClassVar = ["stay_id", "source", "registration", "session", "joined_at", "left_at", "received_at"]


class HeardSerializer(serializers.Serializer[Heard]):
    """What became of a stay that was told."""

    stay_id = serializers.CharField()
    result = serializers.ChoiceField(RESULTS)
    stay = StaySerializer(allow_null=True, help_text="All that is known of it now.")
    errors = FaultSerializer(many=True, required=False)  # type: ignore[assignment]


class ReportedSerializer(serializers.Serializer[Any]):
    """What became of each, in their order."""

    results = HeardSerializer(many=True)


class PresenceView(generics.GenericAPIView[Stay]):
    """Who was there online."""

    permission_classes = (SignedIn,)
    queryset: QuerySet[Stay] = Stay.objects.none()
    problems: ClassVar = {"get": (403,), "post": (403, 413)}

    @extend_schema(operation_id="presence_list", responses={200: StaySerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show what was reported, the latest first. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        rows = self.paginate_queryset(Stay.objects.filter(event=event).order_by("-id")) or []
        return self.get_paginated_response(StaySerializer(rows, many=True).data)

    @extend_schema(operation_id="presence_report", request=ReportSchemaSerializer, responses={200: ReportedSerializer})
    def post(self, request: Request, event_id: UUID) -> Response:
        """Tell who joined and left, up to 1,000 at once, in any order, as often as wanted. For owner and managers.

        Of one `stay_id` the earliest joining and the latest leaving count. Each is answered on its own: `not_found` for
        who is not registered, `malformed` with `errors` for what can't be kept.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        sent = read(ReportSerializer(data=request.data))
        if len(sent["stays"]) > MOST_AT_ONCE:
            raise TooLargeError(f"At most {MOST_AT_ONCE} stays at once.")
        parsed = [_parsed(each, event.zone) for each in sent["stays"]]
        told = [each for each in parsed if isinstance(each, Told)]
        heard = iter(report_stays(event, sent["source"], told, actor=actor_of(request)))
        return Response({"results": [_told(next(heard)) if isinstance(each, Told) else each for each in parsed]})


class DoorRulesSerializer(serializers.ModelSerializer[DoorRules]):
    """What an event has decided about its doors, and about presence."""

    min_minutes = serializers.IntegerField(
        min_value=0,
        max_value=MOST_MINUTES,
        help_text="So long one is in a session before it counts as attended; the whole of a shorter one is enough.",
    )
    min_percent = serializers.IntegerField(min_value=0, max_value=100, help_text="The same, of a session's length.")
    names_offline = serializers.BooleanField(
        help_text="Whether scanners take names along, each sealed under its ticket."
    )
    self_check_in = serializers.BooleanField(help_text="Whether people check in themselves, by the room's code.")

    class Meta:
        model = DoorRules
        fields: ClassVar = ["min_minutes", "min_percent", "names_offline", "self_check_in"]


class DoorRulesView(generics.GenericAPIView[DoorRules]):
    """What counts as attended, and what is allowed at the doors."""

    permission_classes = (SignedIn,)
    queryset: QuerySet[DoorRules] = DoorRules.objects.none()
    problems: ClassVar = {"get": (403,), "patch": (403,)}

    @extend_schema(operation_id="door_rules", responses={200: DoorRulesSerializer})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show them. For the event's team, scanners too."""
        event = find_for(Right.CHECK_IN, request.user, event_id)
        rules = DoorRules.objects.filter(pk=event.pk).first() or DoorRules(event=event)
        return Response(DoorRulesSerializer(rules).data)

    @extend_schema(operation_id="door_rules_change", request=DoorRulesSerializer, responses={200: DoorRulesSerializer})
    def patch(self, request: Request, event_id: UUID) -> Response:
        """Change them; what is not sent stays. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        fields = read(DoorRulesSerializer(data=request.data, partial=True))
        return Response(DoorRulesSerializer(set_door_rules(event, fields, actor=actor_of(request))).data)


def _parsed(sent: Any, zone: tzinfo) -> Told | dict[str, Any]:
    """Return a stay, or the answer to one that can't be read."""
    try:
        fields = read(ToldSerializer(data=sent, context={"zone": zone}))
    except serializers.ValidationError as error:
        name = sent.get("stay_id") if isinstance(sent, dict) else None
        told = {"stay_id": name if isinstance(name, str) else "", "result": "malformed", "stay": None}
        return told | {"errors": as_json(faults_of(error))}
    return Told(**{name: value for name, value in fields.items() if value is not None})


def _told(heard: Heard) -> dict[str, Any]:
    fault = heard.fault
    if fault is None:
        return {"stay_id": heard.told.stay_id, "result": "kept", "stay": StaySerializer(heard.stay).data}
    result = "not_found" if fault.code == "not_found" else "malformed"
    return {"stay_id": heard.told.stay_id, "result": result, "stay": None, "errors": as_json([fault])}


urlpatterns = [
    path("events/<uuid:event_id>/presence/", PresenceView.as_view()),
    path("events/<uuid:event_id>/door-rules/", DoorRulesView.as_view()),
]
