"""One's own account."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.accounts.actions import profile
from turnout.accounts.models import User
from turnout.accounts.queries import has_second_factor
from turnout.api.accounts import UserSerializer
from turnout.api.fields import AddressField, NameField, read
from turnout.api.permissions import SignedIn, caller
from turnout.core.text import address_key
from turnout.privacy.actions import erase
from turnout.privacy.queries import export


class MeSerializer(UserSerializer):
    """One's own account."""

    language = serializers.ChoiceField(settings.LANGUAGES)
    two_factor = serializers.SerializerMethodField()
    date_joined = serializers.DateTimeField()

    def get_two_factor(self, user: User) -> bool:
        """Whether a second factor is asked for."""
        return has_second_factor(user)


class ChangeMeSerializer(serializers.Serializer[Any]):
    """What one may change. A new `email` counts once the code that is mailed there is verified."""

    name = NameField(required=False, allow_blank=True)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    email = AddressField(required=False)


class EraseSerializer(serializers.Serializer[Any]):
    """What is to be kept."""

    keep_certificates = serializers.BooleanField(required=False, default=False)


class MeView(APIView):
    """One's own account."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"patch": (429,), "delete": (409,)}

    @extend_schema(operation_id="me_retrieve", responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        """Show it."""
        return Response(MeSerializer(caller(request)).data)

    @extend_schema(
        operation_id="me_change",
        request=ChangeMeSerializer,
        responses={200: MeSerializer, 202: OpenApiResponse(MeSerializer, "A code went to the new address.")},
    )
    def patch(self, request: Request) -> Response:
        """Change name or language; a new address gets a code first."""
        fields, user = read(ChangeMeSerializer(data=request.data)), caller(request)
        email = fields.pop("email", None)
        moves = email is not None and address_key(email) != user.email_key
        if moves:
            profile.ask_address(user, email)  # first, as it may refuse
        user = profile.change_profile(user, fields)
        return Response(MeSerializer(user).data, status=202 if moves else 200)

    @extend_schema(operation_id="me_erase", request=EraseSerializer, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Erase all personal data; anonymous totals stay, and certificates only if they are to be kept."""
        erase(caller(request), **read(EraseSerializer(data=request.data)))
        return Response(status=204)


class ExportView(APIView):
    """Everything held about oneself."""

    permission_classes = (SignedIn,)

    @extend_schema(operation_id="me_export", responses={200: dict[str, Any]})
    def get(self, request: Request) -> Response:
        """Return it as JSON."""
        return Response(export(caller(request)), headers={"Content-Disposition": 'attachment; filename="turnout.json"'})
