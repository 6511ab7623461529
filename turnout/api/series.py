"""Events made from one another: clones and series."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.event_input import EventInputSerializer
from turnout.api.events import EventDetailSerializer, EventSerializer, EventViews
from turnout.api.fields import read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.moments import ClockField, moment_at
from turnout.api.permissions import Facilitator, SignedIn, actor_of, caller
from turnout.certificates.actions.events import clone_event, make_series
from turnout.core.errors import NotFoundError
from turnout.events.dates import MOST_EVENTS, Start, Weekly
from turnout.events.models import Event, EventQuerySet, Series
from turnout.events.policies import Right
from turnout.events.queries import find_for, find_series
from turnout.registrations.actions.events import EventChange
from turnout.registrations.actions.series import (
    SeriesChange,
    change_series,
    remove_series,
)

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")  # as iCalendar has them
_MOST_WEEKS = 52
_MOST_MINUTES = 366 * 24 * 60


class CloneSerializer(serializers.Serializer[Any]):
    """What is different about the copy."""

    starts_at = ClockField(required=False, help_text="Without an offset it is what clocks at the event show.")
    title = serializers.CharField(required=False, max_length=200)


@extend_schema_field(OpenApiTypes.STR)
class DayOrClockField(serializers.Field[Any, Any, Any, Any]):
    """A day, such as 2026-12-01, at the time of day of the first event; or a time as in `starts_at`."""

    def to_internal_value(self, data: Any) -> date | datetime:
        """Return a day or a time, as it was written."""
        try:
            return date.fromisoformat(data)
        except (TypeError, ValueError):
            return ClockField().to_internal_value(data)


class WeeklySerializer(serializers.Serializer[Any]):
    """Every so many weeks, up to a number of events or a day."""

    count = serializers.IntegerField(
        required=False, min_value=2, max_value=MOST_EVENTS, help_text="How many in all, the first one too."
    )
    until = serializers.DateField(required=False, help_text="The last day on which one may start.")
    interval = serializers.IntegerField(default=1, min_value=1, max_value=_MOST_WEEKS)
    weekdays = serializers.ListField(
        child=serializers.ChoiceField(_WEEKDAYS),
        required=False,
        allow_empty=False,
        max_length=len(_WEEKDAYS),
        help_text="Default: the weekday of the first event.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Want one of the two ends."""
        if ("count" in attrs) == ("until" in attrs):
            raise serializers.ValidationError(_("Say either how many there are or until when."), "count_or_until")
        return attrs


