"""Whose ticket was shown, at whose door, and whether it holds: read for one scan or a thousand in the same queries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, QuerySet

from turnout.attendance.doorkeepers import Doorkeeper, Standing
from turnout.attendance.models import Scan
from turnout.core.prepared import Prepared
from turnout.events.models import Session, TeamMember
from turnout.registrations.models import Registration, RevokedTicket
from turnout.registrations.tickets import Ticket, read_ticket

Result = Scan.Result

_JOINED = {"note": F("door_note__text"), "owner_id": F("event__owner_id")}
_READ = ("event", "full_name", "status", "attendance_type", "ticket_id", "cancelled_at", "answers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A scan, as its device tells it: of a ticket's text, or of a registration that was found by name."""

    scan_id: str
    scanned_at: datetime  # by the device's clock
    clock_offset_ms: int = 0  # what to add to it
    ticket: str = ""
    registration: UUID | None = None
    event: UUID | None = None
    session: UUID | None = None
    direction: str = Scan.Direction.IN
    device: str = ""
    door: str = ""
    passed: bool = True  # whether its device let them through; asked of what was made offline

    @property
    def at(self) -> datetime:
        """When it was, by our clock as far as the device knows it. OverflowError outside of what a calendar holds."""
        return self.scanned_at + timedelta(milliseconds=self.clock_offset_ms)


@dataclass(frozen=True, slots=True)
class Case:
    """What an attempt comes to before the doors are asked."""

    attempt: Attempt
    event: UUID | None = None  # at whose door; None where nobody can tell, or it is not the keeper's
    owner: UUID | None = None  # of the event
    registration: Registration | None = None
    ticket_id: UUID | None = None
    # Why nobody goes through, whatever happened at the door before; None where the ticket holds.
    refused: Result | None = None
    is_foreign: bool = False  # it names what the keeper may not know of
    session_unknown: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database holds of all that a number of attempts name."""

    tickets: dict[str, Ticket | None]  # by text; None is no ticket of ours
    by_ticket: dict[UUID, Registration]
    by_id: dict[UUID, Registration]
    revoked: dict[UUID, RevokedTicket]
    sessions: dict[UUID, UUID]  # the event of each
    doors: dict[UUID, UUID | None]  # the events at whose doors the keeper stands, of those named, and their owners


def cases_of(keeper: Doorkeeper, attempts: Sequence[Attempt], *, online: bool) -> list[Case]:
    """Return what each attempt comes to, in at most five queries, the attempts as many as they may be.

    A scan made offline is judged by what held when it was made: who cancelled in the evening was there in the morning.
    """
    known = _known(keeper, attempts)
    return [_case(keeper, attempt, known, online=online) for attempt in attempts]


def _known(keeper: Doorkeeper, attempts: Sequence[Attempt]) -> _Known:
    tickets = {text: read_ticket(text) for text in {attempt.ticket for attempt in attempts if attempt.ticket}}
    ids = {ticket.ticket_id for ticket in tickets.values() if ticket is not None}
    wanted = {attempt.registration for attempt in attempts if attempt.registration is not None}
    key = keeper.member_key
    by_ticket = {row.ticket_id: row for row in _with_tickets(ids, key) if row.ticket_id}
    by_id = {row.pk: row for row in _registrations(key, pk__in=wanted)} if wanted else {}
    missing = ids - set(by_ticket)
    revoked = {}
    if missing:
        found = RevokedTicket.objects.filter(pk__in=missing).select_related("registration")
        revoked = {row.ticket_id: row for row in found}
    sessions = _sessions({attempt.session for attempt in attempts if attempt.session is not None})
    named = {ticket.event_id for ticket in tickets.values() if ticket is not None}
    named |= {row.event_id for row in by_id.values()} | set(sessions.values())
    named |= {attempt.event for attempt in attempts if attempt.event is not None}
    named |= {keeper.device.event_id} if keeper.device else set()
    stands: dict[UUID, Standing] = {
        row.event_id: (vars(row)["owner_id"], vars(row)["is_member"]) for row in (*by_ticket.values(), *by_id.values())
    }
    return _Known(tickets, by_ticket, by_id, revoked, sessions, keeper.doors(named, stands))


def _registrations(key: str, **which: object) -> QuerySet[Registration]:
    """Return registrations with what is shown of them at a door, and how their event stands to a member's key."""
    is_member = TeamMember.objects.of_key(key, "event_id")
    return Registration.objects.filter(**which).annotate(**_JOINED, is_member=is_member).only(*_READ).order_by()


