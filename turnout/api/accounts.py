"""Accounts: signing up and in."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.accounts.actions import passwords, sessions, sign_up
from turnout.accounts.models import CODE_LIVES, Role, User
from turnout.accounts.passwords import LONGEST_PASSWORD
from turnout.accounts.policies import role_of
from turnout.api.fields import AddressField, CaptchaField, NameField, read
from turnout.api.throttles import throttled
from turnout.api.tokens import read_refresh, tokens_of
from turnout.certificates.actions import people
from turnout.guard import captcha
from turnout.guard.addresses import network
from turnout.registrations.attacks.queries import under_attack

_LONGEST_TOKEN = 2000
_CODE_SECONDS = int(CODE_LIVES.total_seconds())


class PasswordField(serializers.CharField):
    """A password, as it was typed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_PASSWORD, trim_whitespace=False, **options)


class SignUpSerializer(serializers.Serializer[Any]):
    """Who signs up."""

    email = AddressField()
    password = PasswordField(write_only=True)
    role = serializers.ChoiceField(Role.choices, required=False, default=Role.SEEKER)
    name = NameField(required=False, allow_blank=True, default="")
    captcha = CaptchaField()


class VerificationSerializer(serializers.Serializer[Any]):
    """Where the code went, and for how many seconds it is worth something."""

    channel = serializers.CharField()
    expires_in = serializers.IntegerField()


class SignedUpSerializer(serializers.Serializer[Any]):
    """An attempt to sign up."""

    email = serializers.CharField()
    role = serializers.ChoiceField(Role.choices)
    signup_id = serializers.UUIDField()
    verification = VerificationSerializer()


class CodeSerializer(serializers.Serializer[Any]):
    """A code from a mail."""

    email = AddressField()
    otp = serializers.CharField(max_length=20)
    signup_id = serializers.UUIDField(required=False)


class VerifiedSerializer(serializers.Serializer[Any]):
    """An address that is confirmed."""

    email = serializers.CharField()
    verified = serializers.BooleanField()


class ResendSerializer(serializers.Serializer[Any]):
    """Whose code is wanted anew."""

    email = AddressField()
    signup_id = serializers.UUIDField(required=False)


class LoginSerializer(serializers.Serializer[Any]):
    """Who signs in. `username` is accepted where `email` is."""

    email = AddressField()
    password = PasswordField(write_only=True)
    otp = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    captcha = CaptchaField(help_text="Wanted after too many failures, where one is switched on.")

    def to_internal_value(self, data: Mapping[str, Any]) -> Any:
        """Read `username` where there is no `email`."""
        named = data if "email" in data or "username" not in data else {**data, "email": data["username"]}
        return super().to_internal_value(named)


class UserSerializer(serializers.Serializer[User]):
    """Who is signed in. Staff have the role `staff`."""

    id = serializers.UUIDField()
    email = serializers.CharField()
    name = serializers.CharField()
    role = serializers.SerializerMethodField()

    def get_role(self, user: User) -> str:
        """`seeker`, `facilitator` or `staff`."""
        return role_of(user)


class TokensSerializer(serializers.Serializer[Any]):
    """A pair of tokens."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedInSerializer(TokensSerializer):
    """A pair of tokens, and whose they are."""

    user = UserSerializer()


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token."""

    refresh = serializers.CharField(max_length=_LONGEST_TOKEN)


class ResetSerializer(serializers.Serializer[Any]):
    """Whose password is forgotten."""

    email = AddressField()
    captcha = CaptchaField()


class NewPasswordSerializer(serializers.Serializer[Any]):
    """A new password, and the token from the mail."""

    token = serializers.CharField(max_length=200)
    password = PasswordField(write_only=True)


class AccountView(APIView):
    """What all views here share: open to strangers."""

    permission_classes = (AllowAny,)


class SignUpView(AccountView):
    """Where people sign up."""

    problems: ClassVar = {"post": (429,)}

    @extend_schema(operation_id="auth_signup", request=SignUpSerializer, responses={201: SignedUpSerializer})
    @throttled("signup")
    def post(self, request: Request) -> Response:
        """Sign up. A six-digit code is mailed; the account begins when it is verified."""
        sent, client = read(SignUpSerializer(data=request.data)), network(request.META)
        captcha.check(sent.pop("captcha"), client, purpose="signup", always=under_attack())
        attempt = sign_up.sign_up(sign_up.Newcomer(**sent, language=_language()), client=client)
        answer = {
            "email": attempt.email,
            "role": attempt.role,
            "signup_id": attempt.id,
            "verification": {"channel": "email", "expires_in": _CODE_SECONDS},
        }
        return Response(SignedUpSerializer(answer).data, status=201)


