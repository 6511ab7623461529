"""Events and workshops."""

import dataclasses
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.certificates_rules import CertificateRuleSerializer, rule_shown
from turnout.api.event_filters import EventFilter, SearchFilter
from turnout.api.event_input import EventInputSerializer
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.partners import PartnerSerializer
from turnout.api.permissions import Facilitator, OpenToRead, OpenToReadFacilitator, SignedIn, actor_of, caller
from turnout.api.questions import QuestionSerializer, questions_shown
from turnout.api.speakers import SpeakerBriefSerializer, SpeakerSerializer
from turnout.certificates.actions.events import change_event, create_event
from turnout.core.clock import now
from turnout.events.actions import Capacity
from turnout.events.models import AttendanceType, Event, EventQuerySet, Session
from turnout.events.policies import Right, Standing
from turnout.events.queries import Seats, find_for, seats_of, standing
from turnout.registrations.actions.events import remove_event


class SessionSerializer(serializers.ModelSerializer[Session]):
    """A part of an event."""

    class Meta:
        model = Session
        fields: ClassVar = ["id", "title", "starts_at", "ends_at", "room"]


class SessionDetailSerializer(SessionSerializer):
    """A part of an event, with what it is about and who speaks."""

    speakers = SpeakerBriefSerializer(many=True, read_only=True)

    class Meta(SessionSerializer.Meta):
        fields: ClassVar = [*SessionSerializer.Meta.fields, "description", "language", "track", "speakers"]


