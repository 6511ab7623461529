"""Calendars: an event's, the whole site's, a registration's, and everybody's own at a secret address."""

import dataclasses
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.accounts.actions.profile import renew_calendar
from turnout.accounts.models import User
from turnout.api.event_filters import EventFilter
from turnout.api.events import EventViews
from turnout.api.permissions import SignedIn, caller
from turnout.api.registrations import TOKEN_IN_HEADER, TOKEN_IN_QUERY, GuestView, held
from turnout.core.clock import now
from turnout.core.errors import NotFoundError
from turnout.events.calendar import calendar, entry, event_calendar
from turnout.events.models import Event, EventQuerySet
from turnout.events.queries import Search
from turnout.registrations.invitations import editions, feed, registration_calendar

MEDIA_TYPE = "text/calendar"
_RESPONSES: dict[Any, Any] = {(200, MEDIA_TYPE): OpenApiTypes.STR}
_PUBLIC, _PRIVATE = "public, max-age=300", "private, max-age=300"
_SITE_KEEPS = timedelta(days=30)  # what is over
_LONGEST = timedelta(days=366)  # of what is looked for: an index knows when events start
_MOST_IN_SITE = 500
# Who has got the file already is told that it is the same.
_once = method_decorator(conditional_page, name="dispatch")


class CalendarAddressSerializer(serializers.Serializer[User]):
    """Where a calendar program finds what somebody is registered for."""

    url = serializers.URLField(source="calendar_url", read_only=True)


class CalendarFilter(EventFilter):
    """The filters of the list; what is over is not left out."""

    def wanted(self) -> Search:
        """Return what was asked for, from a moment on that the index on the start knows."""
        wanted = super().wanted()
        return dataclasses.replace(wanted, starts_after=wanted.starts_after or now() - _LONGEST)


@_once
class EventCalendarView(EventViews):
    """One event, for a calendar."""

    permission_classes = (AllowAny,)

    @extend_schema(operation_id="events_calendar", responses=_RESPONSES)
    def get(self, request: Request, event_id: UUID) -> HttpResponse:
        """Return it as iCalendar; what goes on for days with one session after the other as an entry for each."""
        visible = Event.objects.visible_to(request.user).with_details()
        event = generics.get_object_or_404(visible, pk=event_id)
        return _file(event_calendar(event, editions([event])[event.pk]), f"event-{event_id}", _PUBLIC)


@_once
class SiteCalendarView(EventViews):
    """All published events, for calendars to subscribe to."""

    permission_classes = (AllowAny,)
    filterset_class = CalendarFilter

    def get_queryset(self) -> EventQuerySet:
        """Return what is to come, and what is over since 30 days at most."""
        return Event.objects.listed().filter(ends_at__gt=now() - _SITE_KEEPS).defer("search_text", "title_key")

    @extend_schema(operation_id="calendar", responses=_RESPONSES, filters=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the first 500 as iCalendar, from 30 days ago on, with the filters of the list."""
        found: QuerySet[Event] = self.filter_queryset(self.get_queryset())
        events = list(found.order_by("starts_at", "id")[:_MOST_IN_SITE])
        known = editions(events)
        entries = [entry(event, known[event.pk]) for event in events]
        return _file(calendar(entries, name=settings.SITE_NAME), "events", _PUBLIC)


@_once
class RegistrationCalendarView(GuestView):
    """One registration, for its holder's calendar."""

    problems: ClassVar = {"get": (409,)}

    @extend_schema(
        operation_id="registrations_calendar",
        responses=_RESPONSES,
        parameters=[TOKEN_IN_HEADER, TOKEN_IN_QUERY],
    )
    def get(self, request: Request, registration_id: UUID) -> HttpResponse:
        """Return it as iCalendar: the same entry that came by mail."""
        content = registration_calendar(held(request, registration_id))
        return _file(content, f"registration-{registration_id}", _PRIVATE)


class MyCalendarView(APIView):
    """The address of one's own calendar."""

    permission_classes = (SignedIn,)

    @extend_schema(operation_id="me_calendar", responses={200: CalendarAddressSerializer})
    def get(self, request: Request) -> Response:
        """Show it. Whoever has it reads where one goes: it is a secret."""
        return Response(CalendarAddressSerializer(caller(request)).data)

    @extend_schema(operation_id="me_calendar_renew", request=None, responses={200: CalendarAddressSerializer})
    def post(self, request: Request) -> Response:
        """Make a new one. The one before leads nowhere any more."""
        return Response(CalendarAddressSerializer(renew_calendar(caller(request))).data)


@_once
class PersonCalendarView(APIView):
    """Somebody's calendar, at its secret address: calendar programs can show nothing else."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(operation_id="calendars_retrieve", responses=_RESPONSES)
    def get(self, request: Request, user_id: UUID, calendar_key: str) -> HttpResponse:
        """Return what they are registered for as iCalendar. A wrong key is answered as an unknown person is."""
        user = User.objects.filter(pk=user_id, is_active=True, address_verified=True).first()
        if user is None or not user.opens_calendar(calendar_key):
            raise NotFoundError
        response = _file(feed(user), "calendar", _PRIVATE)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response


def _file(content: bytes, name: str, kept: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}.ics"', "Cache-Control": kept}
    return HttpResponse(content, f"{MEDIA_TYPE}; charset=utf-8", headers=headers)
