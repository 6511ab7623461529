"""Scans at the door: by one of the team and by a paired device, and the bare statements that they come to."""

import itertools
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from bench import web
from bench.bare import connected, copy_registrations, insert_into
from bench.load import BenchError, Window, Work
from bench.server import Site
from turnout.accounts.actions.sessions import SignedIn
from turnout.accounts.models import Role, TokenFamily, User
from turnout.api.tokens import tokens_of
from turnout.attendance.actions.devices import add_device, pair
from turnout.attendance.models import Scan, opening_key
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.events.actions.teams import add_member
from turnout.events.models import Event, TeamMember
from turnout.notifications.models import Entry
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text

_PATH = "/api/attendance/check-in/"
# What a first scan writes, as `turnout/attendance/actions/scanning.py` has it: of whoever has the ticket.
_SCAN = insert_into(
    Scan,
    f"FROM {Registration._meta.db_table} AS r WHERE r.ticket_id = %(ticket)s AND r.status = 'confirmed'",
    id="%(id)s",
    event_id="%(event)s",
    scan_id="%(scan)s",
    registration_id="r.id",
    ticket_id="r.ticket_id",
    direction="'in'",
    scanned_at="%(at)s",
    clock_offset_ms="0",
    at="%(at)s",
    received_at="%(at)s",
    device="'Phone'",
    made_by="%(by)s",
    passed="true",
    result="'checked_in'",
    opens="%(opens)s",
)
_ENTRY = insert_into(
    Entry,
    id="%(entry)s",
    topic="%(event)s",
    kind="'checkin.created'",
    subject="%(registration)s",
    account="%(owner)s",
    data="%(data)s",
    at="%(at)s",
)


@dataclass(frozen=True, slots=True)
class Seated:
    """Somebody with a ticket."""

    id: uuid.UUID
    ticket: uuid.UUID


class Door:
    """A door, who stands there, and how many came through."""

    def __init__(
        self, url: str, database: psycopg.Connection, event: uuid.UUID, ticket_key: str, *, paired: bool
    ) -> None:
        self._url, self._database, self._key = url, database, ticket_key
        self._event = Event.objects.get(pk=event)
        self._event.owner = _person("owner", Role.FACILITATOR)
        self._event.save(update_fields=["owner"])
        self._token = _device(self._event) if paired else _scanner(self._event)
        self._done, self._prepared = 0, itertools.count()

    def ours(self, site: Site, workers: tuple[int, ...], clients: int, reserve: int) -> Work:
        """Return what clients do who scan tickets that nobody has shown yet."""
        requests = [self._request(one) for one in self._seat(reserve)]

        def work(client: int) -> Iterator[str]:
            with web.connected(site, workers, client) as connection:
                yield from web.ask(connection, requests[client::clients], b"200")

        return work

    def theirs(self, clients: int, reserve: int) -> Work:
        """Return the same in bare SQL."""
        prepared = self._seat(reserve)
        return lambda client: self._bare(prepared[client::clients])

    def count(self, window: Window) -> None:
        """Note how many were answered."""
        self._done += window.done + window.warmed

    def check(self) -> str:
        """Compare with what is there; BenchError if that differs. Return what to note."""
        row = self._database.execute(
            """SELECT count(*), count(*) FILTER (WHERE result = 'checked_in' AND opens IS NOT NULL),
                      (SELECT count(*) FROM notifications_entry WHERE topic = %(id)s AND kind = 'checkin.created')
               FROM attendance_scan WHERE event_id = %(id)s""",
            {"id": self._event.pk},
        ).fetchone()
        if row != (self._done,) * 3:
            raise BenchError(f"{self._done} scans were answered; rows, entries, news of them: {row}")
        return f"{self._done:,} scans were answered, and as many people are in."

    def _request(self, one: Seated) -> bytes:
        shown = Registration(event=self._event, status="confirmed", ticket_id=one.ticket, ticket_key=self._key)
        body = {
            "ticket": ticket_text(shown),
            "scan_id": str(new_id()),
            "scanned_at": now().isoformat(),
            "clock_offset_ms": 120,
            "device": "Phone",
        }
        return web.post(_PATH, json.dumps(body).encode(), Authorization=f"Bearer {self._token}")

    def _bare(self, prepared: Sequence[Seated]) -> Iterator[str]:
        with connected(self._url) as connection, connection.cursor() as cursor:
            for one in prepared:
                scan = str(new_id())
                values = {
                    "id": new_id(),
                    "entry": new_id(),
                    "event": self._event.pk,
                    "owner": self._event.owner_id,
                    "registration": one.id,
                    "ticket": one.ticket,
                    "scan": scan,
                    "at": now(),
                    "by": audit.SYSTEM,
                    "opens": opening_key(one.id, None),
                    "data": json.dumps({"scan": scan, "session": "", "direction": "in"}),
                }
                with connection.transaction():
                    written = cursor.execute(_SCAN, values).rowcount
                    cursor.execute(_ENTRY, values)
                yield "" if written == 1 else f"{written} rows were written"

    def _seat(self, count: int) -> list[Seated]:
        """Write so many people with tickets in bulk."""
        number, at = next(self._prepared), now() - timedelta(days=1)
        made = [Seated(new_id(), new_id()) for _ in range(count)]
        copy_registrations(
            self._database,
            (
                {
                    "id": one.id,
                    "event_id": self._event.pk,
                    "status": "confirmed",
                    "full_name": "Amina Haddad",
                    "email": f"d{number}.{place}@example.org",
                    "attendance_type": "on_site",
                    "active_key": one.id.hex * 2,
                    "ticket_id": one.ticket,
                    "ticket_key": self._key,
                    "created_at": at,
                    "expires_at": at,
                }
                for place, one in enumerate(made)
            ),
        )
        return made


def _person(name: str, role: str) -> User:
    person = User(email=f"{name}.{new_id().hex}@example.org", name=name, role=role, address_verified=True)
    person.clean()
    person.set_unusable_password()
    person.save()
    return person


def _scanner(event: Event) -> str:
    """Return the access token of somebody who checks people in there."""
    person, start = _person("scanner", Role.SEEKER), now()
    add_member(event, person.email, TeamMember.Role.SCANNER)
    family = TokenFamily(user=person, current="", created_at=start, used_at=start, expires_at=start + timedelta(days=1))
    family.save()
    return str(tokens_of(SignedIn(family, ""))["access"])


def _device(event: Event) -> str:
    """Return the token of a device that is paired there."""
    _added, code = add_device(event, "Phone", "", actor=audit.SYSTEM)
    _device, token = pair(code)
    return token
