"""Speakers."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny

from turnout.api.partners import PartnerSerializer, WorkshopBriefSerializer, listed_workshops
from turnout.events.models import Speaker


class SpeakerSerializer(serializers.ModelSerializer[Speaker]):
    """Somebody who speaks at events."""

    class Meta:
        model = Speaker
        fields: ClassVar = ["id", "name", "bio", "image"]


class SpeakerBriefSerializer(serializers.ModelSerializer[Speaker]):
    """Who it is."""

    class Meta:
        model = Speaker
        fields: ClassVar = ["id", "name"]


class SpeakerWithWorkshopsSerializer(SpeakerSerializer):
    """A speaker, whom they come from, and their workshops."""

    partner = PartnerSerializer(read_only=True, allow_null=True)
    workshops = WorkshopBriefSerializer(source="listed_workshops", many=True, read_only=True)

    class Meta(SpeakerSerializer.Meta):
        fields: ClassVar = [*SpeakerSerializer.Meta.fields, "partner", "workshops"]


class SpeakerViews(generics.GenericAPIView[Speaker]):
    """What both views share."""

    permission_classes = (AllowAny,)
    serializer_class = SpeakerWithWorkshopsSerializer
    queryset = Speaker.objects.all()

    def get_queryset(self) -> QuerySet[Speaker]:
        """Return all speakers with their workshops."""
        return Speaker.objects.select_related("partner").prefetch_related(listed_workshops())


class SpeakerListView(SpeakerViews, generics.ListAPIView[Speaker]):
    """All speakers, by name."""


class SpeakerDetailView(SpeakerViews, generics.RetrieveAPIView[Speaker]):
    """One speaker."""
