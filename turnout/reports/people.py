"""Who is registered for an event, as its team sees them: in a list, and in a sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from turnout.core.sheets.writing import Cell, Column
from turnout.events.models import Event
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.registrations.queries import positions
from turnout.reports.answers import answer_cells, answer_columns, answers_of, questions_ever
from turnout.reports.presence import Presence, presence_of

_AT_ONCE = 1000  # rows read by one statement
_COLUMNS = (
    Column("id", 38),
    Column("full_name", 28),
    Column("email", 32),
    Column("phone", 18),
    Column("status"),
    Column("attendance_type", 16),
    Column("position", 9),
    Column("created_at", 17),
    Column("confirmed_at", 17),
    Column("cancelled_at", 17),
    Column("asked_at", 17),
    Column("answer_by", 17),
    Column("coming_at", 17),
    Column("checked_in_at", 17),
    Column("certificate", 38),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody registered, with all that other rooms know of them."""

    registration: Registration
    position: int | None  # in line, from 1
    presence: Presence
    answers: dict[str, object]


def people(event: Event, registrations: Sequence[Registration]) -> list[Person]:
    """Return the event's registrations with what belongs to them, in a number of queries that is not theirs."""
    places, present, answers = positions(event, registrations), presence_of(registrations), answers_of(registrations)
    return [Person(each, places.get(each.pk), present[each.pk], answers[each.pk]) for each in registrations]


def people_sheet(event: Event, registrations: RegistrationQuerySet) -> tuple[list[Column], Iterator[list[Cell]]]:
    """Return the columns of a sheet of these registrations, and each one's cells, the first that registered first."""
    questions, zone = questions_ever(event), event.zone
    cells = (
        [*_cells(person, zone), *answer_cells(questions, person.answers)]
        for some in in_pieces(registrations)
        for person in people(event, some)
    )
    return [*_COLUMNS, *answer_columns(questions)], cells


def in_pieces(registrations: RegistrationQuerySet) -> Iterator[list[Registration]]:
    """Yield them a thousand at a time, by key: not every database's driver reads a result piece by piece."""
    ordered = registrations.order_by("id")
    some = list(ordered[:_AT_ONCE])
    while some:
        yield some
        some = list(ordered.filter(pk__gt=some[-1].pk)[:_AT_ONCE]) if len(some) == _AT_ONCE else []


def _cells(person: Person, zone: ZoneInfo) -> list[Cell]:
    row, present = person.registration, person.presence

    def there(moment: datetime | None) -> datetime | None:
        return moment and moment.astimezone(zone)

    return [
        str(row.id),
        row.full_name,
        row.email,
        row.phone,
        row.status,
        row.attendance_type,
        person.position,
        there(row.created_at),
        there(row.confirmed_at),
        there(row.cancelled_at),
        there(row.asked_at),
        there(row.answer_by),
        there(row.coming_at),
        there(present.checked_in_at),
        str(present.certificate) if present.certificate else None,
    ]
