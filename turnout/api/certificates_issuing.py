"""Issuing certificates, correcting and revoking them: for an event's owner and managers."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.urls import path
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.certificates import attached
from turnout.api.certificates_rules import HoursField
from turnout.api.event_filters import TextFilter
from turnout.api.event_input import LanguageField
from turnout.api.fields import AddressField, IdField, NameField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.permissions import SignedIn, actor_of
from turnout.certificates.actions import Named, correct, issue_by_hand, issue_earned, issue_to_each, revoke
from turnout.certificates.collecting import collected
from turnout.certificates.models import Certificate, CertificateQuerySet, Role, Standing
from turnout.certificates.queries import find_to_change
from turnout.core.archives import zipped
from turnout.core.errors import ConflictError
from turnout.core.text import file_name
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for

_ZIP = "application/zip"
_LONGEST_REASON = 500
_MOST_NAMED = 1000


class IssuedSerializer(serializers.ModelSerializer[Certificate]):
    """A certificate as the event's team sees it."""

    registration = serializers.UUIDField(source="registration_id", allow_null=True)
    email = serializers.CharField(allow_blank=True, help_text="Empty: nobody is told.")
    full_name = serializers.CharField(allow_blank=True, help_text="Empty once erased.")
    version = serializers.IntegerField(source="current", help_text="From 1; each correction makes a new one.")
    status = serializers.ChoiceField(Standing.choices, source="standing")
    verify_url = serializers.CharField(source="address")

    class Meta:
        model = Certificate
        fields: ClassVar = [
            "id",
            "registration",
            "role",
            "full_name",
            "email",
            "language",
            "version",
            "status",
            "issued_at",
            "revoked_at",
            "revoked_reason",
            "verify_url",
        ]


class IssueSerializer(serializers.Serializer[Any]):
    """To whom."""

    registrations = serializers.ListField(
        child=IdField(),
        required=False,
        max_length=_MOST_NAMED,
        help_text="To these, all or none. Not sent: to everybody who has earned one, and has none.",
    )


class IssuingSerializer(serializers.Serializer[Any]):
    """What was issued by this."""

    issued = serializers.IntegerField()
    certificates = IssuedSerializer(many=True)


class NamedSerializer(serializers.Serializer[Any]):
    """Somebody whom the team certifies by hand."""

    role = serializers.ChoiceField(Role.choices, help_text="Not `participant`: those earn theirs.")
    full_name = NameField()
    email = AddressField(required=False, allow_blank=True, help_text="Where they are told. Empty: nowhere.")
    language = LanguageField(required=False, allow_blank=True, max_length=12, help_text="Default: the event's.")
    hours = HoursField(required=False, allow_null=True)


class ReasonSerializer(serializers.Serializer[Any]):
    """Why; everybody who verifies it reads this."""

    reason = serializers.CharField(max_length=_LONGEST_REASON)


class CorrectionSerializer(ReasonSerializer):
    """The right name."""

    full_name = NameField()


class CollectedFilter(filters.FilterSet):
    """Which of the event's. An empty parameter filters nothing, an unknown one is ignored."""

    role = filters.ChoiceFilter(choices=Role.choices)
    q = TextFilter(method="find", label="Every word, as the beginning of a word of the name; or a part of the address.")

    def find(self, found: CertificateQuerySet, _name: str, text: str) -> QuerySet[Certificate]:
        """Search."""
        return found.matching(text)


class IssuedFilter(CollectedFilter):
    """The same, and what they are worth."""

    status = filters.ChoiceFilter(choices=Standing.choices, method="stand")

    def stand(self, found: CertificateQuerySet, _name: str, standing: str) -> QuerySet[Certificate]:
        """Ask what they are worth."""
        return found.standing(standing)


class TeamViews(generics.GenericAPIView[Certificate]):
    """What all views here share."""

    permission_classes = (SignedIn,)
    queryset = Certificate.objects.none()  # tells the schema of which model the ids are

    def found(self, event: Event) -> CertificateQuerySet:
        """Return those of the event that are asked for."""
        return cast("CertificateQuerySet", self.filter_queryset(Certificate.objects.filter(event=event)))


