"""How the texts of a schedule are read."""

import re
from typing import ClassVar

from turnout.events.files import Piece

MAX_TEXT = 100_000  # characters of a description: more than a person reads

# Of a text of several lines: all that is no text, but for its ends of lines and tabs.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class SchedulePiece(Piece):
    """A piece of a schedule while it is read."""

    # XML is often set out so that a title has a line of its own.
    spaces: ClassVar[str] = "\t\n\r"

    def optional(self, name: str, length: int) -> str:
        """Return a text that can be missed: where it is wrong it is left empty, with a note."""
        before = len(self.faults)
        text = self.text(name)
        self.limit(name, text, length)
        return self._unless_at_fault(text, before)

    def address(self, name: str) -> str:
        """Return an address on the web that can be missed."""
        before = len(self.faults)
        return self._unless_at_fault(self.website(name), before)

    def prose(self, name: str) -> str:
        """Return a text of any number of lines, as plain text whatever markup it holds; it can be missed."""
        before, value = len(self.faults), self.content.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.fault(name, "must be text")
            return self._unless_at_fault("", before)
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        clean = _CONTROL.sub("", text)
        if clean != text:
            self.note(name, "control characters in it, or halves of surrogate pairs, are left out")
        self.limit(name, clean, MAX_TEXT)
        return self._unless_at_fault(clean.strip(), before)

    def _unless_at_fault(self, text: str, before: int) -> str:
        wrong = self.faults[before:]
        del self.faults[before:]
        for fault in wrong:
            self.note(fault.field, f"{fault.detail}; it is left empty")
        return "" if wrong else text
