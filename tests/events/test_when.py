"""How the time of an event is written."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from turnout.events.models import Event
from turnout.events.when import when


@pytest.mark.parametrize(
    ("start", "end", "language", "written"),
    [
        ("2026-11-21T10:00", "2026-11-21T12:30", "en", "Saturday 21 November 2026, 10:00 – 12:30 (Africa/Algiers)"),
        (
            "2026-11-21T22:00",
            "2026-11-22T01:00",
            "en",
            "Saturday 21 November, 22:00 – Sunday 22 November 2026, 01:00 (Africa/Algiers)",
        ),
        ("2026-11-21T00:00", "2026-11-22T00:00", "en", "Saturday 21 November 2026"),
        ("2026-11-21T00:00", "2026-11-24T00:00", "fr", "samedi 21 novembre – lundi 23 novembre 2026"),
        ("2026-12-31T00:00", "2027-01-02T00:00", "en", "Thursday 31 December 2026 – Friday 1 January 2027"),
        ("2026-11-21T10:00", "2026-11-21T12:30", "ar", "السبت 21 نوفمبر 2026، 10:00 – 12:30 (Africa/Algiers)"),
    ],
)
def test_a_time_is_written_as_short_as_it_can_be_understood(start: str, end: str, language: str, written: str) -> None:
    zone = ZoneInfo("Africa/Algiers")
    starts_at, ends_at = (datetime.fromisoformat(moment).replace(tzinfo=zone) for moment in (start, end))
    with translation.override(language):
        assert when(Event(starts_at=starts_at, ends_at=ends_at, timezone="Africa/Algiers")) == written
