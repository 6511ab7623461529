"""The desk of the door: who was where, who is missing, what does not fit together."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.event_filters import TextFilter
from turnout.api.fields import read
from turnout.api.moments import LastMomentFilter, MomentFilter
from turnout.api.permissions import SignedIn, caller
from turnout.api.scans import ScanSerializer, names_in, row_of
from turnout.api.sheets import FORMAT, SHEET, sheet_of
from turnout.attendance.actions.corrections import resolve
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import Device, Scan, ScanQuerySet
from turnout.attendance.queries import find_scan
from turnout.events.models import AttendanceType
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.reports.arrivals import SPANS, Arrivals, Span
from turnout.reports.door import (
    DOOR,
    Door,
    Place,
    Summary,
    expected_at,
    missing,
    repeated,
    scans_of,
    summary,
)
from turnout.reports.door_sheets import presence_sheet, scans_sheet

_LONGEST_NOTE = 500
_ROWS = OpenApiParameter("rows", str, enum=["scans", "people"], default="scans")


class ScanFilter(filters.FilterSet):
    """Which scans. An empty parameter filters nothing, an unknown one is ignored."""

    session = filters.UUIDFilter(field_name="session_id")
    registration = filters.UUIDFilter(field_name="registration_id")
    device = TextFilter(label="Its name.")
    door = TextFilter(method="stood_at", label="Its name; the device's where it stood at no door that has one.")
    direction = filters.ChoiceFilter(choices=Scan.Direction.choices)
    result = filters.ChoiceFilter(choices=Scan.Result.choices)
    conflict = filters.BooleanFilter(method="did_conflict", label="Whether the team has, or had, to look at it.")
    undone = filters.BooleanFilter(field_name="undone_at", lookup_expr="isnull", exclude=True)
    since = MomentFilter(field_name="at", lookup_expr="gte")
    until = LastMomentFilter(field_name="at", lookup_expr="lte")

    def stood_at(self, found: QuerySet[Scan], _name: str, door: str) -> QuerySet[Scan]:
        """Ask where it was."""
        return found.alias(stood=DOOR).filter(stood=door)

    def did_conflict(self, found: QuerySet[Scan], _name: str, wanted: bool) -> QuerySet[Scan]:  # noqa: FBT001
        """Ask whether it fits together with the others."""
        return found.exclude(conflict="") if wanted else found.filter(conflict="")


class ScanViews(generics.GenericAPIView[Scan]):
    """What all views of an event's scans share."""

    permission_classes = (SignedIn,)
    queryset = Scan.objects.none()  # tells the schema of which model the ids are
    problems: ClassVar = {"get": (403,)}


