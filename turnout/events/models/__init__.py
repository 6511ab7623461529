"""Events and what belongs to them."""

from turnout.events.models.events import (
    LANGUAGE_CODE,
    AttendanceType,
    Event,
    EventLanguage,
    EventQuerySet,
    SeatPool,
    Session,
    location_key,
)
from turnout.events.models.people import Partner, Speaker
from turnout.events.models.teams import TeamMember

__all__ = [
    "LANGUAGE_CODE",
    "AttendanceType",
    "Event",
    "EventLanguage",
    "EventQuerySet",
    "Partner",
    "SeatPool",
    "Session",
    "Speaker",
    "TeamMember",
    "location_key",
]
