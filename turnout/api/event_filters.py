"""How events are looked for: the parameters of their lists."""

import dataclasses
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from turnout.api.moments import LastMomentFilter, MomentFilter
from turnout.events.models import AttendanceType, Event, EventQuerySet
from turnout.events.queries import Search, search

_LONGEST = 200  # a database compares each word of it


class TextFilter(filters.CharFilter):
    """A text of at most 200 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=_LONGEST, **options)


class EventFilter(filters.FilterSet):
    """The parameters of the contract, read and described; `turnout.events.queries.search` is what they mean.

    An empty one filters nothing, an unknown one is ignored.
    """

    q = TextFilter(label="Every word, as the beginning of a word in title or description.")
    location = TextFilter(label="The location or its beginning, case and accents apart.")
    language = TextFilter(label="A language it is held in, such as `en`.")
    starts_after = MomentFilter(field_name="starts_at", label="Starts then or later; a date is its midnight.")
    starts_before = LastMomentFilter(field_name="starts_at", label="Starts then or earlier; a date is all of that day.")
    kind = filters.ChoiceFilter(choices=Event.Kind.choices)
    partner = filters.UUIDFilter(field_name="partner_id")
    speaker = filters.UUIDFilter(field_name="speakers__id")
    attendance_type = filters.ChoiceFilter(choices=AttendanceType.choices)
    series = filters.UUIDFilter(field_name="series_id", label="Events of this series.")
    has_seats = filters.BooleanFilter(label="Whether a seat is left.")
    ordering = filters.OrderingFilter(fields=["starts_at", "title"])

    ranks: ClassVar = False  # whether what is found by words stands by relevance

    def filter_queryset(self, queryset: EventQuerySet) -> QuerySet[Event]:
        """Return what was asked for, in the order asked for."""
        ordering = self.form.cleaned_data["ordering"]
        found = search(queryset, self.wanted(), ranked=self.ranks and not ordering)
        ordered: QuerySet[Event] = self.filters["ordering"].filter(found, ordering)
        return ordered

    def wanted(self) -> Search:
        """Return what was asked for, in the words of the search."""
        names = (field.name for field in dataclasses.fields(Search))
        return Search(**{name: self.form.cleaned_data[name] for name in names})


class SearchFilter(EventFilter):
    """The same filters under seed B's names, beside ours."""

    ranks: ClassVar = True

    keyword = TextFilter(label="The same as `q`.")
    date_from = MomentFilter(field_name="starts_at", label="The same as `starts_after`.")
    date_to = LastMomentFilter(field_name="starts_at", label="The same as `starts_before`.")

    def wanted(self) -> Search:
        """Return what was asked for; where both names of a thing are given, both count."""
        asked, wanted = self.form.cleaned_data, super().wanted()
        starts = [moment for moment in (wanted.starts_after, asked["date_from"]) if moment]
        ends = [moment for moment in (wanted.starts_before, asked["date_to"]) if moment]
        return dataclasses.replace(
            wanted,
            q=f"{wanted.q} {asked['keyword']}".strip(),
            starts_after=max(starts, default=None),
            starts_before=min(ends, default=None),
        )
