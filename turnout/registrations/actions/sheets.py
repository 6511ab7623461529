"""Registering people by a sheet."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from turnout.core import audit, keys
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError
from turnout.core.ids import new_id
from turnout.core.transactions import RaceLostError, transactional, violates
from turnout.events.models import AttendanceType, Event, SeatPool
from turnout.events.queries import language_of
from turnout.guard.actions import Claim, admit
from turnout.guard.mailboxes import mailbox
from turnout.guard.notation import windows
from turnout.notifications.models import Message
from turnout.registrations.actions.seats import UNIQUE, next_series_key, series_limit_reached, spared_the_question
from turnout.registrations.actions.telling import report, tell
from turnout.registrations.models import CONFIRMATION_LIVES, Registration, active_key
from turnout.registrations.queries import held_in_series, registration_closed
from turnout.registrations.sheets import Entry, Sheet, fault_at
from turnout.registrations.tickets import TICKET

_BATCH = 500  # rows in a statement
_MAIL = "registration.confirmed"
# Whoever imports has mails sent to whatever addresses they name: thousands of rows, a begun one counts.
_THOUSANDS = windows("20/hour,40/day")


@transactional
def import_people(event: Event, sheet: Sheet, *, notify: bool = True, actor: str = audit.SYSTEM) -> int:
    """Confirm everybody in a sheet, or nobody: each gets a seat and, with `notify`, a mail with the ticket.

    The team's word stands for the confirmed address and, where the event approves, for its yes. Whoever waits in line
    comes first: who is imported gets a seat that nobody waits for. A mailbox that has got all the mails it may gets
    none of these, and nobody is told which; all of them go behind other mail.
    Raises InvalidError with each of the sheet's faults and of those found here: `already_registered`, `not_offered`,
    `series_limit_reached`. ConflictError `registration_closed` for an event that is over, cancelled or a draft;
    `event_full` with how many seats are `missing`. ThrottledError where `actor` imported too many.
    """
    if event.status != Event.Status.PUBLISHED or event.ends_at <= now():
        raise registration_closed(event)
    series_keys = _series_keys(event, sheet.entries)
    faults = [*sheet.faults, *_conflicts(event, sheet.entries, series_keys)]
    if faults:
        raise InvalidError.at(*sorted(faults, key=lambda fault: int(fault.pointer.split("/")[2])))
    if actor != audit.SYSTEM:
        for _thousand in range(0, len(sheet.entries), 1000):
            admit(Claim("import", actor, _THOUSANDS))
    # All that can be done before the counters' rows are locked.
    ticket_key = keys.active_key_id(TICKET)
    language = language_of(event)  # what theirs is they did not say
    people = [_confirmed(event, entry, language, ticket_key) for entry in sheet.entries]
    for person in people:
        person.series_key = series_keys.get(person.email)
    _take_seats(event, sheet.entries)
    _write(people)
    report(_MAIL, event, [person.id for person in people], status=Registration.Status.CONFIRMED)
    if notify:
        tell(_MAIL, event, [(person.id, person.email) for person in _to_be_told(people, actor)], patience=1)
    audit.record_many(actor, "registration.imported", [person.id for person in people])
    audit.record(actor, "event.people_imported", event.id, {"count": len(people)})
    return len(people)


def _series_keys(event: Event, entries: Sequence[Entry]) -> dict[str, str | None]:
    """Return by address what counts somebody in the event's series, if it has a limit; None where it is met."""
    series = event.series
    if series is None or series.limit_per_person is None:
        return {}
    held = [held_in_series(series, some) for some in _batches([entry.email for entry in entries])]
    return {email: next_series_key(series, email, keys) for some in held for email, keys in some.items()}


