"""A conference's schedule from a file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.core.errors import DomainError
from turnout.events.actions.schedules import ScheduleTally
from turnout.events.schedules import ScheduleReading, read_schedule
from turnout.registrations.actions.events import import_schedule


class Command(BaseCommand):
    """Imports a schedule into one event: twice is the same as once, and a bad session costs no other."""

    help = "Import a schedule, JSON or XML, as frab, pretalx and voc/schedule export it, into one event."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file."""
        parser.add_argument(
            "file", help='schedule.json: {"schedule": {"conference": ...}}, or schedule.xml: <schedule>'
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Import, and say what became of every session that is not simply in."""
        reading, done = _import(options["file"])
        for remark in sorted([*reading.faults, *reading.notes], key=lambda remark: remark.row):
            self.stdout.write(str(remark))
        counts = f"{done.created} created, {done.changed} changed, {done.removed} removed, {done.unchanged} unchanged"
        self.stdout.write(f"{reading.draft.said['title']}: {done.event}")
        self.stdout.write(f"sessions: {counts}, {reading.skipped} skipped; notes: {len(reading.notes)}")


def _import(path: str) -> tuple[ScheduleReading, ScheduleTally]:
    try:
        reading = read_schedule(Path(path).read_bytes())
        return reading, import_schedule(reading.draft)
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}. Nothing was written.") from error
    except DomainError as error:
        reasons = [f"{fault.pointer.lstrip('/')}: {fault.detail}" for fault in error.faults] or [str(error)]
        what = "; ".join(reasons).rstrip(".")
        raise CommandError(f"{path} can't be imported: {what}. Nothing was written.") from error
    except ValueError as error:  # a path with a NUL
        raise CommandError(f"{path} can't be imported: {error}. Nothing was written.") from error
