"""An event with a door, and everybody who might stand there."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.support import make
from turnout.accounts.models import Role, User
from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import Scan
from turnout.core.clock import now
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text

CHECK_IN, SYNC = "/api/attendance/check-in/", "/api/attendance/sync/"


@dataclass
class Door:
    """An event, its team, and one who comes."""

    owner: User = field(default_factory=make.user)

    def __post_init__(self) -> None:
        self.event: Event = make.event(owner=self.owner)
        self.manager, self.scanner = make.user(role=Role.SEEKER), make.user(role=Role.SEEKER)
        add_member(self.event, self.manager.email, TeamMember.Role.MANAGER)
        add_member(self.event, self.scanner.email, TeamMember.Role.SCANNER)
        self.amina = make.confirmed(self.event, "amina")
        self.keeper = Doorkeeper.of_person(self.owner)
        self.client: APIClient = make.client(self.scanner)
        self._names = (f"scan-{number}" for number in itertools.count(1))

    def scan(self, shown: Registration | str, **more: Any) -> dict[str, Any]:
        """Return the body of a scan of a ticket, made now."""
        ticket = shown if isinstance(shown, str) else ticket_text(shown)
        return {"ticket": ticket, "scan_id": next(self._names), "scanned_at": iso(now()), "device": "Phone", **more}

    def check_in(self, shown: Registration | str, **more: Any) -> dict[str, Any]:
        """Return what a scan with network comes to, by a scanner of the team."""
        answer = self.client.post(CHECK_IN, self.scan(shown, **more), format="json")
        assert answer.status_code == 200, answer.json()
        told: dict[str, Any] = answer.json()
        return told

    def sync(self, *scans: Any) -> list[dict[str, Any]]:
        """Return what scans without network come to."""
        answer = self.client.post(SYNC, {"scans": list(scans)}, format="json")
        assert answer.status_code == 200, answer.json()
        told: list[dict[str, Any]] = answer.json()["results"]
        return told

    def rows(self) -> list[tuple[str, str, bool]]:
        """Return all scans that are kept: name, result, and whether it is the entry that counts."""
        scans = Scan.objects.filter(event=self.event).order_by("received_at", "scan_id")
        return [(scan.scan_id, scan.result, scan.opens is not None) for scan in scans]


def iso(moment: datetime) -> str:
    """Return the moment as clients write it."""
    return moment.isoformat()


@pytest.fixture
def door(db: None) -> Door:  # noqa: ARG001  # it is made there
    """Return the door."""
    return Door()
