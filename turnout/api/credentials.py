"""What whoever verifies credentials fetches: our public keys, and the lists of what was revoked."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from turnout.certificates.credentials import MEDIA_TYPE, did_document, status_list

DID_MEDIA_TYPE = "application/did+json"
# Wallets read these from within their own pages, as anybody may.
_OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_A_MINUTE, _ASK_AGAIN = "public, max-age=60", "public, no-cache"  # what was revoked is seen at once
_once = method_decorator(conditional_page, name="dispatch")


class KeySerializer(serializers.Serializer[Any]):
    """A public key (Multikey)."""

    id = serializers.CharField()
    type = serializers.CharField(help_text="`Multikey`.")
    controller = serializers.CharField()
    publicKeyMultibase = serializers.CharField()  # noqa: N815  # its name


class DidSerializer(serializers.Serializer[Any]):
    """A DID document."""

    id = serializers.CharField(help_text="`did:web:` and our host.")
    verificationMethod = KeySerializer(many=True, help_text="Every key that ever signed.")  # noqa: N815
    assertionMethod = serializers.ListField(child=serializers.CharField())  # noqa: N815

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the name that is none in Python."""
        return {"@context": serializers.ListField(child=serializers.CharField()), **super().get_fields()}


class StatusListSerializer(serializers.Serializer[Any]):
    """A Bitstring Status List, as a credential."""

    id = serializers.CharField()
    type = serializers.ListField(child=serializers.CharField())
    issuer = serializers.DictField()
    validFrom = serializers.DateTimeField()  # noqa: N815
    credentialSubject = serializers.DictField()  # noqa: N815
    proof = serializers.DictField()


@_once
class DidView(APIView):
    """Who we are, to whoever verifies what we signed (did:web)."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(operation_id="did", tags=["credentials"], responses={(200, DID_MEDIA_TYPE): DidSerializer})
    def get(self, _request: Request) -> HttpResponse:
        """Return our DID document. All keys that ever signed are in it, so that old credentials stay verifiable."""
        return _document(did_document(), DID_MEDIA_TYPE, _A_MINUTE)


@_once
class StatusListView(APIView):
    """What was revoked, a bit for each credential."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    problems: ClassVar = {"get": (404,)}

    @extend_schema(operation_id="credentials_status", responses={(200, MEDIA_TYPE): StatusListSerializer})
    def get(self, _request: Request, number: int) -> HttpResponse:
        """Return a list, signed. Which one a credential is in, and at which place, stands in the credential."""
        return _document(status_list(number), MEDIA_TYPE, _ASK_AGAIN)


def _document(document: Mapping[str, Any], media_type: str, kept: str) -> HttpResponse:
    return HttpResponse(json.dumps(document), media_type, headers={**_OPEN, "Cache-Control": kept})
