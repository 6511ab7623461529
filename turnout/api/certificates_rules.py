"""By what a certificate is earned: as a part of the event, and on its own."""

from typing import Any, ClassVar
from uuid import UUID

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.fields import IdField, read
from turnout.api.permissions import SignedIn, actor_of
from turnout.certificates.actions.rules import DECIDED, set_rules
from turnout.certificates.earning import rules_of
from turnout.certificates.models import LEAST_HOURS, MOST_HOURS, MOST_MINUTES, CertificateRules
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for

_MOST_SESSIONS = 1000


@extend_schema_field(OpenApiTypes.NUMBER)
class HoursField(serializers.DecimalField):
    """Hours, such as 1.5, as a number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=6, decimal_places=2, min_value=LEAST_HOURS, max_value=MOST_HOURS, **options)

    def to_representation(self, value: Any) -> Any:
        """Return the number."""
        return float(value)


class CertificateRuleSerializer(serializers.ModelSerializer[CertificateRules]):
    """What is asked of a participant: all of it together. Where nothing is, to have been checked in once is enough."""

    min_attendance_percent = serializers.IntegerField(
        required=False, min_value=0, max_value=100, help_text="Of the sessions; 0: checked in once."
    )
    min_minutes = serializers.IntegerField(required=False, min_value=0, max_value=MOST_MINUTES)
    required_sessions = serializers.ListField(
        child=IdField(), required=False, max_length=_MOST_SESSIONS, help_text="Their ids: each was attended."
    )
    by_hand = serializers.BooleanField(required=False, help_text="The team names each of those who were there.")
    automatic = serializers.BooleanField(required=False, help_text="Issued on their own once the event has ended.")
    hours = HoursField(
        required=False, allow_null=True, help_text="Credited to everybody. Null: as long as each was there."
    )

    class Meta:
        model = CertificateRules
        fields: ClassVar = list(DECIDED)


def rule_shown(event: Event) -> Any:
    """Return what an event has decided; None where it has decided nothing."""
    rules = rules_of(event)
    return None if rules._state.adding else CertificateRuleSerializer(rules).data


class RulesView(APIView):
    """The same on its own."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="certificate_rules", responses={200: CertificateRuleSerializer})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show what is asked; where nothing was decided, nobody gets one on their own. For owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        return Response(CertificateRuleSerializer(rules_of(event)).data)

    @extend_schema(
        operation_id="certificate_rules_change",
        request=CertificateRuleSerializer,
        responses={200: CertificateRuleSerializer},
    )
    def patch(self, request: Request, event_id: UUID) -> Response:
        """Decide it; what is not sent stays. Who has a certificate keeps it. For the event's owner and managers.

        Whoever decides anything has decided that they are issued on their own, unless they say otherwise.
        """
        event = find_for(Right.EDIT, request.user, event_id)
        fields = read(CertificateRuleSerializer(data=request.data))
        set_rules(event, fields, actor=actor_of(request))
        return Response(CertificateRuleSerializer(rules_of(event)).data)


urlpatterns = [path("events/<uuid:event_id>/certificates/rules/", RulesView.as_view())]
