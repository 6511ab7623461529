"""Writing a sheet, however long, row by row."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

Cell = str | int | float | datetime | None

_PIECE = 64 * 1024  # bytes
_AT_ONCE = 500  # rows in a piece of a stream
_MOST_ROWS = 1_000_000  # of one worksheet; Excel takes 1,048,576
_DATES = "yyyy-mm-dd hh:mm"
# What spreadsheets take for the beginning of a formula (OWASP, CSV injection), full-width ones too.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_OPTIONS = {
    "constant_memory": True,  # rows are written to a file as they come
    "remove_timezone": True,  # a workbook knows none: moments come in the one that is meant
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the name in its head, and its width in characters."""

    name: str
    width: int = 12


def csv_pieces(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Yield a csv file that spreadsheets open as what it is: UTF-8 with its mark, lines that end with CRLF.

    A text that one would take for a formula gets an apostrophe before it, as does a phone number with its `+`, which
    would else become a number without it. Moments are RFC 3339 with their offset.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow([_csv_cell(column.name) for column in columns])
    for number, row in enumerate(rows, 1):
        writer.writerow([_csv_cell(cell) for cell in row])
        if number % _AT_ONCE == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def xlsx_pieces(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Write a workbook, and return its pieces; the file it lies in goes with the last."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed behind its last piece
    write_xlsx(file, columns, rows)
    file.seek(0)
    return _read(file)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def write_xlsx(file: IO[bytes], columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a workbook: its head stays in sight, moments are dates, and no text is ever a formula."""
    with Workbook(file, _OPTIONS) as book:
        bold, dates = book.add_format({"bold": True}), book.add_format({"num_format": _DATES})
        sheet, line = _new_sheet(book, columns, bold), 1
        for row in rows:
            if line > _MOST_ROWS:
                sheet, line = _new_sheet(book, columns, bold), 1
            for place, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(line, place, cell, dates)
                elif isinstance(cell, int | float):
                    sheet.write_number(line, place, cell)
                elif cell:  # as text, whatever it looks like: `write()` would take some for formulas, links or numbers
                    sheet.write_string(line, place, cell)
            line += 1


def _new_sheet(book: Workbook, columns: Sequence[Column], bold: object) -> Worksheet:
    sheet = book.add_worksheet()
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.name, bold)
    sheet.freeze_panes(1, 0)
    return sheet


def _csv_cell(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(cell, int | float) else text


def _emptied(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
