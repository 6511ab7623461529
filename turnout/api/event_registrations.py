"""Who is registered for an event, for its team: as a list, and as sheets that go out and come in."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from turnout.api.event_filters import TextFilter
from turnout.api.fields import read
from turnout.api.idempotency import IDEMPOTENCY_KEY, idempotent_after
from turnout.api.permissions import SignedIn, actor_of
from turnout.api.sheets import FORMAT, SHEET, sheet_of
from turnout.core.errors import TooLargeError
from turnout.core.sheets.reading import read_sheet
from turnout.events.models import AttendanceType, Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows
from turnout.registrations.actions.sheets import import_people
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.registrations.sheets import COLUMNS, MOST_BYTES, MOST_ROWS, Sheet, check
from turnout.reports.people import people, people_sheet
from turnout.reports.presence import checked_in

_FORM_BYTES = 64 * 1024  # what surrounds the file in a form
# A sheet is read before anybody knows what is in it.
_SHEETS = windows("20/minute,200/hour")


class PersonSerializer(serializers.Serializer[Any]):
    """Somebody registered, as the event's team sees them."""

    id = serializers.UUIDField(source="registration.id")
    full_name = serializers.CharField(source="registration.full_name")
    email = serializers.CharField(source="registration.email")
    phone = serializers.CharField(source="registration.phone", allow_blank=True)
    status = serializers.ChoiceField(Registration.Status.choices, source="registration.status")
    attendance_type = serializers.ChoiceField(AttendanceType.choices, source="registration.attendance_type")
    position = serializers.IntegerField(allow_null=True, help_text="In line, from 1; null for who does not wait.")
    answers = serializers.DictField(help_text="By the question's id.")
    created_at = serializers.DateTimeField(source="registration.created_at")
    confirmed_at = serializers.DateTimeField(source="registration.confirmed_at", allow_null=True)
    cancelled_at = serializers.DateTimeField(source="registration.cancelled_at", allow_null=True)
    asked_at = serializers.DateTimeField(
        source="registration.asked_at", allow_null=True, help_text="When they were asked whether they still come."
    )
    answer_by = serializers.DateTimeField(source="registration.answer_by", allow_null=True)
    coming_at = serializers.DateTimeField(
        source="registration.coming_at", allow_null=True, help_text="When they said that they do."
    )
    checked_in_at = serializers.DateTimeField(source="presence.checked_in_at", allow_null=True)
    certificate = serializers.UUIDField(source="presence.certificate", allow_null=True)


class StatusFilter(filters.BaseInFilter, filters.ChoiceFilter):
    """One status or several, separated by commas."""


class PeopleFilter(filters.FilterSet):
    """Who of those registered. An empty parameter filters nothing, an unknown one is ignored."""

    q = TextFilter(method="find", label="Every word, as the beginning of a word of the name; or a part of the address.")
    status = StatusFilter(choices=Registration.Status.choices, lookup_expr="in")
    attendance_type = filters.ChoiceFilter(choices=AttendanceType.choices)
    checked_in = filters.BooleanFilter(method="be_there")
    session = filters.UUIDFilter(
        method="of_session", label="With `checked_in`: at this session, not the event as a whole."
    )

    def find(self, found: RegistrationQuerySet, _name: str, text: str) -> QuerySet[Registration]:
        """Search."""
        return found.matching(text)

    def be_there(self, found: RegistrationQuerySet, _name: str, is_in: bool) -> QuerySet[Registration]:  # noqa: FBT001
        """Ask who is there."""
        return checked_in(found, is_in=is_in, session=self.form.cleaned_data.get("session"))

    def of_session(self, found: RegistrationQuerySet, _name: str, _session: UUID) -> QuerySet[Registration]:
        """Leave out nobody: whoever is registered may attend each, and `be_there` asks who did."""
        return found


_ORDERS = {
    "created": ["id"],
    "-created": ["-id"],
    "name": ["name_key", "id"],
    "-name": ["-name_key", "-id"],
    "place": ["place", "id"],
}


class OrderedPeopleFilter(PeopleFilter):
    """The same, and in which order."""

    ordering = filters.ChoiceFilter(
        choices=[(name, name) for name in _ORDERS],
        method="order",
        label="`-created` if not said. `place` shows who waits, the first in line first.",
    )

    def order(self, found: RegistrationQuerySet, _name: str, wanted: str) -> QuerySet[Registration]:
        """Order them; who has no place in line stands at none."""
        return (found.in_line() if wanted == "place" else found).order_by(*_ORDERS[wanted])


