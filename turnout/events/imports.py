"""Conferences from a JSON file, as drafts of events: text in, drafts or faults out. Reads no database and no clock."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from turnout.core.errors import InvalidError
from turnout.core.text import digest, fold
from turnout.events.files import HAS_CONTROL, Piece, Remark, has_control, read_json, short
from turnout.events.languages import ISO_639_1
from turnout.events.timezones import YEARS, start_of_day, zone_of

MAX_NAME = 200
MAX_PLACE = 200
MAX_TOPIC = 100
MAX_TOPICS = 50
MAX_DAYS = 366

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Texts of the format that nothing is taken from: they must be texts all the same.
_UNUSED = ("twitter", "mastodon", "bluesky", "cfpUrl", "cfpEndDate", "cocUrl")


@dataclass(frozen=True, slots=True)
class Draft:
    """A conference as it is to be: fields named as an event's, and the row it was read from."""

    row: int
    source_key: str
    title: str
    description: str
    website: str
    location: str
    offers_on_site: bool
    offers_online: bool
    timezone: str
    starts_at: datetime
    ends_at: datetime
    languages: tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """What a file holds: drafts, what is wrong with the rows left out, and notes on rows that are in."""

    drafts: list[Draft] = field(default_factory=list)
    faults: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """How many rows are left out."""
        return len({fault.row for fault in self.faults})


def read_conferences(content: bytes) -> Reading:
    """Read a JSON list of conferences, each row on its own: a bad one is reported and left out.

    Of two rows with the same name (case and accents apart) and startDate the later is left out.
    InvalidError where the file as a whole can't be read.
    """
    reading = Reading()
    known: dict[str, int] = {}
    for number, content_of_row in enumerate(_rows(content), start=1):
        row = _Row(number, content_of_row)
        draft = row.draft()
        if draft is not None and draft.source_key in known:
            row.fault("name", f"the same name and startDate as row {known[draft.source_key]}")
        elif draft is not None:
            known[draft.source_key] = number
            reading.drafts.append(draft)
            reading.notes += row.notes
        reading.faults += row.faults
    return reading


def _rows(content: bytes) -> list[object]:
    rows = read_json(content, "a list of conferences")
    if not isinstance(rows, list):
        raise InvalidError("This is not a list of conferences: the outermost must be a JSON list")
    return rows


class _Row(Piece):
    """One row while it is read."""

    def draft(self) -> Draft | None:
        """Return the event this row describes, or None where anything is wrong."""
        if self.faults:
            return None
        title, website, description = self.name("name", MAX_NAME), self.website("url"), self._description()
        days, (city, country, online), languages = self._days(), self._place(), self._languages()
        for name in _UNUSED:
            self.text(name)
        if self.faults or days is None:
            return None
        timezone = self._timezone(city, country)
        moments = self._moments(*days, timezone)
        return moments and Draft(
            row=self.number,
            source_key=digest("conference", fold(title), days[0].isoformat()),
            title=title,
            description=description,
            website=website,
            location=_location(city, country),
            offers_on_site=bool(city),
            offers_online=online,
            timezone=timezone,
            starts_at=moments[0],
            ends_at=moments[1],
            languages=languages,
        )

    def _days(self) -> tuple[date, date] | None:
        first, last = self._day("startDate"), self._day("endDate")
        if first is None or last is None:
            return None
        if last < first:
            self.fault("endDate", "before startDate")
        if (last - first).days > MAX_DAYS:
            self.fault("endDate", "more than a year after startDate")
        return first, last

    def _moments(self, first: date, last: date, timezone: str) -> tuple[datetime, datetime] | None:
        starts_at, ends_at = start_of_day(first, timezone), start_of_day(last + timedelta(days=1), timezone)
        if ends_at <= starts_at:
            self.fault("endDate", f"there was no such day in {timezone}")
            return None
        return starts_at, ends_at

    def _day(self, name: str) -> date | None:
        text = self.text(name, required=True)
        if not text:
            return None
        try:
            day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None:
            self.fault(name, "must be a date such as 2026-11-30")
        elif day.year not in YEARS:
            self.fault(name, f"the year must be from {YEARS[0]} to {YEARS[-1]}")
            return None
        return day

    def _place(self) -> tuple[str, str, bool]:
        before = len(self.faults)
        city, country, online = self.text("city"), self.text("country"), self._flag("online")
        if not city and not online and len(self.faults) == before:
            self.fault("city", "missing, and it is not online: nobody could attend")
        self.limit("city", _location(city, country), MAX_PLACE)
        return city, country, online

    def _description(self) -> str:
        topics = self._topics()
        about = f"Topics: {', '.join(topics)}." if topics else ""
        help_to_follow = "Sign language or captions are offered." if self._flag("offersSignLanguageOrCC") else ""
        return " ".join(filter(None, (about, help_to_follow)))

    def _topics(self) -> list[str]:
        topics = self.content.get("topics")
        if topics is None:
            return []
        if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
            self.fault("topics", "must be a list of texts")
            return []
        if len(topics) > MAX_TOPICS:
            self.fault("topics", f"more than {MAX_TOPICS}")
            return []
        if any(has_control(topic) for topic in topics):
            self.fault("topics", HAS_CONTROL)
        clean = [" ".join(topic.split()) for topic in topics]
        self.limit("topics", max(clean, key=len, default=""), MAX_TOPIC)
        return [topic for topic in clean if topic]

    def _languages(self) -> tuple[str, ...]:
        codes = dict.fromkeys(code.strip() for code in self.text("locales").lower().split(","))
        for code in codes:
            if code and code not in ISO_639_1:
                self.note("locales", f'"{short(code.upper())}" is left out: not a code of ISO 639-1')
        return tuple(code for code in codes if code in ISO_639_1)

    def _timezone(self, city: str, country: str) -> str:
        """Return the place's timezone; UTC for what has no place, and for a place we can't find, with a note."""
        zone = zone_of(city, country) if city else "UTC"
        if zone is None:
            named = f'"{short(country)}" is no country we know' if country else "missing"
            self.note("country", f"{named}: its days are taken to begin at midnight UTC")
        return zone or "UTC"

    def _flag(self, name: str) -> bool:
        value = self.content.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.fault(name, "must be true or false")
        return False


def _location(city: str, country: str) -> str:
    return ", ".join(filter(None, (city, country))) if city else ""
