"""Timezones as iCalendar writes them (VTIMEZONE, RFC 5545, section 3.6.5): when clocks change, and by how much.

The library's own list every change as an RDATE, which Outlook passes over, and begin spring an hour late. Here a change
that comes every year on the same weekday is a rule, as Google and Apple write it.
"""

import calendar
import functools
import zoneinfo
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import icalendar

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LAST = -1
_STEP = timedelta(days=7)  # no clocks changed twice within it since 1990
_Kind = tuple[timedelta, timedelta, str]


@dataclass(frozen=True, slots=True)
class _Change:
    """That clocks change."""

    onset: datetime  # as they showed it before
    before: timedelta
    after: timedelta
    name: str  # what the time is called from then on

    @property
    def kind(self) -> _Kind:
        return self.before, self.after, self.name


@functools.lru_cache(maxsize=1024)  # there are some 600
def vtimezone(name: str, first: int, last: int) -> icalendar.Timezone:
    """Return the timezone as it is from one year to another, both and their neighbours among them."""
    years = range(first - 1, last + 2)
    begin, *changes = _changes(zoneinfo.ZoneInfo(name), years)
    timezone = icalendar.Timezone()
    timezone.add("tzid", name)
    rules = _rules(changes, years)
    for change, rule in rules or [(change, {}) for change in (begin, *changes)]:
        timezone.add_component(_observance(change, rule))
    return timezone


def _changes(zone: zoneinfo.ZoneInfo, years: range) -> list[_Change]:
    """Return what holds when the first year begins, as a change from itself, and every change from then on."""
    day, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (years.start, years.stop))
    offset = _offset(day, zone)
    found = [_Change(datetime(years.start, 1, 1), offset, offset, day.astimezone(zone).tzname() or "")]  # noqa: DTZ001
    while day < end:
        later = min(day + _STEP, end)
        if _offset(later, zone) != offset:
            moment = _first_after(day, later, zone)
            here = moment.astimezone(zone)
            after = _offset(moment, zone)
            found.append(_Change((moment + offset).replace(tzinfo=None), offset, after, here.tzname() or ""))
            offset = after
        day = later
    return found


def _first_after(before: datetime, after: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """Return the first second with another offset than the first of two moments, by halving."""
    offset = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(moment: datetime, zone: zoneinfo.ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _rules(changes: list[_Change], years: range) -> list[tuple[_Change, dict[str, object]]]:
    """Return the first change of each kind with the rule it follows every year; nothing where one follows none."""
    kinds: defaultdict[_Kind, list[_Change]] = defaultdict(list)
    for change in changes:
        kinds[change.kind].append(change)
    rules = []
    for same in kinds.values():
        onsets = [change.onset for change in same]
        week = _week_of_month(onsets)
        if week is None or [onset.year for onset in onsets] != list(years):
            return []
        day = f"{week}{_WEEKDAYS[onsets[0].weekday()]}"
        rules.append((same[0], {"FREQ": "YEARLY", "BYMONTH": onsets[0].month, "BYDAY": day}))
    return rules


def _week_of_month(onsets: list[datetime]) -> int | None:
    """Return which one of its weekday in its month each of them is, at the same time of day; None if they differ."""
    if len({(onset.month, onset.weekday(), onset.time()) for onset in onsets}) > 1:
        return None
    numbers = [{(onset.day + 6) // 7} | ({_LAST} if _is_last_week(onset) else set()) for onset in onsets]
    return min(set.intersection(*numbers), default=None)


def _is_last_week(onset: datetime) -> bool:
    return onset.day + 7 > calendar.monthrange(onset.year, onset.month)[1]


def _observance(change: _Change, rule: dict[str, object]) -> icalendar.Component:
    made = icalendar.TimezoneDaylight() if change.after > change.before else icalendar.TimezoneStandard()
    made.add("dtstart", change.onset)
    made.add("tzoffsetfrom", change.before)
    made.add("tzoffsetto", change.after)
    made.add("tzname", change.name)
    if rule:
        made.add("rrule", rule)
    return made