class PeopleViews(generics.GenericAPIView[Registration]):
    """What all views here share: they are for an event's owner and managers."""

    permission_classes = (SignedIn,)
    queryset = Registration.objects.none()  # tells the schema of which model the ids are

    def found(self, request: Request, event: Event) -> RegistrationQuerySet:
        """Return those of the event who are asked for."""
        everybody = Registration.objects.filter(event=event).order_by("-id")
        return cast("RegistrationQuerySet", self.filter_queryset(everybody))


class PeopleView(PeopleViews):
    """Who is registered."""

    filterset_class = OrderedPeopleFilter
    problems: ClassVar = {"get": (403,)}

    @extend_schema(operation_id="event_registrations_list", responses={200: PersonSerializer(many=True)})
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show who is registered, in whatever status. For the event's owner and managers."""
        event = find_for(Right.EDIT, request.user, event_id)
        rows = self.paginate_queryset(self.found(request, event)) or []
        return self.get_paginated_response(PersonSerializer(people(event, rows), many=True).data)


class ExportView(PeopleViews):
    """The same as a sheet."""

    filterset_class = PeopleFilter
    pagination_class = None
    problems: ClassVar = {"get": (403,)}

    @extend_schema(
        operation_id="event_registrations_export",
        parameters=[FORMAT],
        responses=SHEET,
    )
    def get(self, request: Request, event_id: UUID) -> StreamingHttpResponse:
        """Return everybody asked for as a sheet of any length, the first that registered first."""
        event = find_for(Right.EDIT, request.user, event_id)
        return sheet_of(request, f"registrations-{event.id}", *people_sheet(event, self.found(request, event)))


class SheetSerializer(serializers.Serializer[Any]):
    """A sheet (xlsx, ods, csv) with the columns `full_name`, `email` and `attendance_type`; others are ignored."""

    file = serializers.FileField(help_text=f"At most {MOST_ROWS:,} rows and {MOST_BYTES // 2**20} MB.")
    notify = serializers.BooleanField(default=True, help_text="Whether they get a mail with their ticket.")


class ImportedSerializer(serializers.Serializer[Any]):
    """What became of a sheet."""

    imported = serializers.IntegerField(help_text="How many are registered by it.")


@dataclass(frozen=True, slots=True)
class Import:
    """What was asked for, read and sound in its form."""

    event: Event
    sheet: Sheet
    notify: bool


def _read(view: Any, request: Request) -> Import:
    """Read what was sent; who has no right there is told so before."""
    event = find_for(Right.EDIT, request.user, view.kwargs["event_id"])
    admit(Claim("sheet", actor_of(request), _SHEETS))
    fields = read(SheetSerializer(data=request.data))
    file: UploadedFile[bytes] = fields["file"]
    if (file.size or 0) > MOST_BYTES:
        raise _too_large()
    rows = read_sheet(file.read(), COLUMNS, most=MOST_ROWS)
    return Import(event, check(rows), fields["notify"])


class ImportView(PeopleViews):
    """Where a sheet comes in."""

    parser_classes = (MultiPartParser,)
    pagination_class = None
    problems: ClassVar = {"post": (409, 429)}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what is too large before any of it is read, which telling a forged request from another would do."""
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isascii() and announced.isdigit() and int(announced) > MOST_BYTES + _FORM_BYTES:
            raise _too_large()
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="event_registrations_import",
        request={"multipart/form-data": SheetSerializer},
        responses={201: ImportedSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent_after(_read)
    def post(self, request: Request, wanted: Import, event_id: UUID) -> Response:
        """Register everybody in a sheet, confirmed at once; or nobody, and every fault is at `/rows/<n>/<column>`.

        Rows are counted from 1 for the first below the head, as `n + 1` in a spreadsheet whose first row is the head.
        """
        imported = import_people(
            wanted.event,
            wanted.sheet,
            notify=wanted.notify,
            actor=actor_of(request),
        )
        return Response({"imported": imported}, status=201)


def _too_large() -> TooLargeError:
    return TooLargeError(f"A sheet has at most {MOST_BYTES // 2**20} MB. Send it in parts.")
