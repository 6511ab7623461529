"""One session of a schedule: what, where, when, who."""

import re
from datetime import UTC, datetime, time, timedelta

from turnout.core.text import digest, fold
from turnout.events.files import has_control, short
from turnout.events.languages import ISO_639_1
from turnout.events.schedules.conferences import Conference
from turnout.events.schedules.drafts import PersonDraft, SessionDraft
from turnout.events.schedules.files import Entry
from turnout.events.schedules.pieces import MAX_TEXT, SchedulePiece
from turnout.events.schedules.times import clock_of, day_of, duration_of, is_in_years, moment_of
from turnout.events.timezones import YEARS, at

MAX_TITLE = 200
MAX_PERSON = 200
MAX_ROOM = 100
MAX_TRACK = 100
MAX_LANGUAGE = 12
LONGEST = timedelta(days=366)

_LANGUAGE = re.compile(r"[a-z]{2}(-[a-z0-9]{1,8})*")
_NAMES = ("public_name", "name", "full_public_name")  # of a person: frab's, pretalx's, older frab's
_KEYS = ("guid", "id", "code")  # under which a person is known, the best first
_YEAR = f"the year must be from {YEARS[0]} to {YEARS[-1]}"


class Session(SchedulePiece):
    """One session while it is read."""

    def __init__(self, entry: Entry, conference: Conference) -> None:
        super().__init__(entry.number, entry.content, entry.where, "session")
        self._entry = entry
        self._conference = conference
        self.source_key = self._key()

    def draft(self) -> SessionDraft | None:
        """Return the session, or None where anything is wrong that it can't be without."""
        if not isinstance(self._entry.content, dict):
            return None
        title, room, moments, speakers = self.name("title", MAX_TITLE), self._room(), self._moments(), self._speakers()
        if self.faults or moments is None:
            return None
        return SessionDraft(
            source_key=self.source_key,
            title=title,
            description=self._description(),
            language=self._language(),
            track=self.optional("track", MAX_TRACK),
            room=room,
            starts_at=moments[0],
            ends_at=moments[1],
            speakers=speakers,
        )

    def _key(self) -> str:
        """Return what the session is known by within its conference: its guid, else its id."""
        guid = self.text("guid").lower()
        if guid:
            return digest("guid", guid)
        number = _number(self.content.get("id"))
        if not self.faults and not number:
            self.fault("guid", "missing, and there is no id either: it could not be known again")
        return digest("id", number) if number else ""

    def _room(self) -> str:
        own, around = self.text("room"), " ".join(self._entry.room.split())
        if own and around and own != around:
            self.note("room", f'"{short(own)}" is taken, though it stands under "{short(around)}"')
        elif not own and has_control(around):
            self.fault("room", "its name holds a control character, or half of a surrogate pair")
        room = own or around
        self.limit("room", room, MAX_ROOM)
        return room

    def _description(self) -> str:
        paragraphs = dict.fromkeys(
            (self.optional("subtitle", MAX_TEXT), self.prose("abstract"), self.prose("description"))
        )
        return "\n\n".join(filter(None, paragraphs))

    def _language(self) -> str:
        text = self.optional("language", MAX_TITLE)
        code = text.lower().replace("_", "-")
        if not code or (_LANGUAGE.fullmatch(code) and code[:2] in ISO_639_1 and len(code) <= MAX_LANGUAGE):
            return code
        self.note("language", f'"{short(text)}" is left out: it does not begin with a code of ISO 639-1')
        return ""

    # --- When ------------------------------------------------------------------------------------------------

    def _moments(self) -> tuple[datetime, datetime] | None:
        starts_at, duration = self._start(), self._duration()
        if starts_at is None or duration is None:
            return None
        ends_at = starts_at + duration
        if is_in_years(ends_at):
            return starts_at, ends_at
        self.fault("duration", "it would end in a year that no calendar needs")
        return None

    def _start(self) -> datetime | None:
        """Return the moment that `date` says; where there is none, that of `start` on the day it stands under."""
        before, text = len(self.faults), self.text("date")
        if len(self.faults) > before:
            return None
        moment = self._dated(text) if text else self._timed()
        if moment is None or moment.tzinfo is not None:
            return moment
        known = at(moment, self._conference.zone)
        if known is None:
            self.fault("date" if text else "start", "there was no such time: clocks skipped it")
        return known

    def _dated(self, text: str) -> datetime | None:
        moment = moment_of(text)
        if moment is None:
            self.fault("date", "must be a moment such as 2019-08-21T11:00:00+02:00")
        elif not is_in_years(moment):
            self.fault("date", _YEAR)
        else:
            self._compare(moment)
            return moment.astimezone(UTC) if moment.tzinfo else moment
        return None

    def _compare(self, moment: datetime) -> None:
        start = self.optional("start", MAX_TITLE)
        if start and _clock(start) != moment.time():
            self.note("start", f'"{short(start)}" is not what `date` says: {moment:%H:%M} is taken')

    def _timed(self) -> datetime | None:
        """Return what clocks show when it starts: before the day's own start is after midnight, the next morning."""
        text = self.text("start", required=True)
        clock, value = clock_of(text), self._entry.day.date
        day = day_of(value.strip()) if isinstance(value, str) else None
        if text and clock is None:
            self.fault("start", "must be a time such as 09:30")
        elif text and day is None:
            self.fault("date", f"missing, and day {self._entry.day.number} has no date such as 2019-08-21 either")
        if clock is None or day is None:
            return None
        moment = datetime.combine(day, clock)
        if not is_in_years(moment):
            self.fault("date", _YEAR)
            return None
        return moment + timedelta(days=clock < self._day_starts())

    def _day_starts(self) -> time:
        value = self._entry.day.start
        clock = _clock(value.strip()) if isinstance(value, str) else None
        return clock or self._conference.day_change or time.min

    def _duration(self) -> timedelta | None:
        text = self.text("duration", required=True)
        duration = duration_of(text)
        if duration is None:
            if text:
                self.fault("duration", "must be hours and minutes such as 00:45")
        elif not duration:
            self.fault("duration", "must be longer than nothing")
        elif duration > LONGEST:
            self.fault("duration", "longer than a year")
        else:
            return duration
        return None

    # --- Who -------------------------------------------------------------------------------------------------

    def _speakers(self) -> tuple[PersonDraft, ...]:
        persons = self.content.get("persons")
        if persons is None:
            return ()
        if not isinstance(persons, list):
            self.fault("persons", "must be a list")
            return ()
        found: dict[str, PersonDraft] = {}
        for place, content in enumerate(persons, start=1):
            person = self._person(place, {"name": content} if isinstance(content, str) else content)
            if person:
                found.setdefault(person.source_key, person)
        return tuple(found.values())

    def _person(self, place: int, content: object) -> PersonDraft | None:
        piece = SchedulePiece(self.number, content, f"{self.where}, person {place}", "person")
        names = [piece.optional(name, MAX_PERSON) for name in _NAMES]
        name = next(filter(None, names), "")
        if not piece.faults and not name:
            piece.note("name", "missing: this person is left out")
        self.faults += piece.faults
        self.notes += piece.notes
        keys = (_number(piece.content.get(key)) for key in _KEYS)
        key = next(filter(None, keys), "") or f"name {fold(name)}"
        # Ids count from 1 in every system, so a person is known within one conference only.
        return PersonDraft(digest("speaker", self._conference.source_key, key), name) if name else None


def _number(value: object) -> str:
    """Return an id, a number or a text, as text; empty where it is neither or can't be used."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = value.strip().lower() if isinstance(value, str) else ""
    return "" if has_control(text) else text


def _clock(text: str) -> time | None:
    """Return what clocks show at a time or a moment."""
    moment = moment_of(text)
    return moment.time() if moment else clock_of(text)
