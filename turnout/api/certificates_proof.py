"""The certificate that a registration is to bring, for its holder to look at and to put their name right."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.certificates import PDF, attached, said
from turnout.api.fields import NameField, read
from turnout.api.permissions import actor_of
from turnout.api.registrations import TOKEN_IN_HEADER, TOKEN_IN_QUERY, GuestView, held
from turnout.certificates.actions.naming import correct_name
from turnout.certificates.documents import proof
from turnout.certificates.proofs import proof_of
from turnout.core.errors import ConflictError
from turnout.core.text import file_name
from turnout.registrations.models import Registration


class ProofSerializer(serializers.Serializer[Any]):
    """What it says, or will say as things stand; null in that once it was erased."""

    state = serializers.ChoiceField(["proof", "issued"])
    full_name = serializers.CharField(allow_null=True)
    title = serializers.CharField(allow_null=True, help_text="What the paper is called.")
    text = serializers.CharField(allow_null=True, help_text="What the holder did.")
    event = serializers.CharField(allow_null=True, help_text="Its title.")
    date = serializers.DateField(allow_null=True)
    hours = serializers.FloatField(allow_null=True, help_text="As long as they were there, until now.")
    criteria = serializers.CharField(allow_null=True, help_text="By what it is earned.")
    earned = serializers.BooleanField(help_text="Whether they were there as long as is asked, by now.")
    certificate = serializers.UUIDField(allow_null=True, help_text="Its id, once it is issued.")
    proof = serializers.CharField(allow_null=True, help_text="Where it is as PDF, until it is issued.")


class OwnNameSerializer(serializers.Serializer[Any]):
    """The name as it should be, and the holder's key, where it is not in the header."""

    full_name = NameField()
    token = serializers.CharField(max_length=200, required=False)


class ProofView(GuestView):
    """What somebody's certificate says."""

    problems: ClassVar = {"get": (409,), "patch": (409,)}

    @extend_schema(
        operation_id="registrations_certificate",
        responses={200: ProofSerializer},
        parameters=[TOKEN_IN_HEADER, TOKEN_IN_QUERY],
    )
    def get(self, request: Request, registration_id: UUID) -> Response:
        """Show it, as it was issued or as it will be. For the holder, and the event's owner and managers."""
        return Response(_shown(held(request, registration_id)))

    @extend_schema(
        operation_id="registrations_certificate_name",
        request=OwnNameSerializer,
        responses={200: ProofSerializer},
        parameters=[TOKEN_IN_HEADER],
    )
    def patch(self, request: Request, registration_id: UUID) -> Response:
        """Put the name right, of the registration too, until it is issued; the event may be over.

        For the holder, and the event's owner and managers.
        """
        registration = held(request, registration_id)
        name = read(OwnNameSerializer(data=request.data))["full_name"]
        return Response(_shown(correct_name(registration, name, actor=actor_of(request))))


class ProofFileView(GuestView):
    """The same as a PDF."""

    problems: ClassVar = {"get": (409,)}

    @extend_schema(
        operation_id="registrations_certificate_pdf",
        responses={(200, PDF): OpenApiTypes.BINARY},
        parameters=[TOKEN_IN_HEADER, TOKEN_IN_QUERY],
    )
    def get(self, request: Request, registration_id: UUID) -> HttpResponse:
        """Return the proof, marked as one. Once it is issued there is none: `certificate_issued`."""
        found = proof_of(held(request, registration_id))
        if found.certificate is not None or found.says is None:
            raise ConflictError(_("It is issued: get the certificate itself."), "certificate_issued")
        name = f"{file_name(found.says.event)} - {file_name(found.says.name)}.pdf"
        return HttpResponse(proof(found.says), PDF, headers=attached(name, inline=True))


def _shown(registration: Registration) -> Any:
    found = proof_of(registration)
    issued = found.certificate
    path_to_proof = f"{settings.PUBLIC_BASE_URL}/api/registrations/{registration.pk}/certificate.pdf"
    answer = {
        **said(found.says),
        "state": "proof" if issued is None else "issued",
        "earned": found.earned,
        "certificate": None if issued is None else issued.pk,
        "proof": path_to_proof if issued is None else None,
    }
    return ProofSerializer(answer).data


urlpatterns = [
    path("registrations/<uuid:registration_id>/certificate/", ProofView.as_view()),
    path("registrations/<uuid:registration_id>/certificate.pdf", ProofFileView.as_view()),
]