class VerifyView(AccountView):
    """Where codes are shown."""

    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(operation_id="auth_verify", request=CodeSerializer, responses={200: VerifiedSerializer})
    @throttled("verify")
    def post(self, request: Request) -> Response:
        """Confirm the address of an attempt to sign up, or, signed in, one's own new address."""
        sent = read(CodeSerializer(data=request.data))
        code, client = "".join(sent["otp"].split()), network(request.META)
        if isinstance(request.user, User) and "signup_id" not in sent:
            user = people.confirm_address(request.user, sent["email"], code, client=client)
        else:
            user = sign_up.verify(sent["email"], code, signup_id=sent.get("signup_id"), client=client)
        return Response(VerifiedSerializer({"email": user.email, "verified": True}).data)


class ResendView(AccountView):
    """Where a new code is asked for."""

    problems: ClassVar = {"post": (429,)}

    @extend_schema(operation_id="auth_verify_resend", request=ResendSerializer, responses={202: None})
    @throttled("signup")
    def post(self, request: Request) -> Response:
        """Mail a new code, at most one a minute; the old one is void. The answer is always the same."""
        sent = read(ResendSerializer(data=request.data))
        sign_up.resend(sent["email"], signup_id=sent.get("signup_id"), client=network(request.META))
        return Response(status=202)


class LoginView(AccountView):
    """Where people sign in."""

    problems: ClassVar = {"post": (429,)}

    @extend_schema(operation_id="auth_login", request=LoginSerializer, responses={200: SignedInSerializer})
    @throttled("login")
    def post(self, request: Request) -> Response:
        """Sign in with address, password and, where the account has one, the second factor."""
        sent = read(LoginSerializer(data=request.data))
        answer = sent.pop("captcha")
        session = sessions.sign_in(**sent, client=network(request.META), answer=answer)
        return Response(SignedInSerializer({**tokens_of(session), "user": session.family.user}).data)


@extend_schema_view(post=extend_schema(operation_id="token_create"))
class TokenView(LoginView):
    """The same door under seed A's name."""


class RefreshView(AccountView):
    """Where tokens are renewed."""

    @extend_schema(operation_id="auth_refresh", request=RefreshSerializer, responses={200: TokensSerializer})
    def post(self, request: Request) -> Response:
        """Renew both tokens. A refresh token is used once: one that is used again ends the session."""
        family, secret = read_refresh(read(RefreshSerializer(data=request.data))["refresh"])
        return Response(TokensSerializer(tokens_of(sessions.rotate(family, secret))).data)


@extend_schema_view(post=extend_schema(operation_id="token_refresh"))
class TokenRefreshView(RefreshView):
    """The same door under seed A's name."""


class LogoutView(AccountView):
    """Where people sign out."""

    @extend_schema(operation_id="auth_logout", request=RefreshSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the session that the refresh token is of."""
        family, _secret = read_refresh(read(RefreshSerializer(data=request.data))["refresh"])
        sessions.sign_out(family)
        return Response(status=204)


class ResetView(AccountView):
    """Where people go who forgot their password."""

    problems: ClassVar = {"post": (429,)}

    @extend_schema(operation_id="auth_password_reset", request=ResetSerializer, responses={202: None})
    @throttled("signup")
    def post(self, request: Request) -> Response:
        """Mail a link to set a new password. The answer is always the same."""
        sent, client = read(ResetSerializer(data=request.data)), network(request.META)
        captcha.check(sent["captcha"], client, purpose="password_reset", always=under_attack())
        passwords.ask_reset(sent["email"], language=_language(), client=client)
        return Response(status=202)


class NewPasswordView(AccountView):
    """Where the link in the mail leads."""

    problems: ClassVar = {"post": (410, 429)}

    @extend_schema(operation_id="auth_password_reset_confirm", request=NewPasswordSerializer, responses={204: None})
    @throttled("verify")
    def post(self, request: Request) -> Response:
        """Set a new password; all sessions end."""
        sent = read(NewPasswordSerializer(data=request.data))
        passwords.reset_password(sent["token"], sent["password"])
        return Response(status=204)


def _language() -> str:
    return get_language() or "en"
