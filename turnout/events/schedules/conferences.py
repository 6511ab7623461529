"""What a schedule says about its conference as a whole."""

from datetime import datetime, timedelta, tzinfo

from turnout.core.errors import InvalidError
from turnout.core.text import digest, fold
from turnout.events.files import short
from turnout.events.schedules.files import Tree
from turnout.events.schedules.pieces import SchedulePiece
from turnout.events.schedules.times import clock_of, fixed, moment_of, zone_called, zone_with

MAX_TITLE = 200
_MAX_PART = 99  # of the location, which is venue and city: together not more than 200


class Conference(SchedulePiece):
    """What the file says about the whole. InvalidError where it can't be told which conference that is."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(0, tree.conference, "conference")
        self.title = self.name("title", MAX_TITLE)
        acronym = self.text("acronym")
        if self.faults:
            raise InvalidError(str(self.faults[0]))
        self.source_key = digest("schedule", fold(acronym or self.title))
        self.day_change = clock_of(self.optional("day_change", MAX_TITLE))
        self._zone_name = self.optional("time_zone_name", MAX_TITLE)
        named = zone_called(self._zone_name)
        self._offset = _first_offset(tree)
        self._is_named = named is not None
        self.zone: tzinfo = named or fixed(self._offset or timedelta())

    def event(self) -> tuple[dict[str, str | datetime], dict[str, str]]:
        """Return what the file says of the event, and what is to be assumed."""
        place = ", ".join(filter(None, (self.optional("venue", _MAX_PART), self.optional("city", _MAX_PART))))
        said = {
            "title": self.title,
            "description": self.prose("description"),
            "website": self.address("url"),
            "location": place,
            "timezone": self._zone_name if self._is_named else "",
        }
        assumed = {} if self._is_named else {"timezone": self._assumed_zone()}
        return {name: text for name, text in said.items() if text}, assumed

    def _assumed_zone(self) -> str:
        zone = zone_with(self._offset or timedelta())
        named = f'"{short(self._zone_name)}" is no timezone we know' if self._zone_name else "missing"
        whence = "no time in the file has an offset" if self._offset is None else "by the first offset in the file"
        self.note("time_zone_name", f"{named}: a new event gets {zone}, {whence}")
        return zone


def _first_offset(tree: Tree) -> timedelta | None:
    for entry in tree.entries:
        date = entry.content.get("date") if isinstance(entry.content, dict) else None
        for text in (date, entry.day.start):
            moment = moment_of(text.strip()) if isinstance(text, str) else None
            if moment is not None and moment.utcoffset() is not None:
                return moment.utcoffset()
    return None
