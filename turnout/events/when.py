"""When an event is, as people there read the clock, in the active language."""

from datetime import datetime, time, timedelta

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from turnout.events.models import Event

_DAY, _DAY_OF_THE_YEAR, _TIME = "l j F Y", "l j F", "H:i"


def when(event: Event) -> str:
    """Return from when to when, with the timezone; days alone for what takes whole days."""
    start, end = localtime(event.starts_at, event.zone), localtime(event.ends_at, event.zone)
    if start.time() == end.time() == time():
        return _days(start, end - timedelta(days=1))
    if start.date() == end.date():
        clock = _moment(start, _DAY), _clock(end)
    else:
        clock = _moment(start, _DAY_OF_THE_YEAR if start.year == end.year else _DAY), _moment(end, _DAY)
    return f"{_from_to(*clock)} ({event.timezone})"


def moment(event: Event, at: datetime) -> str:
    """Return a moment as people where the event is read the clock."""
    return f"{_moment(localtime(at, event.zone), _DAY)} ({event.timezone})"


def _days(first: datetime, last: datetime) -> str:
    if first.date() == last.date():
        return date_format(first, _DAY)
    return _from_to(date_format(first, _DAY_OF_THE_YEAR if first.year == last.year else _DAY), date_format(last, _DAY))


def _moment(at: datetime, day: str) -> str:
    return _("%(day)s, %(time)s") % {"day": date_format(at, day), "time": _clock(at)}


def _clock(at: datetime) -> str:
    """Return what clocks show, with the offset from UTC where they show it twice."""
    is_shown_twice = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    clock = date_format(at, _TIME)
    return f"{clock} {at:%z}" if is_shown_twice else clock


def _from_to(start: str, end: str) -> str:
    return f"{start} – {end}"  # noqa: RUF001  # a range is written with this dash