class LimitField(serializers.IntegerField):
    """In how many of the events somebody may be at most; null is in all."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, min_value=1, max_value=MOST_EVENTS, **options)


class NewSeriesSerializer(serializers.Serializer[Any]):
    """Which dates a series has besides the event's own."""

    weekly = WeeklySerializer(required=False)
    dates = serializers.ListField(
        child=DayOrClockField(), required=False, allow_empty=False, max_length=MOST_EVENTS - 1
    )
    limit_per_person = LimitField()
    status = serializers.ChoiceField(
        [Event.Status.DRAFT, Event.Status.PUBLISHED], required=False, help_text="Of the new ones. Default: as this one."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Want one of the two ways to say it."""
        if ("weekly" in attrs) == ("dates" in attrs):
            raise serializers.ValidationError(_("Say the dates either one by one or by weeks."), "weekly_or_dates")
        return attrs


class SeriesEventSerializer(EventSerializer):
    """An event, as a line of its series."""

    class Meta(EventSerializer.Meta):
        fields: ClassVar = [
            "id",
            "title",
            "status",
            "timezone",
            "starts_at",
            "ends_at",
            "capacity",
            "capacities",
            "available_seats",
            "waitlist_length",
        ]


class SeriesSerializer(serializers.Serializer[Any]):
    """A series."""

    id = serializers.UUIDField()
    limit_per_person = serializers.IntegerField(allow_null=True)
    events = SeriesEventSerializer(many=True)


class SeriesEventInputSerializer(EventInputSerializer):
    """What can be changed of all events of a series at once: no times and no sessions."""

    title = serializers.CharField(max_length=200, required=False)
    timezone = None  # type: ignore[assignment]  # the framework's way to leave an inherited field out
    certificate_rule = None  # type: ignore[assignment]  # each event's own: it names its sessions
    starts_at = None  # type: ignore[assignment]
    ends_at = None  # type: ignore[assignment]
    registration_opens_at = None  # type: ignore[assignment]
    registration_closes_at = None  # type: ignore[assignment]
    sessions = None  # type: ignore[assignment]
    questions = None  # type: ignore[assignment]  # each event's have ids of their own
    language = None  # type: ignore[assignment]  # `languages`: which others there are differs from event to event

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find what is named by its id; the timezone stays each event's own."""
        read = super().validate(attrs)
        del read["timezone"]
        return read


@extend_schema_field(OpenApiTypes.STR)
class EventOrClockField(serializers.Field[Any, Any, Any, Any]):
    """The id of one of the events, or a time as in `starts_at`."""

    def to_internal_value(self, data: Any) -> UUID | datetime:
        """Return the id, or the time as it was written."""
        try:
            return UUID(data)
        except (AttributeError, TypeError, ValueError):
            return ClockField().to_internal_value(data)


class SeriesChangeSerializer(serializers.Serializer[Any]):
    """What is to be different about a series, and about its events that are to come."""

    limit_per_person = LimitField()
    event = SeriesEventInputSerializer(required=False)
    shift_minutes = serializers.IntegerField(required=False, min_value=-_MOST_MINUTES, max_value=_MOST_MINUTES)
    start_time = serializers.TimeField(required=False, help_text="Such as 18:30, as clocks at each event show it.")

    def get_fields(self) -> dict[str, Any]:
        """Add the field whose name is a word of the programming language."""
        since = EventOrClockField(required=False, help_text="Only what starts with this event or time, or later.")
        return {**super().get_fields(), "from": since}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Want at most one way to move them."""
        if "shift_minutes" in attrs and "start_time" in attrs:
            raise serializers.ValidationError(_("Say either by how much to move or to what time."), "shift_or_start")
        return attrs

    def change(self, series: Series) -> SeriesChange:
        """Return what was sent, in the words of the action."""
        sent, event = self.validated_data, cast("SeriesEventInputSerializer", self.fields["event"])
        return SeriesChange(
            fields={name: sent[name] for name in ("limit_per_person",) if name in sent},
            event=event.meant_by(sent["event"]) if "event" in sent else EventChange(),
            shift_minutes=sent.get("shift_minutes"),
            start_time=sent.get("start_time"),
            since=_since(series, sent["from"]) if "from" in sent else None,
        )


class CloneView(EventViews):
    """Where an event is copied."""

    permission_classes = (Facilitator,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="events_clone",
        request=CloneSerializer,
        responses={201: EventDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Copy it as a draft that belongs to the caller: a facilitator who may edit it, or staff.

        Fields, languages, speakers, sessions and seats come along, at the same times of day; nobody is registered, and
        the team stays with the original.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        sent = read(CloneSerializer(data=request.data))
        start = Start(sent["starts_at"], "/starts_at") if "starts_at" in sent else None
        fields = {"owner": caller(request), "title": sent.get("title", event.title)}
        return self.answer(clone_event(event, start, fields, actor=actor_of(request)), status=201)


class NewSeriesView(EventViews):
    """Where a series is made of an event."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="series_create",
        request=NewSeriesSerializer,
        responses={201: SeriesSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Copy it to other dates, with its team: all together are a series of at most 200. For its owner.

        Times are what clocks show there, and those that clocks skip are all named at once; then nothing is written.
        """
        event = find_for(Right.OWN, request.user, event_id)
        sent = read(NewSeriesSerializer(data=request.data))
        series = make_series(
            event,
            _starts(event, sent),
            limit_per_person=sent.get("limit_per_person"),
            status=sent.get("status", ""),
            actor=actor_of(request),
        )
        return Response(_shown(series, series.events.all()), status=201)


class SeriesView(generics.GenericAPIView[Series]):
    """A series."""

    permission_classes = (SignedIn,)
    queryset = Series.objects.none()  # tells the schema of which model the ids are
    serializer_class = SeriesSerializer
    problems: ClassVar = {"patch": (409,), "delete": (403,)}

    @extend_schema(operation_id="series_retrieve", responses={200: SeriesSerializer})
    def get(self, request: Request, series_id: UUID) -> Response:
        """Show it, with those of its events that the caller may edit."""
        events = Event.objects.run_by(request.user).filter(series=series_id)
        series = Series.objects.filter(pk__in=events.values("series")).first()
        if series is None:
            raise NotFoundError
        return Response(_shown(series, events))

    @extend_schema(operation_id="series_change", request=SeriesChangeSerializer, responses={200: SeriesSerializer})
    def patch(self, request: Request, series_id: UUID) -> Response:
        """Change its events that are to come, all or none; for the owner and managers of all of them.

        What is not named stays as it is in each. Everybody registered is told of another date or place. A refusal names
        each event at fault: `/events/<id>/...`.
        """
        series = find_series(Right.EDIT, request.user, series_id)
        # Partial as a whole: by that alone a part knows that what is not sent has no default.
        serializer = SeriesChangeSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changed = change_series(series, serializer.change(series), actor=actor_of(request))
        return Response(_shown(changed, changed.events.all()))

    @extend_schema(operation_id="series_delete", responses={204: None})
    def delete(self, request: Request, series_id: UUID) -> Response:
        """Delete or cancel all its events that are to come, as each alone. For their owner."""
        remove_series(find_series(Right.OWN, request.user, series_id), actor=actor_of(request))
        return Response(status=204)


def _starts(event: Event, sent: Mapping[str, Any]) -> list[Start]:
    """Return when the others of the series start."""
    if "weekly" in sent:
        weekly = dict(sent["weekly"])
        weekdays = frozenset(_WEEKDAYS.index(day) for day in weekly.pop("weekdays", ()))
        return Weekly(**weekly, weekdays=weekdays).starts(event)
    clock = event.starts_at.astimezone(event.zone).time()
    return [
        Start(day if isinstance(day, datetime) else datetime.combine(day, clock), f"/dates/{index}")
        for index, day in enumerate(sent["dates"])
    ]


def _since(series: Series, sent: UUID | datetime) -> datetime:
    """Return the moment from which events are meant."""
    if isinstance(sent, datetime):
        first = series.events.order_by("starts_at")[0]  # the series was found by its events
        try:
            return moment_at(sent, first.zone)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"from": error.detail}) from error
    event = series.events.filter(pk=sent).first()
    if event is None:
        raise serializers.ValidationError({"from": [_("This series has no event with this id.")]}, "does_not_exist")
    return event.starts_at


def _shown(series: Series, events: EventQuerySet) -> dict[str, Any]:
    lines = events.with_summary().defer("description")
    return SeriesSerializer({"id": series.pk, "limit_per_person": series.limit_per_person, "events": lines}).data
