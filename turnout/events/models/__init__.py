"""Events and what belongs to them."""

from turnout.events.models.events import (
    LANGUAGE_CODE,
    MOST_HOURS,
    Event,
    EventLanguage,
    EventQuerySet,
    Session,
    location_key,
)
from turnout.events.models.people import Partner, Speaker
from turnout.events.models.questions import Question
from turnout.events.models.seats import AttendanceType, SeatPool
from turnout.events.models.series import Series
from turnout.events.models.teams import TeamMember

__all__ = [
    "LANGUAGE_CODE",
    "MOST_HOURS",
    "AttendanceType",
    "Event",
    "EventLanguage",
    "EventQuerySet",
    "Partner",
    "Question",
    "SeatPool",
    "Series",
    "Session",
    "Speaker",
    "TeamMember",
    "location_key",
]
