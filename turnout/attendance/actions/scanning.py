"""Letting people in and out: one scan at a time with network, many afterwards without.

Online the order of arrival decides, since each answer opens a door or does not. Offline the doors were opened long ago:
what all those scans come to is derived from the set of them (`turnout.attendance.outcomes`), so they may come in any
order and as often as they like.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from django.db import IntegrityError

from turnout.attendance.actions.settling import SAME_OPENING, SAME_SCAN, lock, passages_at, settle
from turnout.attendance.cases import Attempt, Case, cases_of
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import LONGEST_LABEL, Scan, opening_key
from turnout.attendance.outcomes import conflict_of, outcome_of
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError, NotFoundError
from turnout.core.ids import new_id
from turnout.core.prepared import write_together
from turnout.core.transactions import RaceLostError, transactional, violates
from turnout.notifications.feed.actions import post, write_with_news
from turnout.notifications.feed.models import Entry

MOST_AT_ONCE = 1000

_IN_ONE_TRANSACTION = 200
_TICK = timedelta(microseconds=1)
_CONFLICT = "checkin.conflict"
_KINDS = {Scan.Result.CHECKED_IN: "checkin.created", Scan.Result.CHECKED_OUT: "checkin.out"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scan came to."""

    case: Case
    scan: Scan | None = None  # None where nothing is kept of it
    first: Scan | None = None  # the entry that counts, of this person at this place
    fault: Fault | None = None  # why nothing is kept


def check_in(keeper: Doorkeeper, attempt: Attempt) -> Answer:
    """Let somebody in or out, or say why not. The same `scan_id` again is the same deed, and has the same answer.

    The first to arrive is `checked_in`, those after it `already_checked_in` until somebody is checked out. What is said
    to whom stands at no door that can be told is not kept.
    Raises NotFoundError for what is not at the keeper's doors; InvalidError for a session of another event;
    ConflictError `scan_id_reused` for the name of another scan.
    """
    (case,) = cases_of(keeper, [attempt], online=True)
    if case.is_foreign:
        raise NotFoundError
    if fault := _fault(case):
        raise InvalidError.at(fault)
    if case.event is None:
        return Answer(case)
    scan = _scan(keeper, case, passed=case.refused is None)
    if scan.passed and scan.direction == Scan.Direction.OUT:
        return _decide(scan, case)
    try:
        return _append(scan, case)  # the usual case: a unique key says who is the first
    except IntegrityError as error:
        if not violates(error, *SAME_SCAN, *SAME_OPENING):
            raise
        return _decide(scan, case)


def _append(scan: Scan, case: Case) -> Answer:
    """Write down what nobody else has a say in: a refusal, or an entry if it is the first. IntegrityError if not."""
    if scan.passed and case.registration is not None:
        scan.opens = opening_key(case.registration.pk, scan.session_id)
        scan.conflict = conflict_of(scan) or ""
    news = next(_news([scan], case.owner), None)
    if news is None:
        write_together(scan)
    else:
        write_with_news(scan, news)
    return Answer(case, scan, scan if scan.opens else None)


@transactional
def _decide(scan: Scan, case: Case) -> Answer:
    """Write down what depends on what happened there before."""
    place = (case.registration.pk, scan.session_id) if case.registration and case.refused is None else None
    lock([place[0]] if place else [])
    before = outcome_of(passages_at(place) if place else [])
    known = Scan.objects.filter(event=scan.event_id, scan_id=scan.scan_id).first()
    if known is not None:
        if not _is_same(known, case):
            raise ConflictError("This scan_id was used for another scan.", "scan_id_reused")
        return Answer(case, known, before.first)
    if place is None:
        raise RaceLostError  # the one that had its name was rolled back
    scan.pk, scan.opens, scan.result = new_id(), None, Scan.Result.CHECKED_IN
    scan.passed = scan.direction == Scan.Direction.OUT or not before.is_inside
    if not scan.passed:
        scan.result = Scan.Result.ALREADY_CHECKED_IN
    elif before.last is not None:
        scan.at = max(scan.at, before.last.at + _TICK)  # not before what was known when it was answered
    first = settle([scan])[place].first
    post(_news([scan], case.owner))
    return Answer(case, scan, first)


def sync(keeper: Doorkeeper, attempts: Sequence[Attempt]) -> list[Answer]:
    """Write down scans that were made offline, and return what each comes to, in their order.

    In whatever order and how often they come, the same is in the database in the end. What each comes to is derived
    from all that came so far: of two entries the earlier is the first, whichever came first.
    NotFoundError where a person names nothing but others' events.
    """
    cases = cases_of(keeper, attempts, online=False)
    kept = [case for case in cases if case.event is not None]
    if keeper.device is None and not kept and any(case.is_foreign for case in cases):
        raise NotFoundError
    kept.sort(key=lambda case: (case.registration.pk.bytes if case.registration else b"", case.attempt.scan_id))
    scans: dict[tuple[UUID | None, str], Scan] = {}
    for start in range(0, len(kept), _IN_ONE_TRANSACTION):
        scans |= _keep(keeper, kept[start : start + _IN_ONE_TRANSACTION])
    # A later part may have changed what scans of an earlier one come to.
    now_kept = Scan.objects.in_bulk([scan.pk for scan in scans.values()])
    scans = {name: now_kept[scan.pk] for name, scan in scans.items()}
    firsts = _firsts(scans.values())
    return [_answer(case, scans.get((case.event, case.attempt.scan_id)), firsts) for case in cases]


