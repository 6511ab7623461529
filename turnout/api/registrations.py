"""Registrations: a guest's whole story."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import AddressField, CaptchaField, NameField, PhoneField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent_after
from turnout.api.permissions import actor_of
from turnout.api.questions import AnswersField
from turnout.api.throttles import throttled
from turnout.core.errors import NotFoundError
from turnout.core.languages import asked_for
from turnout.events.models import AttendanceType, Event
from turnout.guard import captcha
from turnout.guard.addresses import network
from turnout.media import vault
from turnout.registrations import actions
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.answers import values_of
from turnout.registrations.attacks.queries import under_attack
from turnout.registrations.models import Registration
from turnout.registrations.queries import find, position
from turnout.registrations.tickets import ticket_pdf, ticket_png, ticket_svg, ticket_text

TOKEN_HEADER = "X-Registration-Token"  # noqa: S105  # a header's name
TOKEN_IN_HEADER = OpenApiParameter(TOKEN_HEADER, str, OpenApiParameter.HEADER, description="The `manage_token`.")
TOKEN_IN_QUERY = OpenApiParameter("token", str, OpenApiParameter.QUERY, description="The same, for links.")


class EventBriefSerializer(serializers.ModelSerializer[Event]):
    """An event, on a registration for it."""

    class Meta:
        model = Event
        fields: ClassVar = ["title", "starts_at", "ends_at", "timezone", "location", "status"]


class EnrollmentSerializer(serializers.ModelSerializer[Registration]):
    """A registration as its holder sees it in a list: all but the ticket, which is signed one by one."""

    event = serializers.UUIDField(source="event_id", read_only=True)
    event_info = EventBriefSerializer(source="event", read_only=True)
    answers = serializers.SerializerMethodField()
    position = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()
    online_url = serializers.SerializerMethodField()

    class Meta:
        model = Registration
        fields: ClassVar = [
            "id",
            "status",
            "event",
            "event_info",
            "full_name",
            "email",
            "phone",
            "attendance_type",
            "answers",
            "position",
            "online_url",
            "created_at",
            "confirmed_at",
            "cancelled_at",
            "decided_at",
            "reason",
            "offer_expires_at",
            "asked_at",
            "answer_by",
            "coming_at",
        ]

    @extend_schema_field(AnswersField)
    def get_answers(self, registration: Registration) -> dict[str, object]:
        """What was answered, by the questions' ids; to a `file`, the upload's id."""
        return values_of(registration)

    def get_reason(self, registration: Registration) -> str:
        """What the team told who was declined; what it noted on approving is its own."""
        return registration.reason if registration.status == Registration.Status.DECLINED else ""

    def get_position(self, registration: Registration) -> int | None:
        """The place in line, from 1; null for who does not wait."""
        return registration.line_position if hasattr(registration, "line_position") else position(registration)

    def get_online_url(self, registration: Registration) -> str | None:
        """Where it takes place online; null for who holds no seat."""
        confirmed = registration.status == Registration.Status.CONFIRMED
        return (registration.event.online_url or None) if confirmed else None


class RegistrationSerializer(EnrollmentSerializer):
    """A registration as its holder sees it."""

    ticket = serializers.SerializerMethodField()

    class Meta(EnrollmentSerializer.Meta):
        fields: ClassVar = [*EnrollmentSerializer.Meta.fields, "ticket"]

    def get_ticket(self, registration: Registration) -> str | None:
        """The signed text for the QR code; null for who holds no seat."""
        return ticket_text(registration) if registration.status == Registration.Status.CONFIRMED else None


class ConfirmedSerializer(RegistrationSerializer):
    """A registration, and the key to it."""

    manage_token = serializers.CharField(read_only=True)

    class Meta(RegistrationSerializer.Meta):
        fields: ClassVar = [*RegistrationSerializer.Meta.fields, "manage_token"]


class NewRegistrationSerializer(serializers.Serializer[Any]):
    """What a guest sends. `workshop` and `event` are the same: one of them is needed."""

    workshop = serializers.UUIDField(required=False)
    event = serializers.UUIDField(required=False)
    full_name = NameField()
    email = AddressField()
    phone = PhoneField(required=False, allow_blank=True, default="")
    attendance_type = serializers.ChoiceField(AttendanceType.choices)
    answers = AnswersField(required=False)
    captcha = CaptchaField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the event among those the caller may know of."""
        named = "event" if "event" in attrs else "workshop"
        if named not in attrs:
            raise serializers.ValidationError({named: self.fields[named].error_messages["required"]}, "required")
        if attrs.get("event", attrs[named]) != attrs.get("workshop", attrs[named]):
            raise serializers.ValidationError({"workshop": "This is another event than `event`."}, "contradicts")
        visible = Event.objects.visible_to(self.context["request"].user)
        event = visible.filter(pk=attrs[named]).first()
        if event is None:
            message = "There is no event with this id."
            raise serializers.ValidationError({named: message}, "does_not_exist")
        return {**attrs, "event": event}


