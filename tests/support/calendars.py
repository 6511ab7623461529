"""Calendar files as two parsers that are not ours read them: vobject, and ical.js under Node."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest
import vobject

from tests.support.tools import NODE, needs_node


@dataclass(frozen=True, slots=True)
class Entry:
    """What a reader shows of one entry."""

    uid: str
    sequence: int
    status: str
    starts: date  # a datetime, in UTC, for what does not take whole days
    ends: date
    summary: str
    description: str
    location: str
    url: str
    attendee: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a reader makes of a file."""

    method: str
    name: str
    zones: list[str]
    entries: list[Entry]


Reader = Callable[[bytes], Calendar]


def read_with_vobject(content: bytes) -> Calendar:
    """Read a file with vobject, by its own timezones alone."""
    zones: dict[str, Any] = vars(vobject.icalendar)["__tzidMap"]
    zones.clear()  # it keeps what it read in other files
    vobject.icalendar.registerTzid("UTC", vobject.icalendar.utc)
    (read,) = vobject.readComponents(content.decode())
    return Calendar(
        method=_text(read, "method"),
        name=_text(read, "x_wr_calname"),
        zones=[zone.tzid.value for zone in read.contents.get("vtimezone", [])],
        entries=[_entry(each) for each in read.contents.get("vevent", [])],
    )


def _entry(read: Any) -> Entry:
    return Entry(
        sequence=int(read.sequence.value),
        starts=_in_utc(read.dtstart.value),
        ends=_in_utc(read.dtend.value),
        **{name: _text(read, name) for name in ("uid", "status", "summary", "description", "location", "url")},
        attendee=_text(read, "attendee"),
    )


def _text(read: Any, name: str) -> str:
    return str(getattr(read, name).value) if hasattr(read, name) else ""


def _in_utc(moment: date) -> date:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def read_with_ical_js(content: bytes) -> Calendar:
    """Read a file with ical.js."""
    done = subprocess.run(
        [shutil.which("node") or "node", NODE / "calendars.mjs"],
        input=json.dumps([content.decode()]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (read,) = json.loads(done.stdout)
    return Calendar(**{**read, "entries": [_entry_of(each) for each in read["entries"]]})


def _entry_of(read: dict[str, Any]) -> Entry:
    moments = {name: _moment(read[name]) for name in ("starts", "ends")}
    return Entry(**{**read, **moments})


def _moment(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


READERS = [
    pytest.param(read_with_vobject, id="vobject"),
    pytest.param(read_with_ical_js, id="ical.js", marks=needs_node),
]
