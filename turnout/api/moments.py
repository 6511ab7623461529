"""Moments in query parameters, as people and programs write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django_filters import fields
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

# In a query `+` means a space: `T10:00:00 02:00` was meant as `T10:00:00+02:00`.
_LOST_PLUS = re.compile(r"(T[\d:.,]+) (\d\d:?\d\d)$")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class MomentField(fields.IsoDateTimeField):
    """RFC 3339, or a date, which is its midnight; without offset, in the site's timezone."""

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment; ValidationError for what is none, or lies beyond what UTC can say."""
        text = _LOST_PLUS.sub(r"\1+\2", value.strip()) if isinstance(value, str) else value
        moment: datetime | None = super().to_python(text)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class LastMomentField(MomentField):
    """The end of a range: a date means the whole of that day."""

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment, or the last one of the day."""
        moment = super().to_python(value)
        if moment is None or not _DATE.fullmatch(str(value).strip()):
            return moment
        return moment + timedelta(days=1, microseconds=-1)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentFilter(filters.IsoDateTimeFilter):
    """A bound of a range."""

    field_class = MomentField


@extend_schema_field(OpenApiTypes.DATETIME)
class LastMomentFilter(filters.IsoDateTimeFilter):
    """The upper bound of a range."""

    field_class = LastMomentField
