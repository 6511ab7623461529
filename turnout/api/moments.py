"""Moments in query parameters and in bodies, as people and programs write them."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from django import forms
from django.utils.timezone import get_current_timezone
from django_filters import fields
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from turnout.events.timezones import ClockError, read_clock

# In a query `+` means a space: `T10:00:00 02:00` was meant as `T10:00:00+02:00`.
_LOST_PLUS = re.compile(r"(T[\d:.,]+) (\d\d:?\d\d)$")
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")


class MomentField(fields.IsoDateTimeField):
    """RFC 3339, or a date, which is its midnight; without offset, in the site's timezone."""

    days = 0  # added to a date, by the calendar: a day on which clocks change is not 24 hours long

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment; ValidationError for what is none, or lies beyond what UTC can say."""
        text = _LOST_PLUS.sub(r"\1+\2", value.strip()) if isinstance(value, str) else value
        try:
            if isinstance(text, str) and _DATE.fullmatch(text):
                day = datetime.combine(date.fromisoformat(text) + timedelta(days=self.days), time.min)
                return day.replace(tzinfo=get_current_timezone()).astimezone(UTC)
            moment: datetime | None = super().to_python(text)
            return moment and moment.astimezone(UTC)
        except (OverflowError, ValueError) as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class LastMomentField(MomentField):
    """The end of a range: a date means the whole of that day."""

    days = 1

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment, or the last one of the day."""
        moment = super().to_python(value)
        is_day = isinstance(value, str) and _DATE.fullmatch(value.strip())
        return moment - timedelta(microseconds=1) if moment and is_day else moment


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(filters.IsoDateTimeFilter):
    """A bound of a range."""

    field_class = MomentField


@extend_schema_field(OpenApiTypes.DATETIME)
class LastMomentFilter(filters.IsoDateTimeFilter):
    """The upper bound of a range."""

    field_class = LastMomentField


class ClockField(serializers.DateTimeField):
    """RFC 3339; what has no offset is what clocks in some timezone show, which `moment_at` reads."""

    def enforce_timezone(self, value: datetime) -> datetime:
        """Leave it as it was written: the timezone may stand elsewhere in what was sent."""
        return value


def moment_at(written: datetime, zone: tzinfo) -> datetime:
    """Return the moment in UTC: by its offset, or what clocks in the zone show, the first of two.

    ValidationError for a year that makes no sense, and for what those clocks skip.
    """
    try:
        return read_clock(written, zone)
    except ClockError as error:
        raise serializers.ValidationError(error.detail, error.code) from error
