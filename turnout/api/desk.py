"""The facilitator's desk: one's own events with their figures, and one event at a glance."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.event_filters import TextFilter
from turnout.api.permissions import Facilitator, SignedIn, caller
from turnout.core.clock import now
from turnout.events.models import Event, EventQuerySet
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.models import Registration
from turnout.reports.days import MOST_DAYS, Day
from turnout.reports.desk import Overview, Seats, events_of, overview, standings


class StandingSerializer(serializers.Serializer[Any]):
    """An event, as whoever runs it sees it in a list. Null seats are any number."""

    id = serializers.UUIDField(source="event.id")
    title = serializers.CharField(source="event.title")
    kind = serializers.ChoiceField(Event.Kind.choices, source="event.kind")
    status = serializers.ChoiceField(Event.Status.choices, source="event.status")
    starts_at = serializers.DateTimeField(source="event.starts_at")
    ends_at = serializers.DateTimeField(source="event.ends_at")
    timezone = serializers.CharField(source="event.timezone")
    location = serializers.CharField(source="event.location", allow_blank=True)
    capacity = serializers.IntegerField(allow_null=True)
    total_enrollments = serializers.IntegerField(help_text="How many hold a seat.")
    available_seats = serializers.IntegerField(allow_null=True)
    waitlisted = serializers.IntegerField()
    offered = serializers.IntegerField(help_text="Seats kept for those to whom they are offered: taken, not enrolled.")
    in_review = serializers.IntegerField(help_text="For how many the team has to decide.")
    pending = serializers.IntegerField(help_text="How many have not confirmed their address yet.")
    attended = serializers.IntegerField()
    certified = serializers.IntegerField(help_text="How many got a certificate for taking part.")


class MyEventsFilter(filters.FilterSet):
    """Which of one's events. An empty parameter filters nothing, an unknown one is ignored."""

    q = TextFilter(label="Every word, as the beginning of a word in title or description.")
    status = filters.ChoiceFilter(choices=Event.Status.choices)
    over = filters.BooleanFilter(label="Whether it has ended. Without those that have, the soonest come first.")
    team = filters.BooleanFilter(label="`true` adds the events that one manages for others.")

    def filter_queryset(self, queryset: EventQuerySet) -> QuerySet[Event]:
        """Return what was asked for; the latest come first, of what is still to come the soonest."""
        wanted = self.form.cleaned_data
        found = events_of(caller(self.request), team=bool(wanted["team"]))
        if wanted["q"]:
            found = found.matching(wanted["q"])
        if wanted["status"]:
            found = found.filter(status=wanted["status"])
        if wanted["over"] is False:
            return found.not_over().order_by("starts_at", "id")
        if wanted["over"]:
            found = found.filter(ends_at__lt=now())
        return found.order_by("-starts_at", "-id")


class MyEventsView(generics.GenericAPIView[Event]):
    """One's own events."""

    permission_classes = (Facilitator,)
    queryset = Event.objects.none()  # the filter knows whose
    filterset_class = MyEventsFilter

    @extend_schema(operation_id="my_events", responses={200: StandingSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Show them with their figures: drafts, cancelled and past ones too. For facilitators and staff."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(StandingSerializer(standings(rows), many=True).data)


class SeatsSerializer(serializers.Serializer[Seats]):
    """How seats stand. Null is any number."""

    capacity = serializers.IntegerField(allow_null=True)
    taken = serializers.IntegerField(help_text="Those offered are.")
    offered = serializers.IntegerField()
    available = serializers.IntegerField(allow_null=True)
    waiting = serializers.IntegerField()


class SeatsByTypeSerializer(serializers.Serializer[Any]):
    """The same by attendance type, of those there are. What types share, each of them shows."""

    on_site = SeatsSerializer(required=False)
    online = SeatsSerializer(required=False)


class ByStatusSerializer(serializers.Serializer[Any]):
    """How many there are in each status."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Name each."""
        return {status: serializers.IntegerField() for status in Registration.Status.values}


class DaySerializer(serializers.Serializer[Day]):
    """A day, as calendars at the event count them."""

    date = serializers.DateField()
    registered = serializers.IntegerField()
    confirmed = serializers.IntegerField(help_text="Who confirmed their address, with a seat or in line.")
    cancelled = serializers.IntegerField()


class OverviewSerializer(serializers.Serializer[Overview]):
    """An event at a glance."""

    event = serializers.UUIDField(source="event.id")
    registered = serializers.IntegerField(help_text="Who ever registered.")
    by_status = ByStatusSerializer()
    confirmed = serializers.IntegerField(source="by_status.confirmed")
    waiting = serializers.IntegerField(source="by_status.waitlisted")
    offered = serializers.IntegerField(source="by_status.offered")
    in_review = serializers.IntegerField(source="by_status.in_review")
    cancelled = serializers.IntegerField(source="by_status.cancelled")
    attended = serializers.IntegerField()
    certified = serializers.IntegerField()
    seats = SeatsSerializer()
    seats_by_type = SeatsByTypeSerializer()
    registrations_per_day = DaySerializer(
        source="days",
        many=True,
        help_text=f"Every day from the first to the last on which anything happened: {MOST_DAYS} at most.",
    )


class OverviewView(APIView):
    """One event at a glance."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="events_overview", responses={200: OverviewSerializer})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show how it stands. For its owner and managers."""
        return Response(OverviewSerializer(overview(find_for(Right.EDIT, request.user, event_id))).data)
