"""Mail from an event's team to a segment of those registered, and what became of it."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import IdField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent_after
from turnout.api.permissions import SignedIn, actor_of, caller
from turnout.events.models import AttendanceType, Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.notifications.models import Message
from turnout.registrations.mailings.actions import Draft, send_mailing, stop_mailing
from turnout.registrations.mailings.limits import admit_mailing, admit_preview
from turnout.registrations.mailings.mails import KNOWN, preview
from turnout.registrations.mailings.models import Mailing, Recipient
from turnout.registrations.mailings.queries import (
    deliveries,
    find_mailing,
    mailings_of,
    progress,
    recipients_of,
)
from turnout.registrations.mailings.segments import STATUSES, Segment, chosen
from turnout.registrations.models import Registration
from turnout.registrations.texts.models import LONGEST_BODY, LONGEST_SUBJECT
from turnout.registrations.texts.writing import Text
from turnout.reports.segments import among

_STATUS = {"type": "string", "enum": list(STATUSES)}


@extend_schema_field({"oneOf": [_STATUS, {"type": "array", "items": _STATUS, "minItems": 1}]})
class StatusesField(serializers.ListField):
    """One status, or a list of them."""

    child = serializers.ChoiceField(Registration.Status.choices)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the list."""
        return super().to_internal_value([data] if isinstance(data, str) else data)


class SegmentSerializer(serializers.Serializer[Segment]):
    """Which of those registered. What is left out is not asked for; without a status it is who has a seat.

    Nobody writes to an address that was never confirmed: `pending` and `expired` are refused.
    """

    status = StatusesField(default=lambda: list(Segment().status))
    attendance_type = serializers.ChoiceField(AttendanceType.choices, allow_blank=True, default="")
    checked_in = serializers.BooleanField(allow_null=True, default=None)
    session = IdField(
        allow_null=True,
        default=None,
        help_text="With `checked_in`: who was in this one. Without it a session leaves out nobody.",
    )
    answer = serializers.DictField(
        child=serializers.JSONField(), default=dict, help_text="By the question's id; all of these were given."
    )


class AskingSerializer(serializers.Serializer[Any]):
    """Whether to answer what would be sent, and send nothing."""

    preview = serializers.BooleanField(default=False, write_only=True, help_text="Answer what would be sent, only.")


class DraftSerializer(AskingSerializer):
    """What to say to whom."""

    subject = serializers.CharField(max_length=LONGEST_SUBJECT, help_text="One line of text.")
    body = serializers.CharField(
        max_length=LONGEST_BODY,
        trim_whitespace=False,
        help_text=f"Markdown. In both: {', '.join(f'`{{{name}}}`' for name in KNOWN)}; `{{link}}` in the body alone.",
    )
    segment = SegmentSerializer(required=False)
    reply_to = serializers.BooleanField(default=False, help_text="Whether answers go to the address of who sends it.")


