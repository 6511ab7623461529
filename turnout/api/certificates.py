"""Certificates to whoever has their id: what they say, what that is worth, and the documents. And one's own."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from django.utils.http import content_disposition_header
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.permissions import SignedIn
from turnout.api.throttles import throttled
from turnout.certificates.credentials import MEDIA_TYPE as CREDENTIAL
from turnout.certificates.credentials import credential_of
from turnout.certificates.documents import document_of
from turnout.certificates.links import linkedin
from turnout.certificates.models import Certificate, Role, Standing, Version
from turnout.certificates.queries import chain, find_version
from turnout.certificates.snapshots import Snapshot
from turnout.core.errors import GoneError, NotFoundError
from turnout.core.text import file_name

PDF = "application/pdf"
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_VERSION = OpenApiParameter("version", int, description="One that was superseded, by its number. Default: what holds.")
# Nobody keeps an answer: that one was revoked is seen at once. And no search engine lists people by what they attended.
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


class PartSerializer(serializers.Serializer[Any]):
    """A session that was attended."""

    title = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class VersionSerializer(serializers.ModelSerializer[Version]):
    """One of the versions behind an id."""

    version = serializers.IntegerField(source="number")
    status = serializers.ChoiceField(Standing.choices, source="standing")
    reason = serializers.SerializerMethodField()

    class Meta:
        model = Version
        fields: ClassVar = ["version", "issued_at", "status", "reason"]

    def get_reason(self, version: Version) -> str | None:
        """Why it superseded the one before; empty for the first, null once erased."""
        return None if version.snapshot is None else version.reason


class CertificateSerializer(serializers.Serializer[Any]):
    """What a certificate says; null in all of it once its holder erased themselves."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    status = serializers.ChoiceField(Standing.choices)
    full_name = serializers.CharField(allow_null=True, help_text="Null of a superseded version, too: it was corrected.")
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    title = serializers.CharField(allow_null=True, help_text="What the paper is called.")
    text = serializers.CharField(allow_null=True, help_text="What the holder did.")
    event = serializers.CharField(allow_null=True, help_text="Its title.")
    issuer = serializers.CharField(allow_null=True)
    location = serializers.CharField(allow_null=True, allow_blank=True)
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    timezone = serializers.CharField(allow_null=True)
    date = serializers.DateField(allow_null=True, help_text="On which it began, where the event is.")
    hours = serializers.FloatField(allow_null=True, help_text="Credited; null where nothing is said of them.")
    criteria = serializers.CharField(allow_null=True, help_text="By what it was earned.")
    sessions = PartSerializer(many=True, allow_null=True)
    issued_at = serializers.DateTimeField(help_text="Of this version.")
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_reason = serializers.CharField(allow_null=True)
    verify_url = serializers.CharField()
    pdf = serializers.CharField(allow_null=True, help_text="Where the document is; null unless it is valid.")
    credential = serializers.CharField(allow_null=True, help_text="Where the credential is; null unless it is valid.")
    linkedin = serializers.CharField(allow_null=True, help_text="Where the holder adds it to their profile.")


class CheckedCertificateSerializer(CertificateSerializer):
    """The same, with all its versions."""

    versions = VersionSerializer(many=True, help_text="The newest first.")


def shown(version: Version) -> dict[str, Any]:
    """Return what a version says and is worth, in the words of the API."""
    certificate, standing = version.certificate, version.standing
    return {
        "id": certificate.pk,
        "version": version.number,
        "status": standing,
        **said(version.told),
        "issued_at": version.issued_at,
        "revoked_at": certificate.revoked_at if standing == Standing.REVOKED else None,
        "revoked_reason": certificate.revoked_reason if standing == Standing.REVOKED else None,
        "verify_url": certificate.address(),
        **_links(version),
    }


def said(says: Snapshot | None) -> dict[str, Any]:
    """Return what stands on the paper; null in all of it where that was erased."""
    names = ("role", "title", "text", "event", "issuer", "location", "starts_at", "ends_at", "timezone", "criteria")
    if says is None:
        return dict.fromkeys([*names, "full_name", "date", "hours", "sessions"])
    return {
        **{name: getattr(says, name) for name in names},
        "full_name": says.name or None,
        "date": localtime(says.starts_at, ZoneInfo(says.timezone)).date(),
        "hours": says.hours,
        "sessions": says.sessions,
    }


def _links(version: Version) -> dict[str, str | None]:
    if version.standing != Standing.VALID:
        return dict.fromkeys(["pdf", "credential", "linkedin"])
    here = f"{settings.PUBLIC_BASE_URL}/api/certificates/{version.certificate_id}"
    return {"pdf": f"{here}/pdf/", "credential": f"{here}/credential/", "linkedin": linkedin(version)}


