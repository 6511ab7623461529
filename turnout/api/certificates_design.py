"""How an event's certificates look; and papers of organisers' own, which staff bring."""

from typing import Any, ClassVar
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.certificates import PDF, attached
from turnout.api.event_input import LanguageField
from turnout.api.fields import NameField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent_after
from turnout.api.permissions import SignedIn, Staff, actor_of
from turnout.certificates.actions.designs import (
    LONGEST,
    MOST_SIGNATURES,
    add_picture,
    add_template,
    set_design,
    withdraw_template,
)
from turnout.certificates.documents import proof
from turnout.certificates.models import Design, Picture, Role, Template
from turnout.certificates.proofs import sample
from turnout.certificates.writing import design_of
from turnout.core.errors import NotFoundError, TooLargeError
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.media.images import LARGEST

_FORM_BYTES = 64 * 1024  # what surrounds the file in a form


class WordingSerializer(serializers.Serializer[Any]):
    """What the paper of a role is called, and what its holder did; empty is the usual words."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST["title"])
    text = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST["text"])


class WordingsSerializer(serializers.Serializer[Any]):
    """Wordings by role."""

    participant = WordingSerializer(required=False)
    speaker = WordingSerializer(required=False)
    organiser = WordingSerializer(required=False)
    volunteer = WordingSerializer(required=False)


class SignatureSerializer(serializers.Serializer[Any]):
    """Who signs."""

    name = serializers.CharField(max_length=LONGEST["name"])
    position = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST["position"])
    picture = serializers.UUIDField(required=False, allow_null=True, help_text="Of the event's pictures.")


class DesignSerializer(serializers.Serializer[Any]):
    """How an event's certificates look."""

    base = serializers.ChoiceField(Design.Base.choices, required=False, help_text="One of the templates we bring.")
    template = serializers.UUIDField(
        required=False, allow_null=True, help_text="A template that staff brought; it goes before `base`."
    )
    paper = serializers.ChoiceField(Design.Paper.choices, required=False)
    orientation = serializers.ChoiceField(Design.Orientation.choices, required=False)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}\Z", required=False, help_text="Such as #1f4e79.")
    issuer = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="Who gives them. Empty: the event's owner."
    )
    language = LanguageField(
        required=False, allow_blank=True, max_length=12, help_text="Of the paper. Empty: each holder's own."
    )
    logo = serializers.UUIDField(required=False, allow_null=True, help_text="Of the event's pictures.")
    wordings = WordingsSerializer(required=False)
    signatures = serializers.ListField(child=SignatureSerializer(), required=False, max_length=MOST_SIGNATURES)


class ShownDesignSerializer(DesignSerializer):
    """The same as it is kept."""

    template = serializers.UUIDField(source="template_id", allow_null=True)
    logo = serializers.UUIDField(source="logo_id", allow_null=True)
    wordings = serializers.SerializerMethodField()  # type: ignore[assignment]  # as it is kept, it is read
    signatures = serializers.SerializerMethodField()  # type: ignore[assignment]  # the same

    @extend_schema_field(WordingsSerializer)
    def get_wordings(self, design: Design) -> Any:
        """By role; what is missing or empty is the usual words."""
        return design.wordings

    @extend_schema_field(SignatureSerializer(many=True))
    def get_signatures(self, design: Design) -> Any:
        """Who signs."""
        return [{**each, "picture": each.get("picture") or None} for each in design.signatures]


class DesignView(APIView):
    """An event's design."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="certificate_design", responses={200: ShownDesignSerializer})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show it. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        return Response(ShownDesignSerializer(design_of(event)).data)

    @extend_schema(
        operation_id="certificate_design_change", request=DesignSerializer, responses={200: ShownDesignSerializer}
    )
    def patch(self, request: Request, event_id: UUID) -> Response:
        """Change it; what is not sent stays. What was issued stays as it was. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        fields = read(DesignSerializer(data=request.data))
        return Response(ShownDesignSerializer(set_design(event, fields, actor=actor_of(request))).data)


class PictureSerializer(serializers.ModelSerializer[Picture]):
    """A picture, to be named in a design."""

    class Meta:
        model = Picture
        fields: ClassVar = ["id", "width", "height"]


class PictureFileSerializer(serializers.Serializer[Any]):
    """A picture, as it is sent."""

    file = serializers.FileField(help_text=f"PNG, JPEG or WebP, at most {LARGEST // 2**20} MB.")


