"""The same deeds without Turnout: the SQL that they come to, prepared, over one kept connection a client."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db.models import Model

from turnout.core.audit import GUEST
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.models import AuditEntry
from turnout.events.models import SeatPool
from turnout.notifications.models import Message
from turnout.registrations.models import CONFIRMATION_LIVES, Registration, active_key

_STATEMENTS_KEPT = 10_000
_REGISTRATION, _MESSAGE, _AUDIT, _POOL = (
    model._meta.db_table for model in (Registration, Message, AuditEntry, SeatPool)
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A registration that waits for its confirmation."""

    id: uuid.UUID
    event: uuid.UUID
    email: str
    active_key: str


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """Connect for one client: in autocommit, every statement prepared when it is first used."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        connection.prepared_max = _STATEMENTS_KEPT
        yield connection


def read(url: str, deeds: Iterable[Sequence[bytes]]) -> Iterator[str]:
    """Run the statements of one deed after the other, each in a transaction of its own, as reads are."""
    with connected(url) as connection, connection.cursor() as cursor:
        for statements in deeds:
            for statement in statements:
                cursor.execute(statement)  # the answer is here then; nobody makes Python objects of it
            yield ""


def insert_into(model: type[Model], source: str = "", **values: str) -> bytes:
    """Return an INSERT of all the model's columns: what is not named here has the model's default.

    With a source (`FROM ...`) one for each of its rows.
    """
    named = {}
    for field in model._meta.concrete_fields:
        default = field.get_default()
        named[str(field.column)] = values.pop(str(field.column), "") or literal(default)
    if values:
        raise ValueError(f"{model.__name__} has no {', '.join(values)}")
    rows = f"SELECT {', '.join(named.values())} {source}" if source else f"VALUES ({', '.join(named.values())})"
    return f"INSERT INTO {model._meta.db_table} ({', '.join(named)}) {rows}".encode()


def literal(value: object) -> str:
    """Return a model's default as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, dict):
        return f"'{json.dumps(value)}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


OWE = insert_into(
    Message,
    id="%(message)s",
    kind="%(kind)s",
    subject="%(registration)s",
    recipient="%(email)s",
    due_at="%(at)s",
    created_at="%(at)s",
)
RECORD = insert_into(
    AuditEntry, id="%(audit)s", at="%(at)s", actor=f"'{GUEST}'", verb="%(verb)s", subject="%(registration)s"
)
REGISTER = insert_into(
    Registration,
    id="%(registration)s",
    event_id="%(event)s",
    full_name="'Amina Haddad'",
    email="%(email)s",
    phone="'+213555123456'",
    attendance_type="'on_site'",
    created_at="%(at)s",
    expires_at="%(expires)s",
)
_TAKE = f"""UPDATE {_POOL} SET taken = taken + 1
    WHERE event_id = %(event)s AND attendance_type IN ('', 'on_site') AND (capacity IS NULL OR taken < capacity)
""".encode()  # noqa: S608  # our own words
_ADMIT = f"""UPDATE {_REGISTRATION} SET status = 'confirmed', active_key = %(active_key)s, confirmed_at = %(at)s,
    ticket_id = %(ticket)s, ticket_key = %(key)s, place = NULL
    WHERE id = %(registration)s AND status = 'pending' AND attendance_type = 'on_site'
""".encode()  # noqa: S608  # the same


def register(url: str, events: Sequence[uuid.UUID], address: Callable[[int], str]) -> Iterator[str]:
    """Write down one registration after the other, as `registrations.actions.register` does."""
    with connected(url) as connection, connection.cursor() as cursor:
        number = 0
        while True:
            at = now()
            values = _values(new_id(), address(number), at, "registration.confirm", "registration.created")
            values |= {"event": events[number % len(events)], "expires": at + CONFIRMATION_LIVES}
            with connection.transaction():
                for statement in (REGISTER, OWE, RECORD):
                    cursor.execute(statement, values)
            number += 1
            yield ""


def confirm(url: str, prepared: Iterable[Pending], ticket_key: str) -> Iterator[str]:
    """Give one registration after the other its seat, the counter first, as `registrations.actions.confirm` does."""
    with connected(url) as connection, connection.cursor() as cursor:
        for pending in prepared:
            values = _values(pending.id, pending.email, now(), "registration.confirmed", "registration.confirmed")
            values |= {
                "event": pending.event,
                "active_key": pending.active_key,
                "ticket": new_id(),
                "key": ticket_key,
            }
            hit = 0
            with connection.transaction():
                for statement in (_TAKE, _ADMIT):
                    hit += cursor.execute(statement, values).rowcount
                for statement in (OWE, RECORD):
                    cursor.execute(statement, values)
            yield "" if hit == len((_TAKE, _ADMIT)) else f"{hit} rows were changed"


def _values(registration: uuid.UUID, email: str, at: datetime, kind: str, verb: str) -> dict[str, Any]:
    return {
        "registration": registration,
        "email": email,
        "at": at,
        "message": new_id(),
        "audit": new_id(),
        "kind": kind,
        "verb": verb,
    }


def make_pending(database: psycopg.Connection, events: Sequence[uuid.UUID], count: int, name: str) -> list[Pending]:
    """Write so many registrations in bulk, for these events in turn; `name` tells their addresses from others'."""
    made = []
    for number in range(count):
        event, email = events[number % len(events)], f"{name}-{number}@example.org"
        made.append(Pending(new_id(), event, email, active_key(event, email)))
    at = now() - timedelta(minutes=5)
    copy_registrations(
        database,
        (
            {
                "id": one.id,
                "event_id": one.event,
                "full_name": "Amina Haddad",
                "email": one.email,
                "phone": "+213555123456",
                "attendance_type": "on_site",
                "created_at": at,
                "expires_at": at + CONFIRMATION_LIVES,
            }
            for one in made
        ),
    )
    return made


def copy_registrations(database: psycopg.Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Write registrations in bulk; what a row does not name has the model's default."""
    usual = {str(field.column): field.get_default() for field in Registration._meta.concrete_fields}
    statement = f"COPY {_REGISTRATION} ({', '.join(usual)}) FROM STDIN"
    with database.cursor().copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(tuple((usual | row).values()))
    database.execute(f"ANALYZE {_REGISTRATION}".encode())
