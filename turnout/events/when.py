"""When an event is, as people there read the clock, in the active language."""

from datetime import date, datetime, time, timedelta

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from turnout.events.models import Event

_DAY, _DAY_OF_THE_YEAR, _TIME = "l j F Y", "l j F", "H:i"


def when(event: Event) -> str:
    """Return from when to when, with the timezone; days alone for what takes whole days."""
    start, end = localtime(event.starts_at, event.zone), localtime(event.ends_at, event.zone)
    days = whole_days(event)
    if days is not None:
        return _days(*days)
    if start.date() == end.date():
        clock = _moment(start, _DAY), _clock(end)
    else:
        clock = _moment(start, _DAY_OF_THE_YEAR if start.year == end.year else _DAY), _moment(end, _DAY)
    return f"{_from_to(*clock)} ({event.timezone})"


def whole_days(event: Event) -> tuple[date, date] | None:
    """Return the first and the last day of what takes whole days, from midnight to midnight; None for what does not."""
    start, end = localtime(event.starts_at, event.zone), localtime(event.ends_at, event.zone)
    is_whole = start.time() == end.time() == time() and start.date() < end.date()
    return (start.date(), end.date() - timedelta(days=1)) if is_whole else None


def is_shown_twice(at: datetime) -> bool:
    """Tell whether clocks show this time of day twice, as they are put back."""
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()


def moment(event: Event, at: datetime) -> str:
    """Return a moment as people where the event is read the clock."""
    return f"{_moment(localtime(at, event.zone), _DAY)} ({event.timezone})"


def _days(first: date, last: date) -> str:
    if first == last:
        return date_format(first, _DAY)
    return _from_to(date_format(first, _DAY_OF_THE_YEAR if first.year == last.year else _DAY), date_format(last, _DAY))


def _moment(at: datetime, day: str) -> str:
    return _("%(day)s, %(time)s") % {"day": date_format(at, day), "time": _clock(at)}


def _clock(at: datetime) -> str:
    """Return what clocks show, with the offset from UTC where they show it twice."""
    clock = date_format(at, _TIME)
    return f"{clock} {at:%z}" if is_shown_twice(at) else clock


def _from_to(start: str, end: str) -> str:
    return f"{start} – {end}"  # noqa: RUF001  # a range is written with this dash