class IssuedView(TeamViews):
    """An event's certificates."""

    filterset_class = IssuedFilter
    problems: ClassVar = {"get": (403,), "post": (409, 429)}

    @extend_schema(operation_id="event_certificates_list", responses={200: IssuedSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show them, the latest first. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        rows = self.paginate_queryset(self.found(event).order_by("-issued_at", "-id")) or []
        return self.get_paginated_response(IssuedSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="event_certificates_create",
        request=NamedSerializer,
        responses={201: IssuedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Certify a speaker, an organiser or a volunteer, by hand. For the event's owner and managers.

        Who has one in this role keeps that: they are known by their address, or without one by their name.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        fields = read(NamedSerializer(data=request.data))
        role = Role(fields.pop("role"))
        certificate = issue_by_hand(event, role, Named(**fields), actor=actor_of(request))
        return Response(IssuedSerializer(certificate).data, status=201)


class IssueView(TeamViews):
    """Where participants get theirs."""

    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="event_certificates_issue",
        request=IssueSerializer,
        responses={200: IssuingSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Issue to everybody who has earned one, or to who is named; again, it issues what is missing.

        After the event alone. Where the event leaves it to the team, only to who is named. For its owner and managers.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        named = read(IssueSerializer(data=request.data)).get("registrations")
        actor = actor_of(request)
        issued = issue_earned(event, actor=actor) if named is None else issue_to_each(event, named, actor=actor)
        return Response(IssuingSerializer({"issued": len(issued), "certificates": issued}).data)


class DownloadView(TeamViews):
    """All documents at once."""

    filterset_class = CollectedFilter
    pagination_class = None
    problems: ClassVar = {"get": (403, 409)}

    @extend_schema(operation_id="event_certificates_download", responses={(200, _ZIP): OpenApiTypes.BINARY})
    def get(self, request: Request, event_id: UUID) -> StreamingHttpResponse:
        """Return the documents of all that are valid as a ZIP archive, by name. For the event's owner and managers.

        One that can't be made is named in `MISSING.txt` there.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        certificates = self.found(event).valid()
        if not certificates.exists():
            raise ConflictError(_("There is no certificate to download."), "nobody")
        name = f"{file_name(event.title)}.zip"
        return StreamingHttpResponse(zipped(collected(certificates)), content_type=_ZIP, headers=attached(name))


class RevokeView(APIView):
    """Where a certificate ends."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(operation_id="certificates_revoke", request=ReasonSerializer, responses={200: IssuedSerializer})
    def post(self, request: Request, certificate_id: UUID) -> Response:
        """Revoke it for good; whoever verifies it sees that at once, and why. For the event's owner and managers."""
        certificate = find_to_change(certificate_id, request.user)
        reason = read(ReasonSerializer(data=request.data))["reason"]
        return Response(IssuedSerializer(revoke(certificate, reason, actor=actor_of(request))).data)


class CorrectView(APIView):
    """Where a name is put right after it was issued."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="certificates_correct",
        request=CorrectionSerializer,
        responses={200: IssuedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, certificate_id: UUID) -> Response:
        """Supersede it by the same with another name, at the same address. For the event's owner and managers.

        Whoever verifies it sees all its versions, and why there is another.
        """
        certificate = find_to_change(certificate_id, request.user)
        fields = read(CorrectionSerializer(data=request.data))
        corrected = correct(certificate, fields["full_name"], fields["reason"], actor=actor_of(request))
        return Response(IssuedSerializer(corrected).data)


urlpatterns = [
    path("events/<uuid:event_id>/certificates/", IssuedView.as_view()),
    path("events/<uuid:event_id>/certificates/issue/", IssueView.as_view()),
    path("events/<uuid:event_id>/certificates/download/", DownloadView.as_view()),
    path("certificates/<uuid:certificate_id>/revoke/", RevokeView.as_view()),
    path("certificates/<uuid:certificate_id>/correct/", CorrectView.as_view()),
]
