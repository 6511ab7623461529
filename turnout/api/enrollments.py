"""Enrollments: registrations of people with an account, and what is decided about anybody's."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.accounts.queries import names_of
from turnout.api.fields import NameField, PhoneField, TextField, read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent
from turnout.api.permissions import Seeker, SignedIn, actor_of, caller
from turnout.api.questions import AnswersField
from turnout.api.registrations import (
    TOKEN_IN_HEADER,
    EnrollmentSerializer,
    GuestView,
    HolderSerializer,
    RegistrationSerializer,
    held,
)
from turnout.core.errors import NotFoundError
from turnout.events.models import AttendanceType, Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.guard.actions import Claim, admit
from turnout.registrations import actions
from turnout.registrations.actions import offers, reviews
from turnout.registrations.actions.coming import still_coming
from turnout.registrations.models import LineChange, Registration, RegistrationQuerySet
from turnout.registrations.queries import enrollment, find_to_decide, past, upcoming

_MOST_SEATS = 2**31 - 1


class EnrollInputSerializer(serializers.Serializer[Any]):
    """What a seeker may say; all of it can be left out."""

    attendance_type = serializers.ChoiceField(
        AttendanceType.choices, required=False, help_text="Default: the first way of taking part that has a seat."
    )
    full_name = NameField(required=False, help_text="Default: the account's name.")
    phone = PhoneField(required=False, allow_blank=True, default="")
    answers = AnswersField(default=dict)


class DecisionSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = TextField(max_length=500)


class MoveSerializer(serializers.Serializer[Any]):
    """Where in line somebody is to stand, and why."""

    position = serializers.IntegerField(min_value=1, max_value=_MOST_SEATS, help_text="From 1; behind the last: last.")
    reason = serializers.CharField(max_length=500)


class LineChangeSerializer(serializers.ModelSerializer[LineChange]):
    """A change of the order, as the team sees it."""

    full_name = serializers.CharField(source="registration.full_name", read_only=True)
    by = serializers.SerializerMethodField()

    class Meta:
        model = LineChange
        fields: ClassVar = ["registration", "full_name", "was", "became", "reason", "by", "at"]

    def get_by(self, change: LineChange) -> str:
        """Who did it: the name, else the address."""
        return str(self.context.get("people", {}).get(change.actor, ""))


class EnrollView(APIView):
    """Where a seeker enrolls."""

    permission_classes = (Seeker,)
    problems: ClassVar = {"post": (409, 429)}

    @extend_schema(
        operation_id="events_enroll",
        request=EnrollInputSerializer,
        responses={201: EnrollmentSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Take a seat, or the next place in line, or ask to be let in where the event approves."""
        user = caller(request)
        admit(Claim("enroll", str(user.pk), settings.THROTTLES["registration"]))
        event = Event.objects.visible_to(user).prefetch_related("pools").filter(pk=event_id).first()
        if event is None:
            raise NotFoundError
        sent = read(EnrollInputSerializer(data=request.data))
        registration = actions.enroll(event, actions.Guest.of(user, event, sent), actor=actor_of(request))
        return Response(EnrollmentSerializer(registration).data, status=201)


class CancelEnrollmentView(APIView):
    """Where one's own registration for an event is given up, by whichever door one came in."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409,)}

    @extend_schema(operation_id="events_cancel_enrollment", request=None, responses={200: EnrollmentSerializer})
    def post(self, request: Request, event_id: UUID) -> Response:
        """Cancel; the seat goes to the first in line. Enrolling again later is fine."""
        cancelled = actions.cancel(enrollment(event_id, caller(request)), actor=actor_of(request))
        return Response(EnrollmentSerializer(cancelled).data)


class MyEnrollmentsView(generics.ListAPIView[Registration]):
    """One's own registrations, those made as a guest with the same address among them."""

    permission_classes = (SignedIn,)
    serializer_class = EnrollmentSerializer
    queryset = Registration.objects.none()