class MailingSerializer(serializers.Serializer[Any]):
    """A mailing, and how it stands."""

    id = serializers.UUIDField(source="mailing.id")
    subject = serializers.CharField(source="mailing.subject")
    body = serializers.CharField(source="mailing.body")
    segment = SegmentSerializer()
    reply_to = serializers.BooleanField(source="mailing.reply_to")
    author = serializers.CharField(source="mailing.author.name", allow_blank=True)
    state = serializers.ChoiceField(["sending", "sent", "stopped"])
    count = serializers.IntegerField(source="mailing.count", help_text="To how many it goes.")
    owed = serializers.IntegerField(help_text="Not sent yet.")
    sent = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Given up.")
    stopped = serializers.IntegerField(help_text="Not sent, since it was stopped or they stand otherwise by now.")
    created_at = serializers.DateTimeField(source="mailing.created_at")
    stopped_at = serializers.DateTimeField(source="mailing.stopped_at", allow_null=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """What somebody of the segment would get, and how many they are. Its links hold no keys."""

    subject = serializers.CharField()
    text = serializers.CharField()
    html = serializers.CharField()
    count = serializers.IntegerField()


class RecipientSerializer(serializers.Serializer[Any]):
    """What became of the mail to one of them."""

    id = serializers.UUIDField(source="recipient.id")
    registration = serializers.UUIDField(source="recipient.registration_id")
    full_name = serializers.CharField(source="recipient.registration.full_name")
    state = serializers.ChoiceField(Message.State.choices, help_text="`dead`: given up. `void`: not to be sent.")
    attempts = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField(allow_blank=True)


@dataclass(frozen=True, slots=True)
class Post:
    """What was asked for, read and sound in its form."""

    event: Event
    draft: Draft


def _read(view: Any, request: Request) -> Post:
    """Read what was sent, and count it; who has no right there is told so before."""
    event = find_for(Right.EDIT, request.user, view.kwargs["event_id"])
    draft = _draft(request)
    admit_mailing(event, caller(request))
    return Post(event, draft)


def _draft(request: Request) -> Draft:
    fields = read(DraftSerializer(data=request.data))
    wanted = fields.get("segment") or read(SegmentSerializer(data={}))
    segment = Segment(**{**wanted, "status": tuple(wanted["status"])})
    return Draft(Text(fields["subject"], fields["body"]), segment, fields["reply_to"])


def _is_preview(request: Request) -> bool:
    """Tell whether one is asked for, in the address or the body; whoever writes it wrongly must not have sent mail."""
    if request.query_params.get("preview") == "":
        return True
    in_address, in_body = (read(AskingSerializer(data=data)) for data in (request.query_params, request.data))
    return bool(in_address["preview"] or in_body["preview"])


class MessagesView(generics.GenericAPIView[Mailing]):
    """An event's mailings."""

    permission_classes = (SignedIn,)
    queryset = Mailing.objects.none()  # tells the schema of which model the ids are
    problems: ClassVar = {"get": (403,), "post": (409, 429)}

    @extend_schema(operation_id="messages_list", responses={200: MailingSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show them, the latest first, with what became of them. For the event's owner and managers."""
        rows = self.paginate_queryset(mailings_of(find_for(Right.EDIT, request.user, event_id))) or []
        return self.get_paginated_response(MailingSerializer(progress(rows), many=True).data)

    @extend_schema(
        operation_id="messages_create",
        request=DraftSerializer,
        responses={201: MailingSerializer, 200: PreviewSerializer},
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter("preview", OpenApiTypes.BOOL, description="The same as in the body."),
        ],
    )
    def post(self, request: Request, event_id: UUID) -> Response:
        """Write to everybody of a segment, each in a mail of their own; or see before what they would get.

        Each address gets one. The worker sends them behind the mails that people wait for; what is not sent can be
        stopped. Who asked for no more of them is left out.
        """
        if _is_preview(request):
            return self._preview(request, event_id)
        return self._send(request, event_id=event_id)

    def _preview(self, request: Request, event_id: UUID) -> Response:
        event = find_for(Right.EDIT, request.user, event_id)
        draft = _draft(request)
        admit_preview(caller(request))
        mail = preview(event, draft.text, draft.segment)
        count = len(chosen(event, draft.segment, among(event, draft.segment)))
        shown = {"subject": mail.subject, "text": mail.text, "html": mail.html, "count": count}
        return Response(PreviewSerializer(shown).data)

    @idempotent_after(_read)
    def _send(self, request: Request, wanted: Post, event_id: UUID) -> Response:
        people = among(wanted.event, wanted.draft.segment)
        mailing = send_mailing(wanted.event, wanted.draft, people, author=caller(request))
        return Response(_shown(mailing), status=201)


class MessageView(APIView):
    """One of them."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="messages_retrieve", responses={200: MailingSerializer})
    def get(self, request: Request, event_id: UUID, mailing_id: UUID) -> Response:
        """Show what was said to whom, and what became of it. For the event's owner and managers."""
        return Response(_shown(_found(request, event_id, mailing_id)))


class RecipientsView(generics.GenericAPIView[Recipient]):
    """To whom it goes."""

    permission_classes = (SignedIn,)
    queryset = Recipient.objects.none()
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="messages_recipients", responses={200: RecipientSerializer(many=True)})
    def get(self, request: Request, event_id: UUID, mailing_id: UUID) -> Response:
        """Show everybody to whom it goes, and what became of it there. For the event's owner and managers."""
        rows = self.paginate_queryset(recipients_of(_found(request, event_id, mailing_id))) or []
        return self.get_paginated_response(RecipientSerializer(deliveries(rows), many=True).data)


class StopView(APIView):
    """Where a mailing ends."""

    permission_classes = (SignedIn,)

    @extend_schema(operation_id="messages_stop", request=None, responses={200: MailingSerializer})
    def post(self, request: Request, event_id: UUID, mailing_id: UUID) -> Response:
        """Send no more of it. Who is being mailed this moment may yet get it. For the event's owner and managers."""
        return Response(_shown(stop_mailing(_found(request, event_id, mailing_id), actor=actor_of(request))))


def _found(request: Request, event_id: UUID, mailing_id: UUID) -> Mailing:
    return find_mailing(find_for(Right.EDIT, request.user, event_id), mailing_id)


def _shown(mailing: Mailing) -> Any:
    return MailingSerializer(progress([mailing])[0]).data
