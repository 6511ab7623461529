"""Events and workshops."""

import dataclasses
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny

from turnout.api.moments import LastMomentFilter, MomentFilter
from turnout.api.partners import PartnerSerializer
from turnout.api.speakers import SpeakerBriefSerializer, SpeakerSerializer
from turnout.core.clock import now
from turnout.events.models import AttendanceType, Event, EventQuerySet, Session
from turnout.events.queries import Search, Seats, search, seats_of


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


_LONGEST = 200  # a database compares each word of it


class TextFilter(filters.CharFilter):
    """A text of at most 200 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=_LONGEST, **options)


class EventFilter(filters.FilterSet):
    """The parameters of the contract, read and described; `turnout.events.queries.search` is what they mean.

    An empty one filters nothing, an unknown one is ignored.
    """

    q = TextFilter(label="Every word, as the beginning of a word in title or description.")
    location = TextFilter(label="The location or its beginning, case and accents apart.")
    language = TextFilter(label="A language it is held in, such as `en`.")
    starts_after = MomentFilter(field_name="starts_at", label="Starts then or later; a date is its midnight.")
    starts_before = LastMomentFilter(field_name="starts_at", label="Starts then or earlier; a date is all of that day.")
    kind = filters.ChoiceFilter(choices=Event.Kind.choices)
    partner = filters.UUIDFilter(field_name="partner_id")
    speaker = filters.UUIDFilter(field_name="speakers__id")
    attendance_type = filters.ChoiceFilter(choices=AttendanceType.choices)
    has_seats = filters.BooleanFilter(label="Whether a seat is left.")
    ordering = filters.OrderingFilter(fields=["starts_at", "title"])

    ranks: ClassVar = False  # whether what is found by words stands by relevance

    def filter_queryset(self, queryset: EventQuerySet) -> QuerySet[Event]:
        """Return what was asked for, in the order asked for."""
        ordering = self.form.cleaned_data["ordering"]
        found = search(queryset, self.wanted(), ranked=self.ranks and not ordering)
        ordered: QuerySet[Event] = self.filters["ordering"].filter(found, ordering)
        return ordered

    def wanted(self) -> Search:
        """Return what was asked for, in the words of the search."""
        names = (field.name for field in dataclasses.fields(Search))
        return Search(**{name: self.form.cleaned_data[name] for name in names})


class SearchFilter(EventFilter):
    """The same filters under seed B's names, beside ours."""

    ranks: ClassVar = True

    keyword = TextFilter(label="The same as `q`.")
    date_from = MomentFilter(field_name="starts_at", label="The same as `starts_after`.")
    date_to = LastMomentFilter(field_name="starts_at", label="The same as `starts_before`.")

    def wanted(self) -> Search:
        """Return what was asked for; where both names of a thing are given, both count."""
        asked, wanted = self.form.cleaned_data, super().wanted()
        starts = [moment for moment in (wanted.starts_after, asked["date_from"]) if moment]
        ends = [moment for moment in (wanted.starts_before, asked["date_to"]) if moment]
        return dataclasses.replace(
            wanted,
            q=f"{wanted.q} {asked['keyword']}".strip(),
            starts_after=max(starts, default=None),
            starts_before=min(ends, default=None),
        )


class EventViews(generics.GenericAPIView[Event]):
    """What all views of events share."""

    permission_classes = (AllowAny,)
    serializer_class = EventSerializer
    queryset = Event.objects.none()  # tells the schema of which model the ids are

    def get_queryset(self) -> EventQuerySet:
        """Return what the caller may know of."""
        return Event.objects.visible_to(self.request.user).with_parts()


class EventListView(EventViews, generics.ListAPIView[Event]):
    """Published events, soonest first: what has not ended, and what has where the dates asked for reach back."""

    filterset_class = EventFilter

    def get_queryset(self) -> EventQuerySet:
        """Return what stands in public lists."""
        return super().get_queryset().listed()


class EventSearchView(EventListView):
    """The same list and filters, and seed B's names for them; ranked by relevance where words are asked for."""

    filterset_class = SearchFilter


class EventDetailView(EventViews, generics.RetrieveAPIView[Event]):
    """One event."""

    serializer_class = EventDetailSerializer

    def get_queryset(self) -> EventQuerySet:
        """Return what the caller may know of."""
        return super().get_queryset().with_details()


class WorkshopViews(EventViews):
    """What all views of workshops share."""

    def get_queryset(self) -> EventQuerySet:
        """Return workshops the caller may know of."""
        return super().get_queryset().filter(kind=Event.Kind.WORKSHOP)


class WorkshopsOfTheWeekView(WorkshopViews, generics.ListAPIView[Event]):
    """Active workshops of the current week: Monday to Sunday in the site's timezone."""

    def get_queryset(self) -> EventQuerySet:
        """Return what takes place this week."""
        return super().get_queryset().listed().in_week_of(now())


class WorkshopListView(WorkshopViews, generics.ListAPIView[Event]):
    """All workshops, past ones too."""

    def get_queryset(self) -> EventQuerySet:
        """Return what stands in public lists."""
        return super().get_queryset().listed()


class WorkshopDetailView(WorkshopViews, generics.RetrieveAPIView[Event]):
    """One workshop."""

    serializer_class = EventDetailSerializer

    def get_queryset(self) -> EventQuerySet:
        """Return workshops the caller may know of."""
        return super().get_queryset().with_details()
