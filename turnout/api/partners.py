"""Partners."""

from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny

from turnout.events.models import Event, Partner


class PartnerSerializer(serializers.ModelSerializer[Partner]):
    """An organisation that stands behind events."""

    class Meta:
        model = Partner
        fields: ClassVar = ["id", "name", "website", "level", "logo"]


class WorkshopBriefSerializer(serializers.ModelSerializer[Event]):
    """A workshop, where it is only named."""

    class Meta:
        model = Event
        fields: ClassVar = ["id", "title", "starts_at", "ends_at", "timezone", "location"]


class PartnerWithWorkshopsSerializer(PartnerSerializer):
    """A partner and its workshops."""

    workshops = WorkshopBriefSerializer(source="listed_workshops", many=True, read_only=True)

    class Meta(PartnerSerializer.Meta):
        fields: ClassVar = [*PartnerSerializer.Meta.fields, "workshops"]


def listed_workshops() -> Any:
    """Load the public workshops of what has events, soonest first."""
    workshops = Event.objects.listed().filter(kind=Event.Kind.WORKSHOP)
    return Prefetch("events", queryset=workshops, to_attr="listed_workshops")


class PartnerViews(generics.GenericAPIView[Partner]):
    """What both views share."""

    permission_classes = (AllowAny,)
    serializer_class = PartnerWithWorkshopsSerializer
    queryset = Partner.objects.all()

    def get_queryset(self) -> QuerySet[Partner]:
        """Return all partners with their workshops."""
        return Partner.objects.prefetch_related(listed_workshops())


class PartnerListView(PartnerViews, generics.ListAPIView[Partner]):
    """All partners, by name."""


class PartnerDetailView(PartnerViews, generics.RetrieveAPIView[Partner]):
    """One partner."""