class UpcomingView(MyEnrollmentsView):
    """What one is registered for and has not ended, soonest first; what waits to be confirmed by mail too."""

    def get_queryset(self) -> RegistrationQuerySet:
        """Return what is to come."""
        return upcoming(self.request.user)


class PastView(MyEnrollmentsView):
    """What one was registered for when it ended, the latest first."""

    def get_queryset(self) -> RegistrationQuerySet:
        """Return what is over."""
        return past(self.request.user)


class AcceptView(GuestView):
    """Where an offered seat is taken."""

    problems: ClassVar = {"post": (409, 410)}

    @extend_schema(
        operation_id="registrations_accept",
        request=HolderSerializer,
        responses={200: RegistrationSerializer},
        parameters=[TOKEN_IN_HEADER],
    )
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Take the seat that is kept. Accepting twice is accepting once."""
        accepted = offers.accept(held(request, registration_id), actor=actor_of(request))
        return Response(RegistrationSerializer(accepted).data)


class StillComingView(GuestView):
    """Where somebody says that they still come."""

    problems: ClassVar = {"post": (409,)}

    @extend_schema(
        operation_id="registrations_still_coming",
        request=HolderSerializer,
        responses={200: RegistrationSerializer},
        parameters=[TOKEN_IN_HEADER],
    )
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Keep the seat, once it was asked."""
        coming = still_coming(held(request, registration_id), actor=actor_of(request))
        return Response(RegistrationSerializer(coming).data)


class DecisionView(APIView):
    """What the event's team decides about a registration."""

    permission_classes = (SignedIn,)
    problems: ClassVar = {"post": (409,)}


class ApproveView(DecisionView):
    """Where somebody is let in."""

    @extend_schema(
        operation_id="registrations_approve", request=DecisionSerializer, responses={200: EnrollmentSerializer}
    )
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Let in: to a seat, or the next place in line. For the owner and managers."""
        registration = find_to_decide(registration_id, request.user)
        reason = read(DecisionSerializer(data=request.data))["reason"]
        approved = reviews.approve(registration, reason=reason, actor=actor_of(request))
        return Response(EnrollmentSerializer(approved).data)


class DeclineView(DecisionView):
    """Where somebody is told no."""

    @extend_schema(
        operation_id="registrations_decline", request=DecisionSerializer, responses={200: EnrollmentSerializer}
    )
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Say no; the reason, if there is one, stands in the mail. For the owner and managers."""
        registration = find_to_decide(registration_id, request.user)
        reason = read(DecisionSerializer(data=request.data))["reason"]
        declined = reviews.decline(registration, reason=reason, actor=actor_of(request))
        return Response(EnrollmentSerializer(declined).data)


class MoveView(DecisionView):
    """Where the order of the line is changed."""

    @extend_schema(operation_id="registrations_move", request=MoveSerializer, responses={200: EnrollmentSerializer})
    def post(self, request: Request, registration_id: UUID) -> Response:
        """Give somebody another position in line. The team sees who did it, and why. For the owner and managers."""
        registration = find_to_decide(registration_id, request.user)
        sent = read(MoveSerializer(data=request.data))
        moved = reviews.move_in_line(registration, sent["position"], reason=sent["reason"], actor=actor_of(request))
        return Response(EnrollmentSerializer(moved).data)


class LineChangesView(generics.ListAPIView[LineChange]):
    """Who changed the order of an event's line and why, the latest first. For the owner and managers."""

    permission_classes = (SignedIn,)
    serializer_class = LineChangeSerializer
    queryset = LineChange.objects.none()

    @extend_schema(operation_id="events_line_changes")
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show a page of them."""
        event = find_for(Right.EDIT, request.user, event_id)
        rows = self.paginate_queryset(
            LineChange.objects.filter(registration__event=event).select_related("registration")
        )
        people = names_of({row.actor for row in rows or ()})
        return self.get_paginated_response(LineChangeSerializer(rows, many=True, context={"people": people}).data)
