"""Reads a sheet that a stranger made, in a process that may die of it: `turnout.core.sheets.reading` starts it.

A file of a few kilobytes can ask for gigabytes: by zip, by one long text in a million cells, by a cell in the last
column of the last row. No check of its own finds them all, and a library in C or Rust that gets no memory takes its
process with it. So this one has limits, no environment and no other work. It knows nothing of Turnout.

Arguments: how many rows at most, then the columns looked for. Input: the file. Output: JSON, `{"rows": [[number, text,
...], ...]}` or `{"fault": code}`. A row's number is its place below the head, from 1, empty rows counted.
"""

import csv
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator

from python_calamine import CalamineWorkbook

_MEMORY = 512 * 2**20  # bytes
_SECONDS = 20
_UNPACKED = 200 * 2**20  # bytes, as the file says itself
_LONGEST = 1000  # characters of a cell that are looked at
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
# What our own export puts before a text that a spreadsheet would take for a formula.
_SHIELD = re.compile(r"'(?=[=+\-@\t\r])")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class FaultError(Exception):
    """The sheet is none, or not one of ours; the text is a code."""


def read(data: bytes, most: int, columns: list[str]) -> list[tuple[int | str, ...]]:
    """Return the rows below the head, each with its number and the texts of the columns looked for."""
    rows = iter(_cells(data) if data.startswith((_ZIP, _OLE)) else _lines(data))
    head = next((row for row in rows if any(row)), [])
    names = [re.sub(r"[\s_-]+", "_", cell.strip().casefold()) for cell in head]
    if missing := [name for name in columns if name not in names]:
        message = f"missing_column {missing[0]}"
        raise FaultError(message)
    places = [names.index(name) for name in columns]
    found: list[tuple[int | str, ...]] = []
    for number, row in enumerate(rows, 1):
        texts = [row[place].strip()[:_LONGEST] if place < len(row) else "" for place in places]
        if any(texts):
            found.append((number, *texts))
        if len(found) > most:
            message = "too_many_rows"
            raise FaultError(message)
    return found


def _cells(data: bytes) -> Iterator[list[str]]:
    """Yield the first sheet of a workbook."""
    if data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _UNPACKED:
                raise MemoryError
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
    for row in sheet.to_python(skip_empty_area=False):
        yield [_text(value) for value in row]


def _text(value: object) -> str:
    # A workbook knows no whole numbers.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _lines(data: bytes) -> Iterator[list[str]]:
    """Yield the rows of a text, whatever separates its columns."""
    text = _decoded(data)
    if _BINARY.search(text):
        message = "not_a_sheet"
        raise FaultError(message)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        yield [_SHIELD.sub("", cell, count=1) if cell.startswith("'") else cell for cell in row]


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252")  # what spreadsheets on Windows write


def _limit() -> None:
    """Take no more memory and time than this from now on, where the system can be asked for that."""
    try:
        import resource  # noqa: PLC0415  # there is none on Windows
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue  # macOS knows the first by name only


def main(arguments: Iterable[str]) -> dict[str, object]:
    """Read what stands on the input, within the limits."""
    most, *columns = arguments
    _limit()
    try:
        return {"rows": read(sys.stdin.buffer.read(), int(most), columns)}
    except FaultError as fault:
        return {"fault": str(fault)}
    except MemoryError:
        return {"fault": "too_large"}
    except Exception:  # noqa: BLE001  # whatever it is, it is no sheet
        return {"fault": "not_a_sheet"}


if __name__ == "__main__":
    json.dump(main(sys.argv[1:]), sys.stdout)
