"""Speakers."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.fields import IdField, NameField, TextField, WebField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.partners import PartnerSerializer, WorkshopBriefSerializer, listed_workshops
from turnout.api.permissions import OpenToRead, OpenToReadFacilitator, actor_of, caller
from turnout.events.actions import save_speaker
from turnout.events.actions.people import remove_speaker
from turnout.events.models import Partner, Speaker
from turnout.events.queries import find_own


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


class SpeakerInputSerializer(serializers.Serializer[Any]):
    """A speaker as it is written."""

    name = NameField()
    bio = TextField()
    image = WebField()
    partner = IdField(allow_null=True, default=None)

    def validate_partner(self, pk: UUID | None) -> Partner | None:
        """Find the partner."""
        partner = pk and Partner.objects.filter(pk=pk).first()
        if pk and not partner:
            raise serializers.ValidationError(_("There is nothing with this id."), "does_not_exist")
        return partner or None


class SpeakerViews(generics.GenericAPIView[Speaker]):
    """What both views share."""

    serializer_class = SpeakerWithWorkshopsSerializer
    queryset = Speaker.objects.all()

    def get_queryset(self) -> QuerySet[Speaker]:
        """Return all speakers with their workshops."""
        return Speaker.objects.select_related("partner").prefetch_related(listed_workshops())


class SpeakersView(SpeakerViews, generics.ListAPIView[Speaker]):
    """All speakers, by name, and where they are made."""

    permission_classes = (OpenToReadFacilitator,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="speakers_create",
        request=SpeakerInputSerializer,
        responses={201: SpeakerWithWorkshopsSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create one. It belongs to who creates it: a facilitator, or staff."""
        fields = read(SpeakerInputSerializer(data=request.data))
        speaker = save_speaker(Speaker(**fields, owner=caller(request)), actor=actor_of(request))
        return Response(self.get_serializer(self.get_queryset().get(pk=speaker.pk)).data, status=201)


class SpeakerView(SpeakerViews):
    """One speaker: for everybody to read, for its owner and staff to change."""

    permission_classes = (OpenToRead,)
    problems: ClassVar = {"delete": (403, 409)}

    @extend_schema(operation_id="speakers_retrieve")
    def get(self, _request: Request, pk: UUID) -> Response:
        """Show it."""
        return Response(self.get_serializer(generics.get_object_or_404(self.get_queryset(), pk=pk)).data)

    @extend_schema(
        operation_id="speakers_replace",
        request=SpeakerInputSerializer,
        responses={200: SpeakerWithWorkshopsSerializer},
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Replace it: what is not sent becomes empty."""
        return self._change(request, pk, partial=False)

    @extend_schema(
        operation_id="speakers_change",
        request=SpeakerInputSerializer(partial=True),
        responses={200: SpeakerWithWorkshopsSerializer},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Change what is sent."""
        return self._change(request, pk, partial=True)

    @extend_schema(operation_id="speakers_delete", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Remove it, unless somebody else's event names it."""
        remove_speaker(find_own(Speaker.objects.all(), request.user, pk), actor=actor_of(request))
        return Response(status=204)

    def _change(self, request: Request, pk: UUID, *, partial: bool) -> Response:
        speaker = find_own(Speaker.objects.all(), request.user, pk)
        fields = read(SpeakerInputSerializer(data=request.data, partial=partial))
        for name, value in fields.items():
            setattr(speaker, name, value)
        save_speaker(speaker, fields.keys(), actor=actor_of(request))
        return self.get(request, pk)
