"""Dates, times and durations as schedules write them. Text in, None where it is not one."""

import re
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from turnout.events.timezones import YEARS, zone_names

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
_HOURS = re.compile(r"(?P<hours>[0-9]{1,4}):(?P<minutes>[0-5][0-9])")
# pretalx writes what takes a day or longer as days:HH:MM, the days without a zero before them.
_DAYS = re.compile(r"(?P<days>[1-9]):(?P<hours>[01][0-9]|2[0-3]):(?P<minutes>[0-5][0-9])")
# The schema of the XML form allows seconds.
_SECONDS = re.compile(
    r"(?:(?P<days>[1-9][0-9]?):)?(?P<hours>[0-9]{1,2}):(?P<minutes>[0-5][0-9]):(?P<seconds>[0-5]?[0-9])"
)


def day_of(text: str) -> date | None:
    """Read a date such as 2019-08-21."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def moment_of(text: str) -> datetime | None:
    """Read a moment such as 2019-08-21T11:00:00+02:00; without an offset it is what clocks there show."""
    match = _MOMENT.fullmatch(text)
    try:
        return match and datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}")
    except ValueError:
        return None


def clock_of(text: str) -> time | None:
    """Read a time such as 9:30, 09:30 or 09:30:00."""
    match = _CLOCK.fullmatch(text)
    try:
        return match and time(int(match[1]), int(match[2]), int(match[3] or 0))
    except ValueError:
        return None


def duration_of(text: str) -> timedelta | None:
    """Read a duration: 00:45, 25:00, pretalx's 1:02:30 (a day, two hours and a half), 00:45:00, 1:02:30:00."""
    match = _HOURS.fullmatch(text) or _DAYS.fullmatch(text) or _SECONDS.fullmatch(text)
    return match and timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count})


def is_in_years(moment: datetime) -> bool:
    """Tell whether a moment lies in the years that have a meaning, in UTC as well."""
    return moment.year in YEARS and (moment.tzinfo is None or moment.astimezone(UTC).year in YEARS)


def zone_called(name: str) -> tzinfo | None:
    """Return the timezone of this name, if there is one."""
    return zoneinfo.ZoneInfo(name) if name in zone_names() else None


def zone_with(offset: timedelta) -> str:
    """Return the name of a timezone whose clocks always differ so much from UTC; UTC where none has a name.

    The signs in those names are turned about: Etc/GMT-2 is two hours before UTC.
    """
    hours, rest = divmod(offset, timedelta(hours=1))
    name = f"Etc/GMT{-hours:+d}"
    return name if hours and not rest and name in zone_names() else "UTC"


def fixed(offset: timedelta) -> tzinfo:
    """Return a zone of this offset."""
    return timezone(offset)