class CapacitiesSerializer(serializers.Serializer[dict[str, int | None]]):
    """Capacity by attendance type; null is unlimited."""

    on_site = serializers.IntegerField(required=False, allow_null=True)
    online = serializers.IntegerField(required=False, allow_null=True)


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event as everybody may see it."""

    language = serializers.SerializerMethodField()
    languages = serializers.SerializerMethodField()
    attendance_types = serializers.ListField(child=serializers.ChoiceField(AttendanceType.choices), read_only=True)
    capacity = serializers.SerializerMethodField()
    capacities = serializers.SerializerMethodField()
    available_seats = serializers.SerializerMethodField()
    waitlist_length = serializers.SerializerMethodField()
    duration = serializers.SerializerMethodField()
    sessions = SessionSerializer(many=True, read_only=True)
    speakers = SpeakerSerializer(many=True, read_only=True)
    partner = PartnerSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Event
        fields: ClassVar = [
            "id",
            "title",
            "description",
            "kind",
            "status",
            "language",
            "languages",
            "location",
            "website",
            "image",
            "attendance_types",
            "timezone",
            "starts_at",
            "ends_at",
            "duration",
            "registration_opens_at",
            "registration_closes_at",
            "capacity",
            "capacities",
            "available_seats",
            "waitlist_enabled",
            "waitlist_length",
            "sessions",
            "speakers",
            "partner",
        ]

    def to_representation(self, instance: Event) -> dict[str, Any]:
        """Count the seats once for all the fields that show them."""
        self._seats: Seats = seats_of(instance)
        return super().to_representation(instance)

    def get_language(self, event: Event) -> str:
        """The main language, as a BCP 47 tag; empty if it was never said."""
        return next((language.code for language in event.languages.all()), "")

    def get_languages(self, event: Event) -> list[str]:
        """All its languages, the main one first."""
        return [language.code for language in event.languages.all()]

    def get_capacity(self, _event: Event) -> int | None:
        """How many may come; null is unlimited."""
        return self._seats.capacity

    @extend_schema_field(CapacitiesSerializer(allow_null=True))
    def get_capacities(self, _event: Event) -> dict[str, int | None] | None:
        """Capacity by attendance type, where each has its own; else null."""
        return self._seats.by_type or None

    def get_available_seats(self, _event: Event) -> int | None:
        """How many seats are left; null is unlimited."""
        return self._seats.available

    def get_waitlist_length(self, _event: Event) -> int:
        """How many wait for a seat."""
        return self._seats.waiting

    def get_duration(self, event: Event) -> int:
        """How long it takes from start to end, in minutes."""
        return int((event.ends_at - event.starts_at).total_seconds() // 60)


class EventDetailSerializer(EventSerializer):
    """An event with all that belongs to it."""

    sessions = SessionDetailSerializer(many=True, read_only=True)
    online_url = serializers.CharField(required=False, help_text="For the event's team alone.")
    series: Any = serializers.PrimaryKeyRelatedField(read_only=True, allow_null=True, help_text="The id of its series.")
    questions = serializers.SerializerMethodField()
    certificate_rule = serializers.SerializerMethodField()

    class Meta(EventSerializer.Meta):
        fields: ClassVar = [
            *EventSerializer.Meta.fields,
            "online_url",
            "approval_required",
            "offer_hours",
            *("ask_hours", "release_hours", "reminder_hours"),
            "series",
            "questions",
            "certificate_rule",
        ]

    @extend_schema_field(QuestionSerializer(many=True))
    def get_questions(self, event: Event) -> Any:
        """What it asks of those who register, in order."""
        return questions_shown(event)

    @extend_schema_field(CertificateRuleSerializer(allow_null=True))
    def get_certificate_rule(self, event: Event) -> Any:
        """By what a certificate is earned; null where nothing was decided."""
        return rule_shown(event)

    def to_representation(self, instance: Event) -> dict[str, Any]:
        """Leave out what is not for strangers, unless the context says for whom it is."""
        shown = super().to_representation(instance)
        if not self.context.get("for_team"):
            del shown["online_url"]
        return shown


class EventViews(generics.GenericAPIView[Event]):
    """What all views of events share."""

    serializer_class = EventSerializer
    queryset = Event.objects.none()  # tells the schema of which model the ids are
    kind: ClassVar[Event.Kind | None] = None  # where a view knows only one

    def known(self) -> EventQuerySet:
        """Return the events this view is about."""
        events = Event.objects.all()
        return events.filter(kind=self.kind) if self.kind else events

    def get_queryset(self) -> EventQuerySet:
        """Return what the caller may know of."""
        return self.known().visible_to(self.request.user).with_parts()

    def answer(self, event: Event, status: int = 200) -> Response:
        """Show an event to its team as it stands now."""
        whole = Event.objects.with_details().get(pk=event.pk)
        return Response(EventDetailSerializer(whole, context={"for_team": True}).data, status=status)


class EventListView(EventViews, generics.ListAPIView[Event]):
    """Published events, soonest first: what has not ended, and what has where the dates asked for reach back."""

    filterset_class = EventFilter

    def get_queryset(self) -> EventQuerySet:
        """Return what stands in public lists."""
        return super().get_queryset().listed()


class EventSearchView(EventListView):
    """The same list and filters, and seed B's names for them; ranked by relevance where words are asked for."""

    permission_classes = (AllowAny,)
    filterset_class = SearchFilter


