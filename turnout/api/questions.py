"""What an event asks at registration: shown, written, and the files that answer it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import IdField, TextField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent_after
from turnout.api.throttles import throttled
from turnout.core.errors import NotFoundError
from turnout.events.actions.questions import MOST_CHOICES, MOST_QUESTIONS, Condition, QuestionDraft, drafts_of
from turnout.events.models import AttendanceType, Event, Question
from turnout.events.queries import questions_of
from turnout.guard.addresses import network
from turnout.media.files import check_size
from turnout.registrations.models import Upload
from turnout.registrations.uploads.actions import receive

_FORM_AROUND = 64 * 1024  # what multipart adds to a file, at most


# --- As they are shown -------------------------------------------------------------------------------------------


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "boolean"}]})
class AnswerField(serializers.Field[Any, Any, Any, Any]):
    """An answer on which another question can depend: a choice, yes or no."""

    def to_internal_value(self, data: Any) -> str | bool:
        """Return it."""
        if not isinstance(data, str | bool):
            raise serializers.ValidationError(_("Name a choice, or true or false."), "invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        """Return it."""
        return value


class ConditionSerializer(serializers.Serializer[Any]):
    """Of whom a question is asked."""

    attendance_type = serializers.ChoiceField(AttendanceType.choices, required=False)
    question = serializers.UUIDField(required=False, help_text="Which decides: asked where its answer is one of `in`.")

    def get_fields(self) -> dict[str, Any]:
        """Add what Python keeps for itself."""
        return {**super().get_fields(), "in": serializers.ListField(child=AnswerField(), required=False)}


class QuestionSerializer(serializers.Serializer[Question]):
    """A question as it is asked today."""

    id = serializers.UUIDField(source="key", help_text="Stays as it is when the question is reworded.")
    label = serializers.CharField()  # type: ignore[assignment]  # a field, not the argument
    help_text = serializers.CharField()  # type: ignore[assignment]  # the same
    type = serializers.ChoiceField(Question.Type.choices)
    required = serializers.BooleanField()  # type: ignore[assignment]  # the same
    at_door = serializers.BooleanField(help_text="Whether whoever scans tickets sees the answer.")
    choices = serializers.ListField(child=serializers.CharField())
    condition = serializers.SerializerMethodField()

    @extend_schema_field(ConditionSerializer(allow_null=True))
    def get_condition(self, question: Question) -> dict[str, Any] | None:
        """Of whom it is asked; null is of everybody."""
        condition: dict[str, Any] = {}
        if question.attendance_type:
            condition["attendance_type"] = question.attendance_type
        if question.depends_on is not None:
            condition |= {"question": str(question.depends_on), "in": question.depends_in}
        return condition or None


def questions_shown(event: Event) -> list[Any]:
    """Return what an event asks today, in order."""
    return [QuestionSerializer(question).data for question in questions_of(event)]


# --- As they are written -----------------------------------------------------------------------------------------


@extend_schema_field({"oneOf": [{"type": "string", "format": "uuid"}, {"type": "integer", "minimum": 0}]})
class PlaceField(IdField):
    """A question in the same list: by the id it has there, or by its place, from 0."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the id, or the place."""
        return data if isinstance(data, int) and not isinstance(data, bool) else super().to_internal_value(data)


class ConditionInputSerializer(ConditionSerializer):
    """Of whom a question is asked: of who attends like this, and answers an earlier question with one of these."""

    question = PlaceField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is no condition, or half of one."""
        if not attrs or ("question" in attrs) != ("in" in attrs):
            raise serializers.ValidationError(
                _("Name an attendance type, or a question and the answers that count."), "invalid"
            )
        return attrs


class ChoiceField(serializers.CharField):
    """One choice."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=200, **options)


class QuestionInputSerializer(serializers.Serializer[Any]):
    """A question; with the id of one that is asked it is that one, and what is not sent stays as it is.

    Another label, type or choices make a new version of it: earlier answers keep the question they answered.
    """

    id = IdField(required=False, allow_null=True)
    label = serializers.CharField(max_length=500)  # type: ignore[assignment]  # a field, not the argument
    help_text = TextField(max_length=1000, required=False)  # type: ignore[assignment]  # the same
    type = serializers.ChoiceField(Question.Type.choices)
    required = serializers.BooleanField(required=False)  # type: ignore[assignment]  # the same
    at_door = serializers.BooleanField(required=False, help_text="Not of type `file`.")
    choices = serializers.ListField(child=ChoiceField(), required=False, max_length=MOST_CHOICES)
    condition = ConditionInputSerializer(required=False, allow_null=True)


class QuestionsField(serializers.ListField):
    """All that an event is to ask; others are asked no more. Where it is not sent, everything stays as it is."""

    child = QuestionInputSerializer()

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=MOST_QUESTIONS, **options)


