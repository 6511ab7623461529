"""What scans come to: a pure function of the set of them, so that the order in which they arrive changes nothing.

All entries and exits of one person at one place (a session, or the event as a whole) are put in the order of their
corrected moments, those of one moment in the order of their `scan_id`. Who is outside and goes in is `checked_in`; who
is inside already is `already_checked_in`; whoever goes out is `checked_out`. So of two entries the smaller
(`at`, `scan_id`) is the first, whatever came first to us.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from turnout.attendance.models import Scan

# So much later than it reached us nothing can have been scanned, but for clocks that differ a little.
CLOCK_TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the scans of one person at one place come to."""

    results: dict[Scan, Scan.Result]
    first: Scan | None  # the entry that counts
    last: Scan | None
    is_inside: bool  # after the last of them


def outcome_of(scans: Iterable[Scan]) -> Outcome:
    """Return what these come to: all by which somebody passed at one place, and which are not undone."""
    results: dict[Scan, Scan.Result] = {}
    first = last = None
    is_inside = False
    for scan in sorted(scans, key=lambda each: (each.at, each.scan_id)):
        last = scan
        if scan.direction == Scan.Direction.OUT:
            results[scan], is_inside = Scan.Result.CHECKED_OUT, False
        elif is_inside:
            results[scan] = Scan.Result.ALREADY_CHECKED_IN
        else:
            results[scan], is_inside = Scan.Result.CHECKED_IN, True
            first = first or scan
    return Outcome(results, first, last, is_inside)


def conflict_of(scan: Scan) -> Scan.Conflict | None:
    """Return why the team should look at a scan by which somebody passed; None where there is nothing to see."""
    if not scan.passed:
        return None
    if scan.result == Scan.Result.ALREADY_CHECKED_IN:
        return Scan.Conflict.DOUBLE_ENTRY
    if scan.result not in {Scan.Result.CHECKED_IN, Scan.Result.CHECKED_OUT}:
        return Scan.Conflict.BAD_TICKET
    by_device = scan.scanned_at + timedelta(milliseconds=scan.clock_offset_ms)
    return Scan.Conflict.CLOCK if by_device > scan.received_at + CLOCK_TOLERANCE else None