class RegistrationChangeSerializer(serializers.Serializer[Any]):
    """What the holder may change."""

    full_name = NameField(required=False)
    phone = PhoneField(required=False, allow_blank=True)
    attendance_type = serializers.ChoiceField(AttendanceType.choices, required=False)
    answers = AnswersField(required=False, help_text="What is not sent stays as it is; null takes an answer back.")


class TokenSerializer(serializers.Serializer[Any]):
    """The token from the confirmation mail."""

    token = serializers.CharField(max_length=200)


class HolderSerializer(serializers.Serializer[Any]):
    """The holder's key, where it is not in the header."""

    token = serializers.CharField(max_length=200, required=False)


class TicketSerializer(serializers.Serializer[Any]):
    """A ticket: the signed text, and what it is for."""

    ticket = serializers.SerializerMethodField()
    event = serializers.UUIDField(source="event_id")
    registration = serializers.UUIDField(source="id")

    def get_ticket(self, registration: Registration) -> str:
        """The signed text."""
        return ticket_text(registration)


class GuestView(APIView):
    """What all views here share: open to strangers, since a guest shows a key or a token."""

    permission_classes = (AllowAny,)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep keys in addresses from other sites."""
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return super().finalize_response(request, response, *args, **kwargs)


def _asked(_view: APIView, request: Request) -> dict[str, Any]:
    """Return what a guest asks for, once it is sound and they are no program."""
    fields = read(NewRegistrationSerializer(data=request.data, context={"request": request}))
    always = under_attack(fields["event"].id)
    captcha.check(fields["captcha"], network(request.META), purpose="registration", always=always)
    return fields


class RegistrationsView(GuestView):
    """Where guests register."""

    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(
        operation_id="registrations_create",
        request=NewRegistrationSerializer,
        responses={201: RegistrationSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @throttled("registration")
    @idempotent_after(_asked)
    def post(self, request: Request, fields: dict[str, Any]) -> Response:
        """Register as a guest. A mail follows; its link confirms, and only then a seat is taken."""
        guest = actions.Guest(
            full_name=fields["full_name"],
            email=fields["email"],
            phone=fields["phone"],
            attendance_type=fields["attendance_type"],
            language=asked_for(request.META, request.COOKIES),
            answers=fields.get("answers", {}),
        )
        registration = actions.register(fields["event"], guest, client=network(request.META))
        return Response(RegistrationSerializer(registration).data, status=201)


class ConfirmView(GuestView):
    """Where the link in the mail leads."""

    problems: ClassVar = {"post": (409, 410, 429)}

    @extend_schema(
        operation_id="registrations_confirm_email", request=TokenSerializer, responses={200: ConfirmedSerializer}
    )
    @throttled("confirm")
    def post(self, request: Request) -> Response:
        """Confirm the address, and take a seat or the next place in line. A second call answers the same."""
        registration = actions.confirm(read(TokenSerializer(data=request.data))["token"])
        return Response(ConfirmedSerializer(registration).data)


class RegistrationView(GuestView):
    """One registration, for its holder."""

    problems: ClassVar = {"patch": (409,)}

    @extend_schema(
        operation_id="registrations_retrieve",
        responses={200: RegistrationSerializer},
        parameters=[TOKEN_IN_HEADER, TOKEN_IN_QUERY],
    )
    def get(self, request: Request, registration_id: UUID) -> Response:
        """Show where it stands."""
        return Response(RegistrationSerializer(held(request, registration_id)).data)

    @extend_schema(
        operation_id="registrations_change",
        request=RegistrationChangeSerializer,
        responses={200: RegistrationSerializer},
        parameters=[TOKEN_IN_HEADER],
    )
    def patch(self, request: Request, registration_id: UUID) -> Response:
        """Change name, phone, answers, or attendance type where seats allow."""
        registration = held(request, registration_id)
        fields = read(RegistrationChangeSerializer(data=request.data))
        answers = fields.pop("answers", None)
        changed = actions.change(registration, fields, answers=answers, actor=actor_of(request))
        return Response(RegistrationSerializer(changed).data)


class CancelView(GuestView):
    """Where the holder gives a registration up."""

    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="registrations_cancel",
        request=HolderSerializer,
        responses={200: RegistrationSerializer},
        parameters=[TOKEN_IN_HEADER],
    )
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Cancel; the seat goes to the first in line. Cancelling twice is cancelling once."""
        cancelled = actions.cancel(held(request, registration_id), actor=actor_of(request))
        return Response(RegistrationSerializer(cancelled).data)