class AttendanceView(ScanViews):
    """Who was where."""

    filterset_class = ScanFilter

    @extend_schema(operation_id="attendance_list", responses={200: ScanSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show every scan, the latest first; those that were undone too. For all of the event's team."""
        event = find_for(Right.CHECK_IN, request.user, event_id)
        rows = self.paginate_queryset(self.filter_queryset(scans_of(event))) or []
        return self.get_paginated_response(ScanSerializer(rows, many=True, context=names_in(rows)).data)


class PassagesSerializer(serializers.Serializer[Any]):
    """What happened there."""

    people_in = serializers.IntegerField(source="passages.people_in", help_text="Who ever went in.")
    entries = serializers.IntegerField(source="passages.entries")
    doubles = serializers.IntegerField(source="passages.doubles", help_text="Entries of who was in already.")
    exits = serializers.IntegerField(source="passages.exits")
    last_at = serializers.DateTimeField(source="passages.last_at", allow_null=True)


class PlaceSerializer(PassagesSerializer, serializers.Serializer[Place]):
    """A session, or the event as a whole."""

    id = serializers.UUIDField(allow_null=True, help_text="The session's; null is the event as a whole.")
    title = serializers.CharField(
        source="session.title", allow_null=True, default=None, help_text="Null, too, where it was taken off since."
    )
    starts_at = serializers.DateTimeField(source="session.starts_at", allow_null=True, default=None)
    inside = serializers.IntegerField(help_text="Whose last passage there was an entry.")
    missing = serializers.IntegerField(help_text="Who is expected at the event and never went in there.")


class DoorSerializer(PassagesSerializer, serializers.Serializer[Door]):
    """A door; or a device, where it stood at none that has a name. `people_in` are who went in there first."""

    name = serializers.CharField()


class SpanSerializer(serializers.Serializer[Span]):
    """Some minutes."""

    starts_at = serializers.DateTimeField()
    people = serializers.IntegerField(help_text="Who were nowhere at the event before.")
    sessions = serializers.DictField(
        child=serializers.IntegerField(), help_text="By session's id: who were not in it before."
    )


class ArrivalsSerializer(serializers.Serializer[Arrivals]):
    """When people came: all spans from the first to the last, 100 at most."""

    minutes = serializers.ChoiceField(SPANS)
    spans = SpanSerializer(many=True)


class ConflictCountsSerializer(serializers.Serializer[Any]):
    """How many scans the team has to look at, by why."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Name each."""
        return {conflict: serializers.IntegerField() for conflict in Scan.Conflict.values}


class ClockSerializer(serializers.ModelSerializer[Device]):
    """A device whose clock differs from ours by more than 30 seconds, corrected as it is."""

    class Meta:
        model = Device
        fields = ("id", "name", "door", "clock_error_ms", "seen_at")
        extra_kwargs: ClassVar = {"clock_error_ms": {"help_text": "By how much it is ahead."}}


class SummarySerializer(serializers.Serializer[Summary]):
    """What the doors saw."""

    expected = serializers.IntegerField(help_text="Who is confirmed.")
    people_in = serializers.IntegerField(
        source="standing.people_in", help_text="Who ever went in, anywhere at the event."
    )
    inside = serializers.IntegerField(source="standing.inside", help_text="Who went in and not out again.")
    missing = serializers.IntegerField(help_text="Who is expected and was nowhere at the event.")
    open_conflicts = serializers.IntegerField(source="standing.open_conflicts")
    conflicts = ConflictCountsSerializer()
    places = PlaceSerializer(many=True, help_text="The event as a whole, then each session in its order.")
    doors = DoorSerializer(many=True)
    arrivals = ArrivalsSerializer()
    clocks = ClockSerializer(source="devices", many=True)


class SummaryView(APIView):
    """The doors at a glance."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="attendance_summary", responses={200: SummarySerializer})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Count who is in, was in and is missing, by session, door and time. For all of the event's team."""
        return Response(SummarySerializer(summary(find_for(Right.CHECK_IN, request.user, event_id))).data)


class MissingSerializer(serializers.ModelSerializer[Registration]):
    """Somebody who is expected: no address, no phone."""

    attendance_type = serializers.ChoiceField(AttendanceType.choices)

    class Meta:
        model = Registration
        fields = ("id", "full_name", "attendance_type")


class MissingFilter(filters.FilterSet):
    """Who of those missing, and where. An empty parameter filters nothing, an unknown one is ignored."""

    session = filters.UUIDFilter(label="Who was never in this session; without it, nowhere at the event.")
    attendance_type = filters.ChoiceFilter(choices=AttendanceType.choices)
    q = TextFilter(label="Every word, as the beginning of a word of the name.")

    def filter_queryset(self, queryset: RegistrationQuerySet) -> RegistrationQuerySet:
        """Return who is asked for: by name alone, since scanners must not learn addresses by asking for them."""
        wanted = self.form.cleaned_data
        found = missing(queryset, wanted["session"])
        if wanted["attendance_type"]:
            found = found.filter(attendance_type=wanted["attendance_type"])
        return found.named(wanted["q"]) if wanted["q"] else found


class MissingView(generics.GenericAPIView[Registration]):
    """Who is still missing."""

    permission_classes = (SignedIn,)
    queryset = Registration.objects.none()  # tells the schema of which model the ids are
    filterset_class = MissingFilter
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="attendance_missing", responses={200: MissingSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show who is confirmed and did not come yet, by name. For all of the event's team."""
        event = find_for(Right.CHECK_IN, request.user, event_id)
        rows = self.paginate_queryset(self.filter_queryset(expected_at(event))) or []
        return self.get_paginated_response(MissingSerializer(rows, many=True).data)


class ExportView(ScanViews):
    """The same as a sheet."""

    filterset_class = ScanFilter
    pagination_class = None

    @extend_schema(operation_id="attendance_export", parameters=[FORMAT, _ROWS], responses=SHEET)
    def get(self, request: Request, event_id: UUID) -> StreamingHttpResponse:
        """Return the scans asked for, with addresses, as a sheet of any length. For the event's owner and managers.

        With `rows=people` a row is a person who is confirmed or was there: since when, for how many minutes, in what.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        match request.query_params.get("rows") or "scans":
            case "scans":
                scans = cast("ScanQuerySet", self.filter_queryset(scans_of(event)))
                return sheet_of(request, f"attendance-{event.id}", *scans_sheet(event, scans))
            case "people":
                return sheet_of(request, f"presence-{event.id}", *presence_sheet(event))
            case _:
                raise serializers.ValidationError({"rows": "Ask for scans or people."}, "invalid_choice")


class ConflictSerializer(ScanSerializer):
    """A scan that the team has to look at."""

    entry = serializers.SerializerMethodField(help_text="Of who went in twice: by which they were in already.")

    class Meta(ScanSerializer.Meta):
        fields = (*ScanSerializer.Meta.fields, "entry")

    @extend_schema_field(ScanSerializer(allow_null=True))
    def get_entry(self, scan: Scan) -> Any:
        """Show the entry that this one repeats."""
        entry = self.context["entries"].get(scan.pk)
        return entry and ScanSerializer(entry, context=self.context).data


class ConflictsView(ScanViews):
    """What the team has to look at."""

    @extend_schema(operation_id="attendance_conflicts", responses={200: ConflictSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show scans by which somebody passed who perhaps should not have, the latest first, until each is resolved.

        Two entries of one person, tickets that did not hold, clocks that are ahead. For the event's owner and managers.
        Which clocks are off now, `summary/` says.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        rows = self.paginate_queryset(scans_of(event).open_conflicts()) or []
        entries = repeated(event, rows)
        context = names_in([*rows, *entries.values()]) | {"entries": entries}
        return self.get_paginated_response(ConflictSerializer(rows, many=True, context=context).data)


class ResolveSerializer(serializers.Serializer[Any]):
    """What the team made of it."""

    note = serializers.CharField(max_length=_LONGEST_NOTE)
    event = serializers.UUIDField(required=False, help_text="Where scans of several events have the same name.")


class ResolveView(APIView):
    """A conflict that somebody has looked at."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(operation_id="attendance_resolve", request=ResolveSerializer, responses={200: ScanSerializer})
    def post(self, request: Request, scan_id: str) -> Response:
        """Take a scan off the list of conflicts, with a note. For the event's owner and managers."""
        sent, keeper = read(ResolveSerializer(data=request.data)), Doorkeeper.of_person(caller(request))
        scan = find_scan(keeper, scan_id, sent.get("event"))
        find_for(Right.EDIT, request.user, scan.event_id)
        return Response(row_of(resolve(scan, sent["note"], actor=keeper.actor)))
