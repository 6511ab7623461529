"""What is seen of somebody at the door."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import TextField, read
from turnout.api.permissions import SignedIn, actor_of
from turnout.attendance.actions.notes import LONGEST_NOTE, set_note
from turnout.attendance.models import DoorNote
from turnout.events.policies import Right
from turnout.registrations.queries import find_for_team


class DoorNoteInputSerializer(serializers.Serializer[Any]):
    """What whoever scans is to see; empty is nothing."""

    text = TextField(max_length=LONGEST_NOTE, required=True)


class DoorNoteSerializer(serializers.Serializer[Any]):
    """What whoever scans sees."""

    text = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField(allow_null=True, help_text="When it was written.")


class DoorNoteView(APIView):
    """The note on somebody for the door."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"put": (403,)}

    @extend_schema(operation_id="registrations_door_note", responses={200: DoorNoteSerializer})
    def get(self, request: Request, registration_id: UUID) -> Response:
        """Show it. For the event's whole team."""
        registration = find_for_team(Right.CHECK_IN, request.user, registration_id)
        return _shown(DoorNote.objects.filter(registration=registration).first())

    @extend_schema(
        operation_id="registrations_door_note_set",
        request=DoorNoteInputSerializer,
        responses={200: DoorNoteSerializer},
    )
    def put(self, request: Request, registration_id: UUID) -> Response:
        """Write it, or with an empty text take it away. For the event's owner and managers."""
        registration = find_for_team(Right.EDIT, request.user, registration_id)
        text = read(DoorNoteInputSerializer(data=request.data))["text"]
        return _shown(set_note(registration, text, actor=actor_of(request)))


def _shown(note: DoorNote | None) -> Response:
    return Response(DoorNoteSerializer({"text": note.text if note else "", "at": note and note.at}).data)
