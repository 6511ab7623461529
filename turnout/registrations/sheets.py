"""Sheets of people whom an event's team registers itself: what a row has to hold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from turnout.core.contact import LONGEST_NAME, mail_address, person_name
from turnout.core.errors import Fault
from turnout.core.sheets.reading import Row
from turnout.core.text import normal_address
from turnout.events.models import AttendanceType

COLUMNS = ("full_name", "email", "attendance_type")
MOST_ROWS = 20_000
MOST_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in a sheet: the number of their row, from 1 below the head, and what it says of them."""

    number: int
    full_name: str
    email: str
    attendance_type: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a team sends: its sound rows, and the faults of the others."""

    entries: list[Entry]
    faults: list[Fault]


def fault_at(number: int, column: str, code: str, detail: str) -> Fault:
    """Return a fault in a row."""
    return Fault(f"/rows/{number}/{column}", code, detail)


def check(rows: Iterable[Row]) -> Sheet:
    """Return the sound rows, and each fault of all the others; the second row of an address is one."""
    entries, faults, seen = [], [], dict[str, int]()
    for row in rows:
        texts, found = _read(row)
        faults += found
        address = texts.get("email", "")
        if address in seen:
            message = _("This address stands in row %d already.") % seen[address]
            faults.append(fault_at(row.number, "email", "duplicate", message))
        elif not found:
            entries.append(Entry(row.number, **texts))
        if address:
            seen.setdefault(address, row.number)
    return Sheet(entries, faults)


def _read(row: Row) -> tuple[dict[str, str], list[Fault]]:
    """Return the sound cells of a row, in the form that is kept, and a fault for each of the others."""
    texts, faults = {}, []
    for column, cell in zip(COLUMNS, row.cells, strict=True):
        try:
            texts[column] = _CHECKS[column](cell) if cell else _refuse(_("This cell is empty."), "required")
        except ValidationError as error:
            faults.append(fault_at(row.number, column, error.code or "invalid", str(error.message)))
    return texts, faults


def _name(text: str) -> str:
    if len(text) > LONGEST_NAME:
        return _refuse(_("A name has at most %d characters.") % LONGEST_NAME, "max_length")
    return person_name(text)


def _address(text: str) -> str:
    return normal_address(mail_address(text))


def _attendance_type(text: str) -> str:
    """Read `on_site`, and `On site` and `on-site` too."""
    kind = "_".join(text.casefold().replace("-", " ").replace("_", " ").split())
    if kind not in AttendanceType.values:
        return _refuse(_("Write on_site or online."), "invalid_choice")
    return kind


def _refuse(message: str, code: str) -> str:
    raise ValidationError(message, code)


_CHECKS: dict[str, Callable[[str], str]] = {
    "full_name": _name,
    "email": _address,
    "attendance_type": _attendance_type,
}
