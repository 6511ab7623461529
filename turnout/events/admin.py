"""Series in the admin, and how its pages of events read and show times."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.timezone import get_current_timezone

from turnout.core.admin import LookOnlyAdmin
from turnout.events.models import Event, Series
from turnout.events.timezones import ClockError, read_clock, zone_names


class ClockField(forms.SplitDateTimeField):
    """A time by the rule of the API: what clocks skip is refused, and of two moments the first is meant."""

    def compress(self, data_list: Any) -> Any:
        """Return the moment. Django's own refuses what clocks show twice, so that an event there could not be saved."""
        given = [part for part in data_list or () if part not in self.empty_values]
        if len(given) < len(self.fields):  # nothing, or half of it: that is said by Django's own
            return super().compress(data_list)
        try:
            return read_clock(datetime.combine(*given), get_current_timezone())
        except ClockError as error:
            raise ValidationError(error.detail, code=error.code) from error


CLOCKS: dict[Any, Any] = {models.DateTimeField: {"form_class": ClockField}}


class InItsTimezone:
    """What an event's admin gains: its page speaks of times as clocks at the event show them."""

    get_object: Any
    formfield_overrides: ClassVar[dict[Any, Any]] = CLOCKS

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **named: Any) -> Any:
        """Show and read times in the timezone that is sent, else in the event's own."""
        with timezone.override(self._zone(request, object_id)):
            answer = super().changeform_view(request, object_id, *args, **named)  # type: ignore[misc]  # beside an admin
            return answer.render() if isinstance(answer, TemplateResponse) else answer

    def _zone(self, request: HttpRequest, object_id: str | None) -> str | None:
        sent = request.POST.get("timezone", "")
        if sent in zone_names():
            return sent
        event: Event | None = self.get_object(request, object_id) if object_id else None
        return event.timezone if event else None  # None is the site's


@admin.register(Series)
class SeriesAdmin(LookOnlyAdmin):
    """Series; their events are changed one by one here, and together by the API."""

    list_display = ("id", "limit_per_person", "events", "created_at")
    readonly_fields = ("events",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Series]:
        """Count their events with them."""
        counted: QuerySet[Series] = super().get_queryset(request).annotate(events_count=Count("events"))
        return counted

    @admin.display(description="events", ordering="events_count")
    def events(self, series: Series) -> int:
        """Return how many events it has."""
        count: int = series.events_count  # type: ignore[attr-defined]  # annotated
        return count