class CreatesEvents(EventViews):
    """Where events are made."""

    problems: ClassVar = {"post": (409,)}

    @extend_schema(request=EventInputSerializer, responses={201: EventDetailSerializer}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def post(self, request: Request) -> Response:
        """Create one, published unless it says `draft`. It belongs to who creates it: a facilitator, or staff."""
        serializer = EventInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.change()
        event = Event(**wanted.fields, owner=caller(request))
        if self.kind:
            event.kind = self.kind
        capacity, rule = wanted.capacity or Capacity(), serializer.rule()
        created = create_event(event, capacity, wanted.parts, rule, actor=actor_of(request))
        return self.answer(created, status=201)


class RemovesEvents(EventViews):
    """Where events are deleted or cancelled."""

    problems: ClassVar = {"delete": (403,)}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Delete it, if nobody ever registered; else cancel it and tell everybody. For its owner."""
        remove_event(find_for(Right.OWN, request.user, pk, self.known()), actor=actor_of(request))
        return Response(status=204)


class ShowsAndChangesEvents(RemovesEvents):
    """One event: for everybody to read, for its team to change."""

    permission_classes = (OpenToRead,)
    problems: ClassVar = {**RemovesEvents.problems, "put": (409,), "patch": (409,)}

    @extend_schema(responses={200: EventDetailSerializer})
    def get(self, request: Request, pk: UUID) -> Response:
        """Show it; to its team also where it takes place online."""
        event = generics.get_object_or_404(self.known().visible_to(request.user).with_details(), pk=pk)
        for_team = standing(event, request.user) != Standing.STRANGER
        return Response(EventDetailSerializer(event, context={"for_team": for_team}).data)

    @extend_schema(request=EventInputSerializer, responses={200: EventDetailSerializer})
    def put(self, request: Request, pk: UUID) -> Response:
        """Replace it. Everybody registered is told of another date or place. For its owner and managers."""
        return self._change(request, pk, partial=False)

    @extend_schema(request=EventInputSerializer(partial=True), responses={200: EventDetailSerializer})
    def patch(self, request: Request, pk: UUID) -> Response:
        """Change what is sent. Everybody registered is told of another date or place. For its owner and managers."""
        return self._change(request, pk, partial=True)

    def _change(self, request: Request, pk: UUID, *, partial: bool) -> Response:
        event = find_for(Right.EDIT, request.user, pk, self.known().prefetch_related("languages", "sessions"))
        serializer = EventInputSerializer(event, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.change()
        if self.kind:
            wanted = dataclasses.replace(wanted, fields={**wanted.fields, "kind": self.kind})
        return self.answer(change_event(event, wanted, serializer.rule(), actor=actor_of(request)))


@extend_schema_view(post=extend_schema(operation_id="events_create"))
class EventsView(EventListView, CreatesEvents):
    """All events, and where they are made."""

    permission_classes = (OpenToReadFacilitator,)


@extend_schema_view(post=extend_schema(operation_id="events_create_as_seed_b"))
class EventCreateView(CreatesEvents):
    """Seed B's address for it."""

    permission_classes = (Facilitator,)


@extend_schema_view(
    get=extend_schema(operation_id="events_retrieve"),
    put=extend_schema(operation_id="events_replace"),
    patch=extend_schema(operation_id="events_change"),
    delete=extend_schema(operation_id="events_delete"),
)
class EventView(ShowsAndChangesEvents):
    """One event."""


@extend_schema_view(delete=extend_schema(operation_id="events_delete_as_seed_b"))
class EventDeleteView(RemovesEvents):
    """Seed B's address for it."""

    permission_classes = (SignedIn,)


@extend_schema_view(post=extend_schema(operation_id="workshops_create"))
class WorkshopsView(CreatesEvents, generics.ListAPIView[Event]):
    """Active workshops of the current week: Monday to Sunday in the site's timezone. And where they are made."""

    permission_classes = (OpenToReadFacilitator,)
    kind = Event.Kind.WORKSHOP

    def get_queryset(self) -> EventQuerySet:
        """Return what takes place this week."""
        return super().get_queryset().listed().in_week_of(now())


class WorkshopListView(EventViews, generics.ListAPIView[Event]):
    """All workshops, past ones too."""

    permission_classes = (AllowAny,)
    kind = Event.Kind.WORKSHOP

    def get_queryset(self) -> EventQuerySet:
        """Return what stands in public lists."""
        return super().get_queryset().listed()


@extend_schema_view(
    get=extend_schema(operation_id="workshops_retrieve"),
    put=extend_schema(operation_id="workshops_replace"),
    patch=extend_schema(operation_id="workshops_change"),
    delete=extend_schema(operation_id="workshops_delete"),
)
class WorkshopView(ShowsAndChangesEvents):
    """One workshop."""

    kind = Event.Kind.WORKSHOP
