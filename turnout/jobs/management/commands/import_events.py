"""Conferences from a JSON file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.core.errors import InvalidError
from turnout.events.actions import Tally, import_events
from turnout.events.files import Remark
from turnout.events.imports import Reading, read_conferences

_BATCH = 500  # rows a transaction, and a line of progress


class Command(BaseCommand):
    """Imports conferences: twice is the same as once, and a bad row costs no other."""

    help = "Import conferences from a JSON list, such as the files of tech-conferences/conference-data hold."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file."""
        parser.add_argument(
            "file", help="UTF-8 JSON: [{name, startDate, endDate, city, country, online, url, ...}, ...]"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Import, and say what became of every row that is not simply in."""
        reading = _read(options["file"])
        self._report(*sorted([*reading.faults, *reading.notes], key=lambda remark: remark.row))
        tally, drafts = Tally(), reading.drafts
        for start in range(0, len(drafts), _BATCH):
            done = import_events(drafts[start : start + _BATCH])
            self._report(*done.refused)
            self.stdout.write(f"{min(start + _BATCH, len(drafts))} of {len(drafts)} conferences")
            tally += done
        skipped = reading.skipped + len({remark.row for remark in tally.refused})
        written = f"{tally.created} created, {tally.changed} changed, {tally.unchanged} unchanged"
        self.stdout.write(f"{written}; rows skipped: {skipped}, notes: {len(reading.notes)}")

    def _report(self, *remarks: Remark) -> None:
        for remark in remarks:
            self.stdout.write(str(remark))


def _read(path: str) -> Reading:
    try:
        return read_conferences(Path(path).read_bytes())
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}. Nothing was written.") from error
    except (InvalidError, ValueError) as error:  # ValueError: a path with a NUL
        raise CommandError(f"{path} can't be imported: {error}. Nothing was written.") from error
