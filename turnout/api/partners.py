"""Partners."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.fields import NameField, TextField, WebField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.permissions import OpenToRead, OpenToReadFacilitator, actor_of, caller
from turnout.events.actions import save_partner
from turnout.events.actions.people import remove_partner
from turnout.events.models import Event, Partner
from turnout.events.queries import find_own


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


class PartnerInputSerializer(serializers.Serializer[Any]):
    """A partner as it is written."""

    name = NameField()
    website = WebField()
    level = TextField(max_length=40)
    logo = WebField()


class PartnerViews(generics.GenericAPIView[Partner]):
    """What both views share."""

    serializer_class = PartnerWithWorkshopsSerializer
    queryset = Partner.objects.all()

    def get_queryset(self) -> QuerySet[Partner]:
        """Return all partners with their workshops."""
        return Partner.objects.prefetch_related(listed_workshops())


class PartnersView(PartnerViews, generics.ListAPIView[Partner]):
    """All partners, by name, and where they are made."""

    permission_classes = (OpenToReadFacilitator,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="partners_create",
        request=PartnerInputSerializer,
        responses={201: PartnerWithWorkshopsSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create one. It belongs to who creates it: a facilitator, or staff."""
        fields = read(PartnerInputSerializer(data=request.data))
        partner = save_partner(Partner(**fields, owner=caller(request)), actor=actor_of(request))
        return Response(self.get_serializer(self.get_queryset().get(pk=partner.pk)).data, status=201)


class PartnerView(PartnerViews):
    """One partner: for everybody to read, for its owner and staff to change."""

    permission_classes = (OpenToRead,)
    problems: ClassVar = {"delete": (403, 409)}

    @extend_schema(operation_id="partners_retrieve")
    def get(self, _request: Request, pk: UUID) -> Response:
        """Show it."""
        return Response(self.get_serializer(generics.get_object_or_404(self.get_queryset(), pk=pk)).data)

    @extend_schema(
        operation_id="partners_replace",
        request=PartnerInputSerializer,
        responses={200: PartnerWithWorkshopsSerializer},
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Replace it: what is not sent becomes empty."""
        return self._change(request, pk, partial=False)

    @extend_schema(
        operation_id="partners_change",
        request=PartnerInputSerializer(partial=True),
        responses={200: PartnerWithWorkshopsSerializer},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Change what is sent."""
        return self._change(request, pk, partial=True)

    @extend_schema(operation_id="partners_delete", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Remove it, unless somebody else's event names it."""
        remove_partner(find_own(Partner.objects.all(), request.user, pk), actor=actor_of(request))
        return Response(status=204)

    def _change(self, request: Request, pk: UUID, *, partial: bool) -> Response:
        partner = find_own(Partner.objects.all(), request.user, pk)
        fields = read(PartnerInputSerializer(data=request.data, partial=partial))
        for name, value in fields.items():
            setattr(partner, name, value)
        save_partner(partner, fields.keys(), actor=actor_of(request))
        return self.get(request, pk)
