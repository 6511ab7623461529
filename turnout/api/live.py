"""An event as it happens: its desk's stream for the team, and seats left for everybody."""

import contextlib
from dataclasses import asdict
from typing import Any, ClassVar, cast
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from drf_spectacular.utils import OpenApiParameter, extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.api.permissions import SignedIn
from turnout.api.stream_tickets import AUTHENTICATION, StreamTicketSerializer, ticket_for
from turnout.api.streams import RESPONSES, RESUME, EventStream, frame, stream
from turnout.core.errors import NotFoundError
from turnout.core.text import digest
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for, seats_of
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.queries import person_in
from turnout.registrations.models import Registration
from turnout.reports.desk import Figures, figures
from turnout.reports.door import standing

_SEATS_CACHED = 5  # seconds
_DOORS_REMEMBERED = 60
_TOLD = ("full_name", "status", "attendance_type")  # no address: scanners read it


class LiveView(APIView):
    """What happens at an event, as it happens."""

    permission_classes = (SignedIn,)
    authentication_classes = AUTHENTICATION
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="events_live", responses=RESPONSES, parameters=RESUME)
    def get(self, request: Request, event_id: UUID) -> EventStream:
        """Follow `registration.*`, `checkin.*`, `certificate.*`, `event.*`, `seats.changed`, `attendance.changed`.

        For all of its team.

        Without a number it begins now. On `reset` load everything anew.
        """
        _check_may_follow(request, event_id)
        return stream(request, event_id, told_to_desk)

    @extend_schema(operation_id="events_live_ticket", request=None, responses={200: StreamTicketSerializer})
    def post(self, request: Request, event_id: UUID) -> Response:
        """Get a ticket with which to follow it, in the next minute, by `?ticket=`."""
        _check_may_follow(request, event_id)
        return Response(ticket_for(request, event_id))


class SeatsLeftSerializer(serializers.Serializer[Any]):
    """How seats stand. Null is any number."""

    capacity = serializers.IntegerField(allow_null=True)
    available = serializers.IntegerField(allow_null=True)
    waiting = serializers.IntegerField()


class SeatsView(APIView):
    """Seats left."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="events_seats",
        responses={200: SeatsLeftSerializer, 304: None},
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The last `ETag`.")],
    )
    def get(self, request: Request, event_id: UUID) -> HttpResponse:
        """Show how many are left: for everybody who may see the event, as of some seconds ago."""
        visible = Event.objects.visible_to(request.user).only("id").prefetch_related("pools")
        event = visible.filter(pk=event_id).first()
        if event is None:
            raise NotFoundError
        response = JsonResponse(SeatsLeftSerializer(seats_of(event)).data)
        # A draft's, and whatever is shown to somebody with a token, no cache keeps: turnout/config/headers.py.
        response["Cache-Control"] = f"public, max-age={_SEATS_CACHED}"
        response["ETag"] = etag = quote_etag(digest("seats", response.content.decode())[:16])
        return cast("HttpResponse", get_conditional_response(request, etag=etag, response=response))


def told_to_desk(topic: UUID, entries: list[Entry]) -> str:
    """Return what happened at an event as its team is told, and how seats stand now if that may have moved them."""
    subjects = {person_in(entry) for entry in entries}
    people = Registration.objects.filter(event=topic, pk__in=subjects).only(*_TOLD).in_bulk()
    told = [frame(entry.kind, _told(entry, people.get(person_in(entry))), entry.number) for entry in entries]
    if any(entry.kind.startswith(("registration.", "event.")) for entry in entries):
        told.append(frame("seats.changed", _as_json(figures(topic))))
    if any(entry.kind.startswith("checkin.") for entry in entries):
        told.append(frame("attendance.changed", _doors(topic, entries[-1].number)))
    return "".join(told)


def _doors(topic: UUID, number: int | None) -> dict[str, Any]:
    """Return how the doors stand, counted once for all who are told up to this number: what is newer has another."""
    key = f"doors-{topic.hex}-{number}"
    found: dict[str, Any] | None = None
    with contextlib.suppress(RedisError, OSError):  # without a cache the database is asked each time
        found = cache.get(key)
    if found is None:
        found = asdict(standing(topic))
        with contextlib.suppress(RedisError, OSError):
            cache.set(key, found, _DOORS_REMEMBERED)
    return found


def _told(entry: Entry, person: Registration | None) -> dict[str, Any]:
    registration = person and {"id": person.pk, **{name: getattr(person, name) for name in _TOLD}}
    told = {"id": entry.pk, "at": entry.at, "kind": entry.kind, "registration": registration}
    return told | {"certificate": entry.subject} if entry.kind.startswith("certificate.") else told


def _as_json(found: Figures) -> dict[str, Any]:
    seats = found.seats
    return {
        "capacity": seats.capacity,
        "taken": seats.taken,
        "offered": seats.offered,
        "available": seats.available,
        "waiting": seats.waiting,
        "by_status": found.by_status,
    }


def _check_may_follow(request: Request, event_id: UUID) -> None:
    find_for(Right.CHECK_IN, request.user, event_id, Event.objects.only("id", "owner", "status"))