_with_ticket = Prepared(lambda ticket, key: _registrations(key, ticket_id=ticket), UUID, str)


def _with_tickets(ids: set[UUID], key: str) -> Iterable[Registration]:
    if len(ids) == 1:
        return _with_ticket(*ids, key)  # of each scan with network
    return _registrations(key, ticket_id__in=ids) if ids else ()


def _sessions(ids: set[UUID]) -> dict[UUID, UUID]:
    return dict(Session.objects.filter(pk__in=ids).values_list("pk", "event_id")) if ids else {}


def _case(keeper: Doorkeeper, attempt: Attempt, known: _Known, *, online: bool) -> Case:
    ticket = known.tickets.get(attempt.ticket)
    registration, revoked = _holder(attempt, ticket, known)
    meant = ticket.event_id if ticket else registration.event_id if registration else None
    event = _event(keeper, attempt, known) or meant
    if event is None and attempt.registration is None:
        return Case(attempt, refused=Result.INVALID_TICKET)
    if event is None or event not in known.doors or (attempt.registration and meant != event):
        return Case(attempt, is_foreign=True)
    if attempt.session is not None and not _takes_place(attempt.session, event, known, online=online):
        return Case(attempt, session_unknown=True)
    case = Case(attempt, event, known.doors[event], ticket_id=ticket.ticket_id if ticket else None)
    if meant not in {None, event}:
        return replace(case, refused=Result.WRONG_EVENT)
    if registration is None or registration.event_id != event:
        return replace(case, refused=Result.INVALID_TICKET)
    refused = _refusal(registration, revoked, None if online else attempt.at)
    return replace(case, registration=registration, refused=refused)


def _event(keeper: Doorkeeper, attempt: Attempt, known: _Known) -> UUID | None:
    """Return at which event's door somebody stands, as far as they say so themselves."""
    if keeper.device is not None:
        return attempt.event or keeper.device.event_id
    return attempt.event or (known.sessions.get(attempt.session) if attempt.session else None)


def _holder(attempt: Attempt, ticket: Ticket | None, known: _Known) -> tuple[Registration | None, RevokedTicket | None]:
    """Return whose it is; and for a ticket that was replaced, that it was."""
    if attempt.registration is not None:
        return known.by_id.get(attempt.registration), None
    if ticket is None:
        return None, None
    revoked = known.revoked.get(ticket.ticket_id)
    return (revoked.registration, revoked) if revoked else (known.by_ticket.get(ticket.ticket_id), None)


def _takes_place(session: UUID, event: UUID, known: _Known, *, online: bool) -> bool:
    """Tell whether the session is one of the event's; one that was taken off the programme may have been, offline."""
    return known.sessions[session] == event if session in known.sessions else not online


def _refusal(registration: Registration, revoked: RevokedTicket | None, at: datetime | None) -> Result | None:
    """Return why this registration lets nobody in, at that moment or now."""
    if revoked is not None and (at is None or at >= revoked.revoked_at):
        return Result.REVOKED
    match registration.status:
        case Registration.Status.CONFIRMED:
            return None
        case Registration.Status.CANCELLED:
            cancelled = registration.cancelled_at
            held = registration.ticket_id is not None and at is not None and cancelled is not None and at < cancelled
            return None if held else Result.CANCELLED
        case _:
            return Result.NOT_CONFIRMED
