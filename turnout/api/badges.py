"""Badges and name labels, for an event's team to print."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from turnout.accounts.policies import refusal
from turnout.api.event_registrations import PeopleFilter, PeopleViews
from turnout.api.fields import read
from turnout.api.permissions import SignedIn
from turnout.attendance.queries import shown_at_door
from turnout.events.policies import Right, may
from turnout.events.queries import find_for, standing
from turnout.registrations.badges import LAYOUT_NAMES, LONGEST_LINE, MOST, Wanted, badges, file_name
from turnout.registrations.models import Registration
from turnout.registrations.queries import find_for_team

_PDF = "application/pdf"


class BadgeSerializer(serializers.Serializer[Any]):
    """What a badge is to be like."""

    layout = serializers.ChoiceField(
        list(LAYOUT_NAMES.items()), default="a6", help_text="The label, or the sheet of labels."
    )
    question = serializers.UUIDField(
        required=False, allow_null=True, help_text="Whose answer stands under the name; not of type `file`."
    )
    line = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_LINE,
        help_text="What stands last, such as Speaker. Not sent: how they attend, if the event knows several ways.",
    )
    qr = serializers.BooleanField(default=False, help_text="Whether the ticket's QR code is on it, of who has one.")


class BadgesSerializer(BadgeSerializer):
    """What many badges are to be like."""

    start = serializers.IntegerField(
        default=1, min_value=1, help_text="With which label of the first sheet to begin, from 1: those before are gone."
    )
    page = serializers.IntegerField(
        required=False, min_value=1, max_value=10**6, help_text=f"Which part, where there are more than {MOST}; from 1."
    )


class BadgesFilter(PeopleFilter):
    """Of whom. Without `status` it is who has a seat; `registration` is one person in whatever status."""

    registration = filters.UUIDFilter(field_name="id")

    def filter_queryset(self, queryset: QuerySet[Registration]) -> QuerySet[Registration]:
        """Return who is asked for."""
        found: QuerySet[Registration] = super().filter_queryset(queryset)
        wanted = self.form.cleaned_data
        if wanted["status"] or wanted["registration"]:
            return found
        return found.filter(status=Registration.Status.CONFIRMED)


class BadgesView(PeopleViews):
    """Badges of everybody, or of some."""

    filterset_class = BadgesFilter
    pagination_class = None
    problems: ClassVar = {"get": (403, 409)}

    @extend_schema(
        operation_id="event_badges", parameters=[BadgesSerializer], responses={(200, _PDF): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, event_id: UUID) -> HttpResponse:
        """Return badges as PDF, by name: a page or a label each, on sheets one after the other.

        Of no more than 500 people at once: more are `too_many` at `page`, by which they are got in parts.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        wanted = Wanted(**_asked(BadgesSerializer, request))
        pdf = badges(event, self.found(request, event), wanted)
        disposition = content_disposition_header(as_attachment=True, filename=file_name(event, wanted))
        return HttpResponse(pdf, _PDF, headers={"Content-Disposition": disposition})


class BadgeView(APIView):
    """One badge, at the door."""

    permission_classes = (SignedIn,)

    @extend_schema(
        operation_id="registrations_badge", parameters=[BadgeSerializer], responses={(200, _PDF): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, registration_id: UUID) -> HttpResponse:
        """Return somebody's badge as PDF. For the event's whole team: it is printed where people are let in."""
        registration = find_for_team(Right.CHECK_IN, request.user, registration_id)
        wanted = Wanted(**_asked(BadgeSerializer, request))
        _check_shown(request, registration, wanted)
        pdf = badges(registration.event, Registration.objects.filter(pk=registration.pk), wanted)
        name = f'inline; filename="badge-{registration.pk}.pdf"'
        return HttpResponse(pdf, _PDF, headers={"Content-Disposition": name})


def _check_shown(request: Request, registration: Registration, wanted: Wanted) -> None:
    """ForbiddenError where a scanner asks for a ticket, or for what is not marked to be seen at the door."""
    if may(standing(registration.event, request.user), Right.EDIT):
        return
    if wanted.qr or (wanted.question is not None and wanted.question not in shown_at_door(registration.event_id)):
        raise refusal(request.user)


def _asked(kind: type[BadgeSerializer], request: Request) -> dict[str, Any]:
    """Return what was asked for; an empty parameter asks for nothing, but for an empty line."""
    sent = request.query_params.items()
    return read(kind(data={name: value for name, value in sent if value or name == "line"}))