class PublicView(APIView):
    """What whoever has the id may ask, as often as a network may."""

    permission_classes = (AllowAny,)
    authentication_classes: Sequence[Any] = ()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep it out of caches and search engines."""
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return super().finalize_response(request, response, *args, **kwargs)

    def asked(self, request: Request, certificate_id: UUID) -> Version:
        """Return the version asked for; NotFoundError where there is none."""
        number = request.query_params.get("version")
        if number is not None and not _NUMBER.fullmatch(number):
            raise NotFoundError
        return find_version(certificate_id, None if number is None else int(number))

    def valid(self, request: Request, certificate_id: UUID) -> Version:
        """Return it where it is valid; GoneError `certificate_revoked`, `certificate_superseded`, `certificate_erased`.

        What is worth nothing is not handed out as if it were.
        """
        version = self.asked(request, certificate_id)
        reasons = {
            Standing.REVOKED: _("This certificate was revoked."),
            Standing.SUPERSEDED: _("This certificate was corrected: there is a newer version."),
            Standing.ERASED: _("Its holder has erased it."),
        }
        if version.standing in reasons:
            raise GoneError(reasons[version.standing], f"certificate_{version.standing}")
        return version


class CertificateView(PublicView):
    """What a certificate says, and what that is worth now."""

    problems: ClassVar = {"get": (429,)}

    @extend_schema(
        operation_id="certificates_retrieve", parameters=[_VERSION], responses={200: CheckedCertificateSerializer}
    )
    @throttled("certificate")
    def get(self, request: Request, certificate_id: UUID) -> Response:
        """Verify it: valid, superseded, revoked with its reason, or erased. It says what its paper says, no more."""
        version = self.asked(request, certificate_id)
        versions = chain(version.certificate)
        for each in versions:
            each.certificate = version.certificate
        return Response(CheckedCertificateSerializer({**shown(version), "versions": versions}).data)


class DocumentView(PublicView):
    """The document."""

    problems: ClassVar = {"get": (410, 429)}

    @extend_schema(operation_id="certificates_pdf", parameters=[_VERSION], responses={(200, PDF): OpenApiTypes.BINARY})
    @throttled("certificate")
    def get(self, request: Request, certificate_id: UUID) -> HttpResponse:
        """Return the PDF. 410 for what was revoked, superseded or erased."""
        version = self.valid(request, certificate_id)
        name = f"{file_name(version.says.event)} - {file_name(version.says.name)}.pdf"
        return HttpResponse(document_of(version), PDF, headers=attached(name, inline=True))


class CredentialView(PublicView):
    """The credential."""

    problems: ClassVar = {"get": (410, 429)}

    @extend_schema(
        operation_id="certificates_credential",
        parameters=[_VERSION],
        responses={(200, CREDENTIAL): OpenApiTypes.OBJECT},
    )
    @throttled("certificate")
    def get(self, request: Request, certificate_id: UUID) -> HttpResponse:
        """Return the Open Badges 3.0 credential, signed. 410 for what was revoked, superseded or erased."""
        version = self.valid(request, certificate_id)
        name = f"{file_name(version.says.event)}.json"
        return HttpResponse(credential_of(version), CREDENTIAL, headers=attached(name, inline=True))


class OwnView(generics.GenericAPIView[Version]):
    """One's own certificates."""

    permission_classes = (SignedIn,)
    queryset: QuerySet[Version] = Version.objects.none()  # tells the schema of which model the ids are

    @extend_schema(operation_id="me_certificates", responses={200: CertificateSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Show what was issued to the address one signed in with, the latest first."""
        held = Certificate.objects.held_by(request.user).values("pk")
        current = Version.objects.current().select_related("certificate").filter(certificate__in=held)
        rows = self.paginate_queryset(current.order_by("-id")) or []
        return self.get_paginated_response(CertificateSerializer([shown(each) for each in rows], many=True).data)


def attached(name: str, *, inline: bool = False) -> dict[str, str]:
    """Return the header that gives a file this name, whatever script that is in."""
    return {"Content-Disposition": content_disposition_header(as_attachment=not inline, filename=name) or ""}


urlpatterns = [
    path("certificates/<uuid:certificate_id>/", CertificateView.as_view()),
    path("certificates/<uuid:certificate_id>/pdf/", DocumentView.as_view()),
    path("certificates/<uuid:certificate_id>/credential/", CredentialView.as_view()),
    path("me/certificates/", OwnView.as_view()),
]
