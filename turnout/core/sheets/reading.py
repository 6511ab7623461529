"""Reading a sheet that somebody sends."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.utils.translation import gettext as _

from turnout.core.errors import Fault, InvalidError, TooLargeError, UnsupportedTypeError
from turnout.core.sheets import child

log = structlog.get_logger()

_PATIENCE = 30  # seconds
_PASSED_ON = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # what a Python may not start without


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a sheet: its number below the head, from 1, and the texts of the columns that were asked for."""

    number: int
    cells: tuple[str, ...]


def read_sheet(data: bytes, columns: Sequence[str], *, most: int) -> list[Row]:
    """Return the rows of a sheet that are not empty: xlsx, ods, xls, or csv with commas, semicolons or tabs.

    The columns are found by the names in the first row that is not empty, whatever their order and case. The file is
    read by a process of its own, since one that was made to do harm takes down whoever reads it.
    Raises UnsupportedTypeError for what is no sheet; TooLargeError `too_large`, `too_many_rows`; InvalidError at
    `/file` with `missing_column` or `empty`.
    """
    answer = _ask([str(most), *columns], data)
    fault, _space, column = str(answer.get("fault", "")).partition(" ")
    if fault == "missing_column":
        message = _("The sheet has no column named %s in its first row.") % column
        raise InvalidError.at(Fault("/file", "missing_column", message))
    if fault == "too_many_rows":
        raise TooLargeError(_("A sheet has at most %d rows. Send it in parts.") % most, "too_many_rows")
    if fault == "too_large":
        raise TooLargeError(_("This sheet is too large to be read."))
    if fault:
        raise UnsupportedTypeError(_("This is not a sheet: send xlsx, ods or csv."))
    if not answer["rows"]:
        raise InvalidError.at(Fault("/file", "empty", _("The sheet has no rows below its first.")))
    return [Row(number, tuple(cells)) for number, *cells in answer["rows"]]


def _ask(arguments: list[str], data: bytes) -> dict[str, list[tuple[int, str]]]:
    """Return what the process answers; where it dies, it was of too little memory or time."""
    # Isolated: no folder to import from, and no secret of ours in its environment.
    command = [sys.executable, "-I", child.__file__, *arguments]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    try:
        done = subprocess.run(  # noqa: S603  # the words are our own
            command, input=data, stdout=pipe, stderr=nowhere, env=environment, timeout=_PATIENCE, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        log.warning("sheet_not_read", size=len(data), reason=str(error))
        return {"fault": "too_large"}  # type: ignore[dict-item]  # as the process would say it
    answer: dict[str, list[tuple[int, str]]] = json.loads(done.stdout)
    return answer
