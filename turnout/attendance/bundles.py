"""What a scanner takes along where there is no network.

A cursor is a number of the event's feed (`turnout.notifications.feed`). What committed late has no number yet, or a
higher one than the cursor: it is handed out now, or again the next time, and is never skipped.
"""

import base64
import json
import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db.models import Q, QuerySet

from turnout.attendance.models import DoorRules, Scan
from turnout.attendance.models.scans import CodePoints
from turnout.attendance.queries import door_answers, shown_at_door
from turnout.core import keys
from turnout.core.ids import encode_id
from turnout.core.text import digest
from turnout.events.models import Event
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.queries import latest
from turnout.registrations.models import Registration, RegistrationQuerySet, RevokedTicket
from turnout.registrations.tickets import TICKET, ticket_text

_MOST_CHANGES = 5000  # more than that, and the whole is sent anew
_CURSOR = re.compile(r"(\d{1,18})(n|y[0-9a-f]{8})")
_NO_NAMES = "n"
_INFO = b"turnout door names 1"
_LOOKUP_BYTES, _KEY_BYTES, _NONCE_BYTES = 16, 32, 12


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who is in: by the ticket that holds, in a session or at the event as a whole, since when."""

    ticket: str
    session: UUID | None
    at: datetime


@dataclass(slots=True)
class Bundle:
    """All that a scanner needs, or what is new of it."""

    event: Event
    public_key: str  # base64url of 32 bytes
    public_keys: dict[str, str]  # by the key's id
    cursor: str
    whole: bool
    revoked: list[str] = field(default_factory=list)  # ids of tickets, as they stand in them
    cleared: list[str] = field(default_factory=list)  # of whom is new in `admitted` all there is to know
    admitted: list[Admission] = field(default_factory=list)
    names: dict[str, str] | None = None  # sealed, each under its ticket; None where the event does not allow it


@dataclass(frozen=True, slots=True)
class _Changes:
    """Of whom something is new, and up to which number of the feed that is known."""

    number: int
    people: Collection[UUID]
    whole: bool = False


def bundle(event: Event, since: str = "") -> Bundle:
    """Return what a scanner at the event's doors needs; what is new since a cursor, if that is one of ours.

    A cursor of another kind, or older than what is remembered, gets the whole.
    """
    names = _names_mark(event.pk)
    changes = _changes(event.pk, since, names)
    active = keys.active_key_id(TICKET)
    public = {key_id: _base64(raw) for key_id, raw in keys.public_keys(TICKET).items()}
    found = Bundle(event, public[active], public, f"{changes.number}{names}", changes.whole)
    people: RegistrationQuerySet = Registration.objects.filter(event=event)
    replaced = RevokedTicket.objects.filter(registration__event=event)
    passages = Scan.objects.passages().filter(event=event)
    if not changes.whole:
        people, replaced = people.filter(pk__in=changes.people), replaced.filter(registration__in=changes.people)
        passages = passages.filter(registration__in=changes.people)
    found.revoked = [encode_id(ticket) for ticket in _void(people, replaced)]
    held = people.exclude(ticket_id=None).values_list("pk", "ticket_id")
    tickets = {person: encode_id(ticket) for person, ticket in held if ticket is not None}
    found.cleared = [] if changes.whole else list(tickets.values())
    found.admitted = [
        Admission(tickets[person], session, at)
        for (person, session), at in _inside(passages).items()
        if person in tickets
    ]
    if names != _NO_NAMES:
        found.names = _names(event, people.filter(status=Registration.Status.CONFIRMED))
    return found


def names_key(signature: bytes) -> tuple[str, bytes]:
    """Return under which name and key a ticket's holder is found in a bundle, from the ticket's 64 bytes of signature.

    HKDF-SHA256 (RFC 5869) without salt: 16 bytes, in base64url, and 32 bytes for AES-256-GCM. Whoever holds no ticket
    can neither find nor read anybody.
    """
    derived = HKDF(SHA256(), _LOOKUP_BYTES + _KEY_BYTES, salt=None, info=_INFO).derive(signature)
    return _base64(derived[:_LOOKUP_BYTES]), derived[_LOOKUP_BYTES:]


def _names_mark(event: UUID) -> str:
    """Return what a cursor says of names: whether there are any, and to which questions the answers come along."""
    if not DoorRules.objects.filter(pk=event, names_offline=True).exists():
        return _NO_NAMES
    return "y" + digest("names", *sorted(key.hex for key in shown_at_door(event)))[:8]


def _changes(event: UUID, since: str, names: str) -> _Changes:
    cursor = _CURSOR.fullmatch(since)
    number = latest([event])[event]  # before anything else is read: what comes later is handed out the next time
    if cursor is None or cursor[2] != names or int(cursor[1]) > number:
        return _Changes(number, (), whole=True)
    known = int(cursor[1])
    new = Entry.objects.filter(Q(number__gt=known) | Q(number=None), topic=event).order_by("number")
    entries = list(new.values_list("number", "subject")[: _MOST_CHANGES + 1])
    numbers = [each for each, _subject in entries if each is not None]
    if len(entries) > _MOST_CHANGES or len(numbers) < number - known:
        return _Changes(number, (), whole=True)  # too many, or some are forgotten
    return _Changes(max(numbers, default=known), {subject for _number, subject in entries})


def _void(people: RegistrationQuerySet, replaced: "QuerySet[RevokedTicket]") -> Iterator[UUID]:
    yield from replaced.values_list("pk", flat=True)
    lost = people.exclude(status=Registration.Status.CONFIRMED).exclude(ticket_id=None)
    yield from (ticket for ticket in lost.values_list("ticket_id", flat=True) if ticket is not None)


def _inside(passages: "QuerySet[Scan]") -> dict[tuple[UUID, UUID | None], datetime]:
    """Return who is in, by person and session, since when: `turnout.attendance.outcomes` in one pass."""
    inside: dict[tuple[UUID, UUID | None], datetime] = {}
    rows = passages.order_by("at", CodePoints("scan_id")).values_list(
        "registration_id", "session_id", "direction", "at"
    )
    for person, session, direction, at in rows.iterator():
        if direction == Scan.Direction.OUT:
            inside.pop((person, session), None)
        else:
            inside.setdefault((person, session), at)
    return inside


def _names(event: Event, people: RegistrationQuerySet) -> dict[str, str]:
    registrations = list(people.select_related("door_note"))
    answers = defaultdict(list, door_answers(event.pk, registrations))
    return dict(_sealed(each, answers[each.pk]) for each in registrations)


def _sealed(registration: Registration, answers: Iterable[tuple[str, object]]) -> tuple[str, str]:
    signature = ticket_text(registration).rpartition(".")[2]
    lookup, key = names_key(base64.urlsafe_b64decode(f"{signature}=="))
    note = getattr(registration, "door_note", None)
    told = {
        "name": registration.full_name,
        "type": registration.attendance_type,
        "note": note.text if note else "",
        "answers": [{"label": label, "answer": answer} for label, answer in answers],
    }
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return lookup, _base64(nonce + AESGCM(key).encrypt(nonce, json.dumps(told).encode(), None))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
