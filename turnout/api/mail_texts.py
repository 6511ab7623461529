"""An event's own texts for its mails."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import read
from turnout.api.permissions import SignedIn, actor_of, caller
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.mailings.limits import admit_preview
from turnout.registrations.models import MailText
from turnout.registrations.texts.actions import forget_text, set_text
from turnout.registrations.texts.models import LONGEST_BODY, LONGEST_SUBJECT
from turnout.registrations.texts.preview import preview, usual_text
from turnout.registrations.texts.writing import Text, check_place, languages_of, placeholders


class TextSerializer(serializers.Serializer[Any]):
    """What a mail says before its facts and its button, which stay as they are."""

    subject = serializers.CharField(max_length=LONGEST_SUBJECT, help_text="One line of text.")
    body = serializers.CharField(max_length=LONGEST_BODY, trim_whitespace=False, help_text="Markdown.")


class MailTextSerializer(TextSerializer):
    """The same, as it is kept."""

    kind = serializers.ChoiceField(MailText.Kind.choices)
    language = serializers.CharField()
    changed_at = serializers.DateTimeField()


class KindSerializer(serializers.Serializer[Any]):
    """One kind of mail."""

    kind = serializers.ChoiceField(MailText.Kind.choices)
    placeholders = serializers.ListField(
        child=serializers.CharField(), help_text="Written as `{name}`; `link` in the body alone."
    )
    default = serializers.DictField(child=TextSerializer(), help_text="By language: what it says without a text.")
    texts = MailTextSerializer(many=True)


class MailTextsSerializer(serializers.Serializer[Any]):
    """All kinds, with what is set."""

    languages = serializers.ListField(child=serializers.CharField(), help_text="The event's main one first.")
    kinds = KindSerializer(many=True)


class MailPreviewSerializer(serializers.Serializer[Any]):
    """A mail as it would look. Its links hold no keys."""

    subject = serializers.CharField()
    text = serializers.CharField()
    html = serializers.CharField()


class MailTextsView(APIView):
    """All texts."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="mail_texts_list", responses={200: MailTextsSerializer})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show every kind of mail: its placeholders, what it says usually, and the event's own texts.

        Who gets it reads the text in their language; where there is none, the one in the event's main language; where
        there is none either, what it says usually. For the event's owner and managers.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        own = list(MailText.objects.filter(event=event))
        kinds = [
            {
                "kind": kind,
                "placeholders": placeholders(kind),
                "default": {language: usual_text(kind, language) for language, _name in settings.LANGUAGES},
                "texts": [text for text in own if text.kind == kind],
            }
            for kind in MailText.Kind.values
        ]
        return Response(MailTextsSerializer({"languages": languages_of(event), "kinds": kinds}).data)


class MailTextView(APIView):
    """One text."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"delete": (403,)}

    @extend_schema(operation_id="mail_texts_set", request=TextSerializer, responses={200: MailTextSerializer})
    def put(self, request: Request, event_id: UUID, kind: str, language: str) -> Response:
        """Let mails of this kind say this to who reads this language, from now on. For the event's owner and managers.

        A placeholder that this kind has not is 400 `unknown_placeholder`; a link that leads nowhere is `bad_link`.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        text = Text(**read(TextSerializer(data=request.data)))
        return Response(MailTextSerializer(set_text(event, kind, language, text, actor=actor_of(request))).data)

    @extend_schema(operation_id="mail_texts_forget", responses={204: None})
    def delete(self, request: Request, event_id: UUID, kind: str, language: str) -> Response:
        """Let them say again what they say usually. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        forget_text(event, kind, language, actor=actor_of(request))
        return Response(status=204)


class MailTextPreviewView(APIView):
    """How it looks."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (429,)}

    @extend_schema(operation_id="mail_texts_preview", request=TextSerializer, responses={200: MailPreviewSerializer})
    def post(self, request: Request, event_id: UUID, kind: str, language: str) -> Response:
        """Answer the mail that this text would make for somebody registered, or for nobody real where nobody is.

        Nothing is kept and nothing is sent. For the event's owner and managers.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        check_place(event, kind, language)
        text = Text(**read(TextSerializer(data=request.data)))
        admit_preview(caller(request))
        return Response(MailPreviewSerializer(preview(event, kind, language, text)).data)
