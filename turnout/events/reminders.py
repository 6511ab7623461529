"""When an event's people are reminded of it: so many hours before it starts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

MOST_REMINDERS = 3
EARLIEST = 336  # hours: two weeks


def usual_hours() -> list[int]:
    """Return how many hours before it starts people are reminded where nobody said."""
    return [24]


def check_reminders(hours: object) -> None:
    """ValidationError at `reminder_hours` unless these are up to three different whole numbers from 1 to 336."""
    if (
        not isinstance(hours, list)
        or not all(type(each) is int and 1 <= each <= EARLIEST for each in hours)
        or not len(set(hours)) == len(hours) <= MOST_REMINDERS
    ):
        message = f"Name up to {MOST_REMINDERS} different numbers of hours, each from 1 to {EARLIEST}."
        raise ValidationError({"reminder_hours": ValidationError(message, "invalid")})


def next_reminder(starts_at: datetime, hours: Sequence[int], after: datetime) -> datetime | None:
    """Return the next moment, later than `after`, at which people are reminded; None where there is none."""
    moments = (starts_at - timedelta(hours=each) for each in hours)
    return min((moment for moment in moments if moment > after), default=None)


def version_of(moves: int, hours: int) -> int:
    """Return the version of the message that reminds so long before: new ones once the event was moved again."""
    return moves * (EARLIEST + 1) + hours


def moves_before(version: int) -> int:
    """Return how often the event had been moved when this version of the message was owed."""
    return version // (EARLIEST + 1)


def hours_due(starts_at: datetime, hours: Sequence[int], at: datetime) -> int | None:
    """Return which reminder is the latest due: who missed one gets the next alone; None before the first."""
    return min((each for each in hours if starts_at - timedelta(hours=each) <= at), default=None)