def _received(view: APIView, request: Request) -> Picture:
    """Keep the picture: outside of any transaction, and once for one Idempotency-Key."""
    event = find_for(Right.EDIT, request.user, view.kwargs["event_id"])
    file: UploadedFile[bytes] = read(PictureFileSerializer(data=request.data))["file"]
    if (file.size or 0) > LARGEST:
        raise _too_large()
    return add_picture(event, file.read(), actor=actor_of(request))


class PicturesView(APIView):
    """Where logos and signatures are sent."""

    permission_classes = (SignedIn,)
    parser_classes = (MultiPartParser,)
    problems: ClassVar = {"post": (409, 413, 415)}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before it is read."""
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isascii() and announced.isdigit() and int(announced) > LARGEST + _FORM_BYTES:
            raise _too_large()
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="certificate_pictures_create",
        request={"multipart/form-data": PictureFileSerializer},
        responses={201: PictureSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent_after(_received)
    def post(self, _request: Request, picture: Picture, event_id: UUID) -> Response:
        """Send a logo or a signature; the design names it by its id. For the event's owner and managers."""
        return Response(PictureSerializer(picture).data, status=201)


class WantedSampleSerializer(serializers.Serializer[Any]):
    """Whose sample."""

    role = serializers.ChoiceField(Role.choices, default=Role.PARTICIPANT)
    full_name = NameField(default="Amina Bensalah", help_text="Such as the longest that is expected.")


class SampleView(APIView):
    """How the certificates will look."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(
        operation_id="certificate_sample",
        parameters=[WantedSampleSerializer],
        responses={(200, PDF): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, event_id: UUID) -> HttpResponse:
        """Return one as PDF, marked as a proof. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        sent = {name: value for name, value in request.query_params.items() if value}
        wanted = read(WantedSampleSerializer(data=sent))
        says = sample(event, Role(wanted["role"]), wanted["full_name"])
        return HttpResponse(proof(says), PDF, headers=attached("sample.pdf", inline=True))


class TemplateSerializer(serializers.ModelSerializer[Template]):
    """A paper of an organiser's own."""

    class Meta:
        model = Template
        fields: ClassVar = ["id", "name", "created_at", "withdrawn_at"]


class NewTemplateSerializer(serializers.Serializer[Any]):
    """A new one."""

    name = serializers.CharField(max_length=100)
    source = serializers.CharField(  # type: ignore[assignment]  # a field, not the argument
        trim_whitespace=False, help_text="In typst: docs/certificates.md."
    )


def _brought(_view: APIView, request: Request) -> Template:
    """Take the template: what tries it stays outside of any transaction."""
    fields = read(NewTemplateSerializer(data=request.data))
    return add_template(fields["name"], fields["source"], actor=actor_of(request))


class TemplatesView(generics.GenericAPIView[Template]):
    """The papers that designs may name: they are code, so staff bring them."""

    permission_classes = (Staff,)
    queryset: QuerySet[Template] = Template.objects.none()
    problems: ClassVar = {"get": (403,), "post": (409,)}

    @extend_schema(operation_id="certificate_templates_list", responses={200: TemplateSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Show them, those that were withdrawn too."""
        rows = self.paginate_queryset(Template.objects.order_by("-id")) or []
        return self.get_paginated_response(TemplateSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="certificate_templates_create",
        request=NewTemplateSerializer,
        responses={201: TemplateSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent_after(_brought)
    def post(self, _request: Request, template: Template) -> Response:
        """Bring one. It never changes: a better one is another."""
        return Response(TemplateSerializer(template).data, status=201)


class TemplateView(generics.GenericAPIView[Template]):
    """One of them."""

    permission_classes = (Staff,)
    queryset: QuerySet[Template] = Template.objects.none()
    problems: ClassVar = {"delete": (403,)}

    @extend_schema(operation_id="certificate_templates_delete", responses={204: None})
    def delete(self, request: Request, template_id: UUID) -> Response:
        """Withdraw it: it can't be chosen any more, and what was issued by it stays as it is."""
        template = Template.objects.filter(pk=template_id).first()
        if template is None:
            raise NotFoundError
        withdraw_template(template, actor=actor_of(request))
        return Response(status=204)


def _too_large() -> TooLargeError:
    return TooLargeError(f"A picture has at most {LARGEST // 2**20} MB.")


urlpatterns = [
    path("events/<uuid:event_id>/certificates/design/", DesignView.as_view()),
    path("events/<uuid:event_id>/certificates/pictures/", PicturesView.as_view()),
    path("events/<uuid:event_id>/certificates/sample.pdf", SampleView.as_view()),
    path("certificate-templates/", TemplatesView.as_view()),
    path("certificate-templates/<uuid:template_id>/", TemplateView.as_view()),
]
