"""Conferences from a JSON file, as drafts of events: text in, drafts or faults out. Reads no database and no clock."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from turnout.core.errors import InvalidError
from turnout.core.text import digest, fold
from turnout.events.languages import ISO_639_1
from turnout.events.timezones import start_of_day, zone_of

MAX_NAME = 200
MAX_PLACE = 200
MAX_URL = 500
MAX_TOPIC = 100
MAX_TOPICS = 50
MAX_DAYS = 366
YEARS = range(1970, 2200)

# What PostgreSQL refuses (NUL), no encoding can hold (lone surrogates), and nobody means to write.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HAS_CONTROL = "holds a control character, or half of a surrogate pair"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_url_is_valid = URLValidator(schemes=["http", "https"])
# Texts of the format that nothing is taken from: they must be texts all the same.
_UNUSED = ("twitter", "mastodon", "bluesky", "cfpUrl", "cfpEndDate", "cocUrl")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say about a row; they count from 1."""

    row: int
    field: str
    detail: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.field}: {self.detail}"


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
    try:
        rows = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidError(f"This is not UTF-8 text: byte {error.start} is not part of any") from error
    except ValueError as error:
        raise InvalidError(f"This is not valid JSON: {error}") from error
    except RecursionError as error:
        raise InvalidError("This is not a list of conferences: it is nested too deeply") from error
    if not isinstance(rows, list):
        raise InvalidError("This is not a list of conferences: the outermost must be a JSON list")
    return rows


class _Row:
    """One row while it is read: its fields, and what is found wrong with them."""

    def __init__(self, number: int, content: object) -> None:
        self.number = number
        self.faults: list[Remark] = []
        self.notes: list[Remark] = []
        self._content: Mapping[str, object] = {}
        if isinstance(content, dict):
            self._content = content
        else:
            self.fault("row", "must be an object, such as {...}")

    def fault(self, name: str, detail: str) -> None:
        self.faults.append(Remark(self.number, name, detail))

    def draft(self) -> Draft | None:
        """Return the event this row describes, or None where anything is wrong."""
        if self.faults:
            return None
        title, website, description = self._title(), self._website(), self._description()
        days, (city, country, online), languages = self._days(), self._place(), self._languages()
        for name in _UNUSED:
            self._text(name)
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

    def _title(self) -> str:
        title = self._text("name", required=True)
        if title and not any(letter.isprintable() and letter != " " for letter in title):
            self.fault("name", "has no visible character")
        self._limit("name", title, MAX_NAME)
        return title

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
        text = self._text(name, required=True)
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
        city, country, online = self._text("city"), self._text("country"), self._flag("online")
        if not city and not online and len(self.faults) == before:
            self.fault("city", "missing, and it is not online: nobody could attend")
        self._limit("city", _location(city, country), MAX_PLACE)
        return city, country, online

    def _website(self) -> str:
        url = self._text("url")
        self._limit("url", url, MAX_URL)
        try:
            if url and len(url) <= MAX_URL:
                _url_is_valid(url)
        except ValidationError:
            self.fault("url", "must be a valid http:// or https:// address")
        return url

    def _description(self) -> str:
        topics = self._topics()
        about = f"Topics: {', '.join(topics)}." if topics else ""
        help_to_follow = "Sign language or captions are offered." if self._flag("offersSignLanguageOrCC") else ""
        return " ".join(filter(None, (about, help_to_follow)))

    def _topics(self) -> list[str]:
        topics = self._content.get("topics")
        if topics is None:
            return []
        if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
            self.fault("topics", "must be a list of texts")
            return []
        if len(topics) > MAX_TOPICS:
            self.fault("topics", f"more than {MAX_TOPICS}")
            return []
        if any(_CONTROL.search(topic) for topic in topics):
            self.fault("topics", _HAS_CONTROL)
        clean = [" ".join(topic.split()) for topic in topics]
        self._limit("topics", max(clean, key=len, default=""), MAX_TOPIC)
        return [topic for topic in clean if topic]

    def _languages(self) -> tuple[str, ...]:
        codes = dict.fromkeys(code.strip() for code in self._text("locales").lower().split(","))
        for code in codes:
            if code and code not in ISO_639_1:
                self._note("locales", f'"{_short(code.upper())}" is left out: not a code of ISO 639-1')
        return tuple(code for code in codes if code in ISO_639_1)

    def _timezone(self, city: str, country: str) -> str:
        """Return the place's timezone; UTC for what has no place, and for a place we can't find, with a note."""
        zone = zone_of(city, country) if city else "UTC"
        if zone is None:
            named = f'"{_short(country)}" is no country we know' if country else "missing"
            self._note("country", f"{named}: its days are taken to begin at midnight UTC")
        return zone or "UTC"

    def _flag(self, name: str) -> bool:
        value = self._content.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.fault(name, "must be true or false")
        return False

    def _text(self, name: str, *, required: bool = False) -> str:
        """Return a text, trimmed and with single spaces; empty where it is missing or wrong."""
        value = self._content.get(name)
        if value is None:
            if required:
                self.fault(name, "missing")
            return ""
        if not isinstance(value, str):
            self.fault(name, "must be text")
            return ""
        if _CONTROL.search(value):
            self.fault(name, _HAS_CONTROL)
            return ""
        text = " ".join(value.split())
        if required and not text:
            self.fault(name, "empty")
        return text

    def _limit(self, name: str, text: str, length: int) -> None:
        if len(text) > length:
            self.fault(name, f"longer than {length} characters")

    def _note(self, name: str, detail: str) -> None:
        self.notes.append(Remark(self.number, name, detail))


def _location(city: str, country: str) -> str:
    return ", ".join(filter(None, (city, country))) if city else ""


def _short(text: str, length: int = 40) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