@transactional
def _keep(keeper: Doorkeeper, cases: Sequence[Case]) -> dict[tuple[UUID | None, str], Scan]:
    """Write down what is new of these, and return all of them by event and name."""
    lock(case.registration.pk for case in cases if case.registration is not None)
    known = Scan.objects.filter(
        event__in={case.event for case in cases}, scan_id__in={case.attempt.scan_id for case in cases}
    )
    found: dict[tuple[UUID | None, str], Scan] = {(scan.event_id, scan.scan_id): scan for scan in known}
    new, changed = [], []
    owners = {}
    for case in cases:
        name = (case.event, case.attempt.scan_id)
        owners[case.event] = case.owner
        if name not in found:
            found[name] = _scan(keeper, case, passed=case.attempt.passed)
            new.append(found[name])
        elif case.attempt.passed and not found[name].passed and _is_same(found[name], case):
            # Refused, but the answer never reached the door.
            found[name].passed, found[name].result = True, case.refused or Scan.Result.CHECKED_IN
            changed.append(found[name])
    told = list(dict.fromkeys([*new, *changed]))  # one may have come twice
    settle(told)
    for event, owner in owners.items():
        post(_news([scan for scan in told if scan.event_id == event], owner))
    return found


def _scan(keeper: Doorkeeper, case: Case, *, passed: bool) -> Scan:
    """Return the row of an attempt, not saved; what it comes to is a guess where nothing refuses it."""
    attempt, device = case.attempt, keeper.device
    usual = Scan.Result.CHECKED_OUT if attempt.direction == Scan.Direction.OUT else Scan.Result.CHECKED_IN
    if case.refused is None and not passed:
        usual = Scan.Result.ALREADY_CHECKED_IN  # as the device knew
    return Scan(
        event_id=cast("UUID", case.event),
        scan_id=attempt.scan_id,
        registration=case.registration,
        ticket_id=case.ticket_id,
        session_id=attempt.session,
        direction=attempt.direction,
        scanned_at=attempt.scanned_at,
        clock_offset_ms=attempt.clock_offset_ms,
        at=attempt.at,
        received_at=now(),
        device=keeper.label if device else (attempt.device or keeper.label)[:LONGEST_LABEL],
        door=(device.door if device else attempt.door)[:LONGEST_LABEL],
        paired=device,
        made_by=keeper.actor,
        passed=passed,
        result=case.refused or usual,
    )


def _is_same(scan: Scan, case: Case) -> bool:
    """Tell whether this is the scan that an attempt of its name tells of."""
    told = case.attempt
    if (scan.scanned_at, scan.session_id, scan.direction) != (told.scanned_at, told.session, told.direction):
        return False
    person = case.registration and case.registration.pk
    return (scan.ticket_id, scan.registration_id) == (case.ticket_id, person)


def _firsts(scans: Iterable[Scan]) -> dict[str | None, Scan]:
    """Return the entries that count, where others came after them, by their key."""
    later = [scan for scan in scans if scan.result == Scan.Result.ALREADY_CHECKED_IN and scan.registration_id]
    keys = {opening_key(scan.registration_id, scan.session_id) for scan in later if scan.registration_id}
    return {scan.opens: scan for scan in Scan.objects.filter(opens__in=keys)} if keys else {}


def _answer(case: Case, scan: Scan | None, firsts: dict[str | None, Scan]) -> Answer:
    if scan is None:
        return Answer(case, fault=_fault(case))
    if not _is_same(scan, case):
        return Answer(case, fault=Fault("/scan_id", "scan_id_reused", "This scan_id was used for another scan."))
    key = opening_key(scan.registration_id, scan.session_id) if scan.registration_id else None
    return Answer(case, scan, firsts.get(key))


def _fault(case: Case) -> Fault | None:
    if case.session_unknown:
        return Fault("/session", "does_not_exist", "There is no such session at this event.")
    return Fault("", "not_found", NotFoundError().detail) if case.is_foreign else None


def _news(scans: Iterable[Scan], owner: UUID | None) -> Iterator[Entry]:
    """Yield what who follows the event is told: who went in and out, and who did that perhaps should not have."""
    return (
        Entry(
            topic=scan.event_id,
            kind=_KINDS.get(Scan.Result(scan.result), _CONFLICT),
            subject=scan.registration_id,
            account=owner,
            data={"scan": scan.scan_id, "session": str(scan.session_id or ""), "direction": scan.direction},
        )
        for scan in scans
        if (scan.result in _KINDS or scan.conflict) and scan.passed and scan.registration_id is not None
    )
