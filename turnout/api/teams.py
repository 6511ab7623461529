"""Teams of events."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.fields import AddressField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.permissions import SignedIn, actor_of
from turnout.core.errors import NotFoundError
from turnout.events.actions.teams import add_member, remove_member
from turnout.events.models import TeamMember
from turnout.events.policies import Right
from turnout.events.queries import find_for


class TeamMemberSerializer(serializers.ModelSerializer[TeamMember]):
    """Somebody on a team, as they were asked: whether they have an account nobody learns."""

    class Meta:
        model = TeamMember
        fields: ClassVar = ["id", "email", "role", "created_at"]


class NewTeamMemberSerializer(serializers.Serializer[Any]):
    """Whom to share an event with."""

    email = AddressField()
    role = serializers.ChoiceField(TeamMember.Role.choices)


class TeamView(generics.GenericAPIView[TeamMember]):
    """An event's team."""

    permission_classes = (SignedIn,)
    serializer_class = TeamMemberSerializer
    queryset = TeamMember.objects.none()  # tells the schema of which model the ids are
    problems: ClassVar = {"get": (403,), "post": (409, 429)}

    @extend_schema(operation_id="team_list", responses={200: TeamMemberSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show who is on it. For its owner and managers."""
        rows = self.paginate_queryset(_team(request, event_id, Right.EDIT)) or []
        return self.get_paginated_response(TeamMemberSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="team_add",
        request=NewTeamMemberSerializer,
        responses={201: TeamMemberSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Share the event with a mail address: at once, or as soon as there is an account for it. A mail tells them."""
        event = find_for(Right.OWN, request.user, event_id)
        member = add_member(event, **read(NewTeamMemberSerializer(data=request.data)), actor=actor_of(request))
        return Response(TeamMemberSerializer(member).data, status=201)


class TeamMemberView(generics.GenericAPIView[TeamMember]):
    """One of a team."""

    permission_classes = (SignedIn,)
    queryset = TeamMember.objects.none()
    problems: ClassVar = {"delete": (403,)}

    @extend_schema(operation_id="team_remove", responses={204: None})
    def delete(self, request: Request, event_id: UUID, pk: UUID) -> Response:
        """Take them off the team, from this moment on. For its owner."""
        member = _team(request, event_id, Right.OWN).filter(pk=pk).first()
        if member is None:
            raise NotFoundError
        remove_member(member, actor=actor_of(request))
        return Response(status=204)


def _team(request: Request, event_id: UUID, right: Right) -> QuerySet[TeamMember]:
    return TeamMember.objects.filter(event=find_for(right, request.user, event_id))
