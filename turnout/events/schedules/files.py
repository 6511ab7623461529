"""The two forms in which a schedule is exchanged, JSON and XML, opened as one: what stands in which day and room.

Both are what frab, pretalx and voc/schedule export. Nothing is judged here but the frame: a day or a room that can't
be read may hide sessions, so it is the whole file that is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError  # their names: what reads is defusedxml

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from turnout.core.errors import InvalidError
from turnout.events.files import once, read_json, short

_KIND = "a schedule"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # XML may be written in it, JSON may not


@dataclass(frozen=True, slots=True)
class Day:
    """A day as the file has it: its date, and when it starts, which may be long after midnight."""

    number: int
    date: object
    start: object


@dataclass(frozen=True, slots=True)
class Entry:
    """A session as the file has it, and where it stands; they count from 1 over all days."""

    number: int
    where: str
    day: Day
    room: str
    content: object


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole file: what is said about the conference, and its sessions. XML's fields are named as JSON's."""

    conference: Mapping[str, object]
    entries: tuple[Entry, ...]


_Rooms = Iterator[tuple[Day, str, list[Any]]]


def read_tree(content: bytes) -> Tree:
    """Open a schedule, XML or JSON by what it holds; InvalidError where that can't be done from end to end."""
    text = content.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if text.startswith((b"<", *_UTF_16)):
        return _tree_of_xml(text)
    return _tree_of_json(content)


def _tree(conference: Mapping[str, object], rooms: _Rooms) -> Tree:
    entries: list[Entry] = []
    for day, room, sessions in rooms:
        for place, content in enumerate(sessions, start=1):
            where = f'day {day.number}, room "{short(room)}", session {place}'
            entries.append(Entry(len(entries) + 1, where, day, room, content))
    return Tree(conference, tuple(entries))


# --- JSON --------------------------------------------------------------------------------------------------------


def _tree_of_json(content: bytes) -> Tree:
    root = read_json(content, _KIND, pairs=once)
    if not isinstance(root, dict) or not isinstance(root.get("schedule"), dict):
        raise InvalidError('This is not a schedule: the outermost must be an object that holds an object "schedule"')
    conference = _part(root["schedule"], "conference", dict, "schedule")
    return _tree(conference, _rooms_of_json(_part(conference, "days", list, "conference")))


def _rooms_of_json(days: list[Any]) -> _Rooms:
    for number, day in enumerate(days, start=1):
        place = f"day {number}"
        if not isinstance(day, dict):
            raise InvalidError(f"{place}: must be an object")
        rooms = _part(day, "rooms", dict, place)
        for room in rooms:
            sessions = _part(rooms, room, list, f"{place}: rooms")
            yield Day(number, day.get("date"), day.get("day_start")), room, sessions


def _part(whole: dict[str, Any], name: str, kind: type, where: str) -> Any:
    """Return a part of an object; one that is missing is empty."""
    part = whole.get(name)
    if part is None:
        return kind()
    if not isinstance(part, kind):
        raise InvalidError(f"{where}: {short(name)}: must be {'an object' if kind is dict else 'a list'}")
    return part


# --- XML ---------------------------------------------------------------------------------------------------------


def _tree_of_xml(content: bytes) -> Tree:
    root = _root(content)
    if root.tag != "schedule":
        raise InvalidError(f"This is not a schedule: the outermost must be <schedule>, not <{short(str(root.tag))}>")
    conference = root.find("conference")
    return _tree({} if conference is None else _fields(conference), _rooms_of_xml(root))


def _root(content: bytes) -> Element:
    try:
        # No schedule has a DTD; without one there are no entities to blow up, and none to read files through.
        return fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InvalidError("This XML has a document type or entities of its own, which no schedule needs") from error
    except ParseError as error:
        raise InvalidError(f"This is not valid XML: {error}") from error
    except (LookupError, ValueError) as error:  # an encoding nobody knows, or one we can't read
        raise InvalidError(f"This XML can't be decoded: {error}") from error


def _rooms_of_xml(root: Element) -> _Rooms:
    for number, day in enumerate(root.findall("day"), start=1):
        for room in day.findall("room"):
            sessions = [_session(event) for event in room.findall("event")]
            yield Day(number, day.get("date"), day.get("start")), room.get("name", ""), sessions


def _session(event: Element) -> dict[str, object]:
    persons = [_person(person) for person in event.findall("persons/person")]
    return {**event.attrib, **_fields(event), "persons": persons}


def _person(person: Element) -> dict[str, object]:
    name = person.findtext("public_name") or person.findtext("name") or _text(person)
    return {**person.attrib, "public_name": name}


def _fields(element: Element) -> dict[str, object]:
    """Return the texts of what stands in an element; of two by the same name the first."""
    return {child.tag: _text(child) for child in reversed(element)}


def _text(element: Element) -> str:
    return "".join(element.itertext())