def read_questions(sent: Sequence[dict[str, Any]], event: Event | None) -> list[QuestionDraft]:
    """Return what was sent in the words of the action, with what stays of the questions that the event asks."""
    asked = questions_of(event) if event else []
    known = {draft.key: draft for draft in drafts_of(asked, keep_keys=True)}
    places = {fields["id"]: place for place, fields in enumerate(sent) if fields.get("id")}
    keys = [question.key for question in asked]
    drafts: list[QuestionDraft] = []
    faults: dict[str, Any] = {}
    for place, fields in enumerate(sent):
        before = known.get(fields.get("id"))
        said = {name: fields.get(name) or (before and getattr(before, name)) for name in ("label", "type")}
        if missing := [name for name, text in said.items() if not text]:
            faults[str(place)] = {name: [ErrorDetail(_("This is needed."), "required")] for name in missing}
            continue
        try:
            condition = _condition(fields, before, places, keys)
        except serializers.ValidationError as error:
            faults[str(place)] = {"condition": error.detail}
            continue
        drafts.append(
            QuestionDraft(
                label=str(said["label"]),
                type=str(said["type"]),
                required=fields.get("required", before.required if before else False),
                choices=tuple(fields.get("choices", before.choices if before else ())),
                help_text=fields.get("help_text", before.help_text if before else ""),
                condition=condition,
                key=fields.get("id") if event else None,  # a new event has none, whatever it was copied from
                at_door=fields.get("at_door", before.at_door if before else False),
            )
        )
    if faults:
        raise serializers.ValidationError({"questions": faults})
    return drafts


def _condition(
    fields: Mapping[str, Any], before: QuestionDraft | None, places: Mapping[UUID, int], keys: Sequence[UUID]
) -> Condition:
    """Return the condition that was sent, or the one that stays, with the place in the new list that it means."""
    sent = fields.get("condition")
    if "condition" not in fields and before is not None:
        stays = before.condition
        sent = {"attendance_type": stays.attendance_type, "in": stays.values}
        if stays.question is not None:
            sent["question"] = keys[stays.question]
    if not sent:
        return Condition()
    named = sent.get("question")
    place = places.get(named) if isinstance(named, UUID) else named
    if named is not None and place is None:
        raise serializers.ValidationError(_("There is no such question in this list."), "does_not_exist")
    return Condition(sent.get("attendance_type", ""), place, tuple(sent.get("in", ())))


# --- Answers -----------------------------------------------------------------------------------------------------


@extend_schema_field({"type": "object", "additionalProperties": {}})
class AnswersField(serializers.DictField):
    """Answers by the questions' ids: a text, number, date, choice or list of them, true or false, an upload's id."""

    child = serializers.JSONField(allow_null=True)


# --- Files -------------------------------------------------------------------------------------------------------


class FileSerializer(serializers.Serializer[Any]):
    """A file: PDF, PNG, JPEG, WebP, plain text, docx or odt, of at most 10 MB."""

    file = serializers.FileField(use_url=False)


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """A file that was sent: its id is the answer to the question. Unless it is used it is removed after a day."""

    name = serializers.CharField(help_text="What it will be called.")
    size = serializers.IntegerField(help_text="In bytes.")

    class Meta:
        model = Upload
        fields: ClassVar = ["id", "name", "size"]


def _received(view: "UploadsView", request: Request) -> Upload:
    """Keep the file: outside of any transaction, and once for one Idempotency-Key."""
    file = read(FileSerializer(data=request.data))["file"]
    return receive(view.event(request), file.name, file.read(), client=network(request.META))


class UploadsView(APIView):
    """Where files are sent before they answer a question."""

    permission_classes = (AllowAny,)
    parser_classes = (MultiPartParser,)
    problems: ClassVar = {"post": (409, 413, 415, 429, 503)}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before it is read."""
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isascii() and announced.isdigit():
            check_size(int(announced) - _FORM_AROUND)
        super().initial(request, *args, **kwargs)

    def event(self, request: Request) -> Event:
        """Return the event, to whom may know of it."""
        event = Event.objects.visible_to(request.user).filter(pk=self.kwargs["event_id"]).first()
        if event is None:
            raise NotFoundError
        return event

    @extend_schema(
        operation_id="events_uploads_create",
        request={"multipart/form-data": FileSerializer},
        responses={201: UploadSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @throttled("upload")
    @idempotent_after(_received)
    def post(self, _request: Request, upload: Upload, event_id: UUID) -> Response:  # see `event`
        """Send a file for a question of type `file`. One that no registration answers with is removed after a day."""
        return Response(UploadSerializer(upload).data, status=201)
