"""What the readers of files share: how JSON is opened, and how it is said what is wrong with a piece of a file."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from turnout.core.errors import InvalidError

MAX_URL = 500

HAS_CONTROL = "holds a control character, or half of a surrogate pair"
# What PostgreSQL refuses (NUL), no encoding can hold (lone surrogates), and nobody means to write.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_url_is_valid = URLValidator(schemes=["http", "https"])


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to say about a piece of a file; rows count from 1, and `where` names the place if rows don't."""

    row: int
    field: str
    detail: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where or f'row {self.row}'}: {self.field}: {self.detail}"


class Piece:
    """One piece of a file while it is read: its fields, and what is found wrong with them."""

    spaces: ClassVar[str] = " "  # what stands between words; what else is not printed is refused

    def __init__(self, number: int, content: object, where: str = "", name: str = "row") -> None:
        self.number = number
        self.where = where
        self.faults: list[Remark] = []
        self.notes: list[Remark] = []
        self.content: Mapping[str, object] = {}
        if isinstance(content, dict):
            self.content = content
        else:
            self.fault(name, "must be an object, such as {...}")

    def fault(self, name: str, detail: str) -> None:
        """Say what keeps this piece out."""
        self.faults.append(Remark(self.number, name, detail, self.where))

    def note(self, name: str, detail: str) -> None:
        """Say what is odd about a piece that is in."""
        self.notes.append(Remark(self.number, name, detail, self.where))

    def text(self, name: str, *, required: bool = False) -> str:
        """Return a text, trimmed and with single spaces; empty where it is missing or wrong."""
        value = self.content.get(name)
        if value is None:
            if required:
                self.fault(name, "missing")
            return ""
        if not isinstance(value, str):
            self.fault(name, "must be text")
            return ""
        spaced = value.translate({ord(space): " " for space in self.spaces})
        if has_control(spaced):
            self.fault(name, HAS_CONTROL)
            return ""
        text = " ".join(spaced.split())
        if required and not text:
            self.fault(name, "empty")
        return text

    def name(self, field: str, length: int) -> str:
        """Return a text that must be there and can be seen."""
        text = self.text(field, required=True)
        if text and not any(letter.isprintable() and letter != " " for letter in text):
            self.fault(field, "has no visible character")
        self.limit(field, text, length)
        return text

    def website(self, name: str) -> str:
        """Return an address on the web."""
        url = self.text(name)
        self.limit(name, url, MAX_URL)
        try:
            if url and len(url) <= MAX_URL:
                _url_is_valid(url)
        except ValidationError:
            self.fault(name, "must be a valid http:// or https:// address")
        return url

    def limit(self, name: str, text: str, length: int) -> None:
        """Say so where a text is longer than its place."""
        if len(text) > length:
            self.fault(name, f"longer than {length} characters")


def has_control(text: str) -> bool:
    """Tell whether a text of one line holds what no text should."""
    return _CONTROL.search(text) is not None


def short(text: str, length: int = 40) -> str:
    """Return a text as it can be quoted in a remark: not too long, and fit for any terminal."""
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= length else f"{text[:length]}..."


def read_json(
    content: bytes, kind: str, *, pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None
) -> object:
    """Return what the file holds; InvalidError where it is not JSON in UTF-8. `kind` says what it should be."""
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=pairs)
    except UnicodeDecodeError as error:
        raise InvalidError(f"This is not UTF-8 text: byte {error.start} is not part of any") from error
    except ValueError as error:
        raise InvalidError(f"This is not valid JSON: {error}") from error
    except RecursionError as error:
        raise InvalidError(f"This is not {kind}: it is nested too deeply") from error


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON in which no name stands twice, where one of the two would be lost in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'"{short(twice)}" stands twice in one object')
    return found
