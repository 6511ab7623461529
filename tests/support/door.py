"""Lets people in and out in tests, as scanners do."""

import itertools
from datetime import datetime, timedelta
from uuid import UUID

from turnout.accounts.models import User
from turnout.attendance.actions.corrections import undo
from turnout.attendance.actions.scanning import Answer, check_in, sync
from turnout.attendance.cases import Attempt
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import Scan
from turnout.core.clock import now
from turnout.registrations.models import Registration

_numbers = itertools.count(1)


def attempt(who: Registration, at: datetime | None = None, **fields: object) -> Attempt:
    """Return a scan of somebody, at a moment or now, with a name of its own."""
    given = {"scan_id": f"scan-{next(_numbers)}", "event": who.event_id, "device": "Tablet"} | fields
    return Attempt(registration=who.pk, scanned_at=at or now(), **given)  # type: ignore[arg-type]  # by name


def scan(keeper: User, who: Registration, at: datetime | None = None, **fields: object) -> Scan:
    """Return what is kept of a scan with network."""
    return _kept(check_in(Doorkeeper.of_person(keeper), attempt(who, at, **fields)))


def offline(keeper: User, who: Registration, at: datetime | None = None, **fields: object) -> Scan:
    """Return what is kept of a scan without network, sent now."""
    return _kept(sync(Doorkeeper.of_person(keeper), [attempt(who, at, **fields)])[0])


def taken_back(scanned: Scan, keeper: User, reason: str = "a mistake") -> Scan:
    """Return a scan that somebody has undone."""
    return undo(scanned, reason, actor=Doorkeeper.of_person(keeper).actor)


def double(keeper: User, who: Registration, session: UUID | None = None) -> Scan:
    """Return the second of two entries of one person, at two doors without network."""
    offline(keeper, who, now() - timedelta(minutes=8), door="North", session=session)
    return offline(keeper, who, now() - timedelta(minutes=5), door="South", session=session)


def _kept(answer: Answer) -> Scan:
    assert answer.scan is not None
    return answer.scan