def _conflicts(event: Event, entries: Sequence[Entry], series_keys: Mapping[str, str | None]) -> Iterator[Fault]:
    """Yield a fault for each who is registered already, attends in a way that is not offered, or is in too many."""
    offered = event.attendance_types
    ways = ", ".join(str(AttendanceType(each).label) for each in offered)
    active = _active_keys([active_key(event.id, entry.email) for entry in entries])
    for entry in entries:
        if entry.attendance_type not in offered:
            message = _("This event can be attended: %s.") % ways
            yield fault_at(entry.number, "attendance_type", "not_offered", message)
        if active_key(event.id, entry.email) in active:
            message = _("Whoever has this address is registered already.")
            yield fault_at(entry.number, "email", "already_registered", message)
        elif event.series and entry.email in series_keys and series_keys[entry.email] is None:
            yield fault_at(entry.number, "email", "series_limit_reached", series_limit_reached(event.series))


def _active_keys(sought: list[str]) -> set[str | None]:
    """Return those of these keys that somebody has."""
    found = [Registration.objects.filter(active_key__in=some).order_by() for some in _batches(sought)]
    return {key for some in found for key in some.values_list("active_key", flat=True)}


def _write(people: Sequence[Registration]) -> None:
    try:
        Registration.objects.bulk_create(people, batch_size=_BATCH)
    except IntegrityError as error:
        if not violates(error, *UNIQUE):
            raise
        raise RaceLostError from error  # one of them confirmed this moment: begin again, and find that one


def _take_seats(event: Event, entries: Sequence[Entry]) -> None:
    """Take as many seats as there are entries, of each pool by one statement; ConflictError `event_full`."""
    wanted = Counter(entry.attendance_type for entry in entries)
    missing = 0
    for pool in SeatPool.objects.filter(event=event).order_by("pk"):
        count = wanted[pool.attendance_type] if pool.attendance_type else wanted.total()
        # Whoever waits stands before these.
        enough = Q(capacity__isnull=True) | Q(capacity__gte=F("taken") + F("waiting") + count)
        left = SeatPool.objects.filter(enough, pk=pool.pk, closed=False)
        if count and left.update(taken=F("taken") + count) != 1:
            missing += _missing(pool, count)
    if missing:
        raise ConflictError(_("%d seats are missing.") % missing, "event_full", missing=missing)


def _missing(pool: SeatPool, count: int) -> int:
    """Return how many seats too few there are; RaceLostError where there are enough, or the event was cancelled."""
    pool = SeatPool.objects.select_for_update().get(pk=pool.pk)
    missing = 0 if pool.capacity is None else pool.taken + pool.waiting + count - pool.capacity
    if pool.closed or missing <= 0:
        raise RaceLostError
    return missing


def _confirmed(event: Event, entry: Entry, language: str, ticket_key: str) -> Registration:
    start = now()
    return Registration(
        event=event,
        status=Registration.Status.CONFIRMED,
        full_name=entry.full_name,
        email=entry.email,
        attendance_type=entry.attendance_type,
        language=language,
        active_key=active_key(event.id, entry.email),
        ticket_id=new_id(),
        ticket_key=ticket_key,
        created_at=start,
        expires_at=start + CONFIRMATION_LIVES,
        confirmed_at=start,
        **spared_the_question(event),
        mail_domain=entry.email.rpartition("@")[2],
    )


def _to_be_told(people: Sequence[Registration], actor: str) -> Iterator[Registration]:
    """Yield who gets a mail: of each mailbox as many as THROTTLE_MAILBOX lets it get, tags and dots folded.

    What it got by other addresses in other sheets is not known here: those are limited by who imports.
    """
    limits = settings.THROTTLE_MAILBOX if actor != audit.SYSTEM else ()
    told = [(limit.amount, _told_lately(people, timedelta(seconds=limit.seconds))) for limit in limits]
    for person in people:
        whose = mailbox(person.email)
        if all(counts[whose] < amount for amount, counts in told):
            yield person
        for _amount, counts in told:
            counts[whose] += 1


def _told_lately(people: Sequence[Registration], span: timedelta) -> Counter[str]:
    """Return how many mails with a ticket these addresses were owed in this time, by mailbox."""
    counts: Counter[str] = Counter()
    for some in _batches([person.email for person in people]):
        lately = Message.objects.filter(kind=_MAIL, recipient__in=some, created_at__gt=now() - span).order_by()
        for address, count in lately.values_list("recipient").annotate(count=Count("pk")):
            counts[mailbox(address)] += count
    return counts


def _batches(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
