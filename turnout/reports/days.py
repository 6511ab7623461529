"""What happened on which day, as calendars at the event count days."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, Func

from turnout.events.models import Event
from turnout.registrations.models import Registration

MOST_DAYS = 400
_QUARTER = 15 * 60  # seconds


@dataclass(frozen=True, slots=True)
class Day:
    """How many registered, confirmed their address and cancelled on a day; those who only wait confirmed it, too."""

    date: date
    registered: int
    confirmed: int
    cancelled: int


class Slot(Func):
    """The number of the span of so many seconds, since 1970, in which a moment lies.

    In every timezone there is a day begins with a quarter of an hour, so days can be put together from them: the
    database need not know timezones, which MariaDB mostly does not, nor Python read every row.
    """

    output_field = BigIntegerField()
    template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / %(seconds)d)::bigint"

    def __init__(self, moment: Any, seconds: int) -> None:
        super().__init__(moment, seconds=seconds)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Leave out fractions of seconds, which SQLite would round."""
        template = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER) / %(seconds)d"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Count from a moment in UTC, as the column is."""
        template = "TIMESTAMPDIFF(SECOND, '1970-01-01', %(expressions)s) DIV %(seconds)d"
        return self.as_sql(compiler, connection, template=template, **context)


def days_of(event: Event) -> list[Day]:
    """Return every day from the first on which anything happened to the last, 400 at most, in three queries."""
    counts = {name: _by_day(event, column) for name, column in _COLUMNS.items()}
    known = [day for each in counts.values() for day in each]
    if not known:
        return []
    last = max(known)
    first = max(min(known), last - timedelta(days=MOST_DAYS - 1))
    dates = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [Day(day, **{name: each[day] for name, each in counts.items()}) for day in dates]


_COLUMNS = {"registered": "created_at", "confirmed": "confirmed_at", "cancelled": "cancelled_at"}


def _by_day(event: Event, column: str) -> Counter[date]:
    happened = Registration.objects.filter(event=event, **{f"{column}__isnull": False}).order_by()
    counted = happened.values_list(Slot(column, _QUARTER)).annotate(count=Count("pk"))
    days: Counter[date] = Counter()
    for quarter, count in counted:
        days[datetime.fromtimestamp(quarter * _QUARTER, event.zone).date()] += count
    return days
