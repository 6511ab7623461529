"""The one place where it is written down what scans come to.

None of this is an action: each is part of the caller's transaction, which holds the locks of the people concerned.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias
from uuid import UUID

from django.db import IntegrityError, connection

from turnout.attendance.models import Scan, opening_key
from turnout.attendance.outcomes import Outcome, conflict_of, outcome_of
from turnout.core.transactions import RaceLostError, violates
from turnout.registrations.models import Registration

# A person, and the session; None is the event as a whole.
Place: TypeAlias = tuple[UUID, UUID | None]

# By the constraints' names and, on SQLite, the columns'.
SAME_SCAN = ("scan_once_per_event", "attendance_scan.scan_id, attendance_scan.event_id")
SAME_OPENING = ("scan_opens_once", "attendance_scan.opens")
_DERIVED = ("result", "opens", "conflict")
_RESOLVED = ("resolved_at", "resolved_by", "resolved_note")
_WRITTEN = (*_DERIVED, *_RESOLVED, "passed", "undone_at", "undone_by", "undone_reason")


def lock(registrations: Iterable[UUID]) -> None:
    """Let one at a time say what the scans of these people come to.

    A row of a scan only points at them: where the database can tell (PostgreSQL), it does not wait. Else a first entry,
    which holds its key already, and whoever holds the person and wants the key would wait for each other.
    """
    wanted = set(registrations)
    if wanted:
        may_be_pointed_at = connection.features.has_select_for_no_key_update
        rows = Registration.objects.filter(pk__in=wanted).select_for_update(no_key=may_be_pointed_at)
        list(rows.order_by("pk").values_list("pk"))


def passages_at(place: Place) -> list[Scan]:
    """Return the scans by which somebody passed there."""
    registration, session = place
    return list(Scan.objects.passages().filter(registration=registration, session=session))


def settle(given: Sequence[Scan]) -> dict[Place, Outcome]:
    """Write these scans down, and what all scans of the same people at the same places come to with them.

    `given` are new, or were changed in what they tell. RaceLostError where somebody else was there this moment.
    """
    places = _places(given)
    stored = {scan.pk: _derived(scan) for scans in places.values() for scan in scans}
    outcomes = {place: outcome_of(scan for scan in scans if scan.is_passage) for place, scans in places.items()}
    for place, outcome in outcomes.items():
        for scan in places[place]:
            scan.result = outcome.results.get(scan, scan.result)
            scan.opens = opening_key(*place) if scan is outcome.first else None
    for scan in {*given, *(scan for scans in places.values() for scan in scans)}:
        _judge(scan)
    touched = [scan for scans in places.values() for scan in scans if scan not in given]
    _write([*(scan for scan in touched if _derived(scan) != stored[scan.pk]), *given])
    return outcomes


def _places(given: Sequence[Scan]) -> dict[Place, list[Scan]]:
    """Return these scans and those that are stored, of the same people at the same places."""
    people = {scan.registration_id for scan in given if scan.registration_id is not None}
    mine = {scan.pk: scan for scan in given}
    places: dict[Place, list[Scan]] = defaultdict(list)
    for scan in given:
        if scan.registration_id is not None and scan.result in Scan.PASSAGES:
            places[scan.registration_id, scan.session_id].append(scan)
    if places:
        for scan in Scan.objects.passages().filter(registration__in=people):
            place = (scan.registration_id, scan.session_id)
            if scan.pk not in mine and place in places:
                places[place].append(scan)
    return places


def _judge(scan: Scan) -> None:
    """Say whether the team should look at it; what they made of another conflict does not count for this one."""
    conflict = conflict_of(scan) or ""
    if conflict != scan.conflict:
        scan.conflict = conflict
        scan.resolved_at, scan.resolved_by, scan.resolved_note = None, "", ""


def _derived(scan: Scan) -> tuple[object, ...]:
    return tuple(getattr(scan, name) for name in _DERIVED)


def _write(scans: Collection[Scan]) -> None:
    new = [scan for scan in scans if scan._state.adding]
    changed = [scan for scan in scans if not scan._state.adding]
    # The key is given up before another takes it.
    Scan.objects.filter(pk__in=[scan.pk for scan in changed if scan.opens is None], opens__isnull=False).update(
        opens=None
    )
    try:
        Scan.objects.bulk_update(changed, _WRITTEN)
        Scan.objects.bulk_create(new)
    except IntegrityError as error:
        if not violates(error, *SAME_SCAN, *SAME_OPENING):
            raise
        raise RaceLostError from error