class TicketView(GuestView):
    """The ticket as JSON."""

    problems: ClassVar = {"get": (409,)}

    @extend_schema(
        operation_id="registrations_ticket",
        responses={200: TicketSerializer},
        parameters=[TOKEN_IN_HEADER, TOKEN_IN_QUERY],
    )
    def get(self, request: Request, registration_id: UUID) -> Response:
        """Return the signed text that the QR code holds."""
        return Response(TicketSerializer(held(request, registration_id)).data)


class ReissueView(GuestView):
    """Where a ticket that others may have seen is replaced."""

    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(
        operation_id="registrations_ticket_reissue",
        request=HolderSerializer,
        responses={200: TicketSerializer},
        parameters=[TOKEN_IN_HEADER],
    )
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Make a new ticket, which a mail brings to its holder; the old one opens no door from now on.

        For the holder, and the event's owner and managers. Links to the registration stay as they are.
        """
        registration = reissue_ticket(held(request, registration_id), actor=actor_of(request))
        return Response(TicketSerializer(registration).data)


class TicketFileView(GuestView):
    """The ticket as a file."""

    problems: ClassVar = {"get": (409,)}
    forms: ClassVar = {
        "svg": ("image/svg+xml", ticket_svg),
        "png": ("image/png", ticket_png),
        "pdf": ("application/pdf", ticket_pdf),
    }

    @extend_schema(
        operation_id="registrations_ticket_file",
        responses={(200, media_type): OpenApiTypes.BINARY for media_type, _ in forms.values()},
        parameters=[
            TOKEN_IN_HEADER,
            TOKEN_IN_QUERY,
            OpenApiParameter("form", str, OpenApiParameter.PATH, enum=list(forms)),
        ],
    )
    def get(self, request: Request, registration_id: UUID, form: str) -> HttpResponse:
        """Return the ticket as `.svg`, `.png` or `.pdf`."""
        if form not in self.forms:
            raise NotFoundError
        media_type, draw = self.forms[form]
        content = draw(held(request, registration_id))
        name = f"ticket-{registration_id}.{form}"
        return HttpResponse(content, media_type, headers={"Content-Disposition": f'inline; filename="{name}"'})


class AnswerFileView(GuestView):
    """A file that somebody answered with."""

    @extend_schema(
        operation_id="registrations_file",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        parameters=[TOKEN_IN_HEADER, TOKEN_IN_QUERY],
    )
    def get(self, request: Request, registration_id: UUID, upload_id: UUID) -> HttpResponse:
        """Download it. What strangers sent is never opened in a page of ours."""
        upload = held(request, registration_id).uploads.filter(pk=upload_id).first()
        if upload is None:
            raise NotFoundError
        try:
            content = vault.fetch(upload.path, upload.key)
        except vault.LostError as error:
            raise NotFoundError from error
        headers = {
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=upload.name),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(content, "application/octet-stream", headers=headers)


def held(request: Request, registration_id: UUID) -> Registration:
    """Return the registration to who shows its key: in a header, in the body, or, for reading, in the address."""
    key = request.headers.get(TOKEN_HEADER)
    if key is None:
        sent: Any = request.query_params if request.method in SAFE_METHODS else request.data
        key = sent.get("token")
    return find(registration_id, request.user, key if isinstance(key, str) else "")
