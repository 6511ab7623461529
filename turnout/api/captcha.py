"""CAPTCHA: what a client needs to show that nobody there is a program."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import read
from turnout.guard import captcha
from turnout.registrations.attacks.queries import under_attack


class ChallengeParametersSerializer(serializers.Serializer[Any]):
    """What ALTCHA's widget works on: the counter from which PBKDF2 makes a key that begins with the prefix."""

    algorithm = serializers.CharField()
    nonce = serializers.CharField()
    salt = serializers.CharField()
    cost = serializers.IntegerField()
    keyLength = serializers.IntegerField()  # noqa: N815  # its name
    keyPrefix = serializers.CharField()  # noqa: N815
    keySignature = serializers.CharField()  # noqa: N815
    expiresAt = serializers.IntegerField(help_text="Seconds since 1970.")  # noqa: N815


class CaptchaSerializer(serializers.Serializer[Any]):
    """Who asks, and what is needed to answer. `none`: nothing is asked."""

    provider = serializers.ChoiceField(["altcha", "recaptcha", "turnstile", "none"])
    site_key = serializers.CharField(required=False, help_text="reCAPTCHA and Turnstile.")
    version = serializers.IntegerField(required=False, help_text="reCAPTCHA: 2, or 3.")
    parameters = ChallengeParametersSerializer(required=False, help_text="ALTCHA.")
    signature = serializers.CharField(required=False, help_text="ALTCHA.")


class AskedForSerializer(serializers.Serializer[Any]):
    """What a CAPTCHA is asked for."""

    event = serializers.UUIDField(
        required=False, help_text="To register there: under attack one is asked for where else none is."
    )


class CaptchaView(APIView):
    """Where a client asks."""

    permission_classes = (AllowAny,)
    authentication_classes = ()  # the same for everybody

    @extend_schema(operation_id="captcha", parameters=[AskedForSerializer], responses={200: CaptchaSerializer})
    def get(self, request: Request) -> Response:
        """Say which CAPTCHA is asked for. Its answer is sent as `captcha`.

        ALTCHA: a fresh challenge for ten minutes; the answer is what its widget gives. reCAPTCHA v3 and Turnstile: the
        action is `registration`, `signup`, `login` or `password_reset`.
        """
        always = under_attack(read(AskedForSerializer(data=request.query_params)).get("event"))
        return Response(captcha.challenge(always=always), headers={"Cache-Control": "no-store"})
