"""One's own second factor."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.accounts.actions import second_factor
from turnout.api.fields import read
from turnout.api.permissions import SignedIn, caller

_LONGEST_CODE = 40


class BeginSerializer(serializers.Serializer[Any]):
    """Nothing, or a code of the second factor that is to be replaced."""

    otp = serializers.CharField(max_length=_LONGEST_CODE, required=False)


class OtpSerializer(serializers.Serializer[Any]):
    """A code."""

    otp = serializers.CharField(
        max_length=_LONGEST_CODE, help_text="The authenticator app's present code, or a recovery code."
    )


class EnrolmentSerializer(serializers.Serializer[Any]):
    """What an authenticator app must know."""

    otpauth_url = serializers.CharField(help_text="As a QR code, for the app to scan.")
    secret = serializers.CharField(help_text="The same secret in base32, to be typed.")


class RecoveryCodesSerializer(serializers.Serializer[Any]):
    """Ways in for who has lost the app: each works once, and they are shown once."""

    recovery_codes = serializers.ListField(child=serializers.CharField())


class TwoFactorView(APIView):
    """Where a second factor is begun, and switched off."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409, 429), "delete": (403, 409, 429)}

    @extend_schema(operation_id="me_two_factor_begin", request=BeginSerializer, responses={200: EnrolmentSerializer})
    def post(self, request: Request) -> Response:
        """Begin to set up an authenticator app. Nothing changes before a code of it is confirmed."""
        enrolment = second_factor.begin(caller(request), **read(BeginSerializer(data=request.data)))
        return Response(EnrolmentSerializer(enrolment).data)

    @extend_schema(operation_id="me_two_factor_disable", request=OtpSerializer, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Switch the second factor off, by a code of it. Staff can't."""
        second_factor.disable(caller(request), _otp(request))
        return Response(status=204)


class TwoFactorConfirmView(APIView):
    """Where a second factor is switched on."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(
        operation_id="me_two_factor_confirm", request=OtpSerializer, responses={200: RecoveryCodesSerializer}
    )
    def post(self, request: Request) -> Response:
        """Switch it on, by a code of the app; the answer shows the recovery codes, once."""
        codes = second_factor.confirm(caller(request), _otp(request))
        return Response(RecoveryCodesSerializer({"recovery_codes": codes}).data)


def _otp(request: Request) -> str:
    otp: str = read(OtpSerializer(data=request.data))["otp"]
    return otp
