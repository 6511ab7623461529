"""What the doors saw, as sheets."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q

from turnout.attendance.doorkeepers import names_of
from turnout.attendance.models import Scan, ScanQuerySet, Stay
from turnout.attendance.presence import attended
from turnout.core.sheets.writing import Cell, Column
from turnout.events.models import Event
from turnout.registrations.models import Registration
from turnout.reports.people import in_pieces

_AT_ONCE = 1000  # rows read by one statement
_SCANS = (
    Column("scan_id", 38),
    Column("registration", 38),
    Column("full_name", 28),
    Column("email", 32),
    Column("session", 38),
    Column("session_title", 28),
    Column("direction", 9),
    Column("result", 19),
    Column("passed", 7),
    Column("at", 17),
    Column("scanned_at", 17),
    Column("clock_offset_ms", 15),
    Column("received_at", 17),
    Column("device", 20),
    Column("door", 20),
    Column("made_by", 20),
    Column("conflict"),
    Column("undone_at", 17),
    Column("undone_by", 20),
    Column("undone_reason", 28),
    Column("resolved_at", 17),
    Column("resolved_by", 20),
    Column("resolved_note", 28),
)


_PEOPLE = (
    Column("registration", 38),
    Column("full_name", 28),
    Column("email", 32),
    Column("status"),
    Column("attendance_type", 16),
    Column("checked_in_at", 17),
    Column("minutes"),
    Column("percent"),
    Column("sessions"),
    Column("session_titles", 60),
)


def scans_sheet(event: Event, scans: ScanQuerySet) -> tuple[tuple[Column, ...], Iterator[list[Cell]]]:
    """Return the columns of a sheet of these scans, and each one's cells, the first that was made first."""
    return _SCANS, (cells for some in _pieces(scans) for cells in _rows(some, event.zone))


def presence_sheet(event: Event) -> tuple[tuple[Column, ...], Iterator[list[Cell]]]:
    """Return the columns of a sheet of who is confirmed or was there, and each one's cells: how long, and in what.

    `sessions` are those that count as attended by the event's rules.
    """
    came = Scan.objects.passages().filter(registration=OuterRef("pk"))
    online = Stay.objects.filter(registration=OuterRef("pk"), joined_at__isnull=False)
    there = Q(status=Registration.Status.CONFIRMED) | Exists(came) | Exists(online)
    people = Registration.objects.filter(there, event=event).defer("answers", "phone")
    titles = dict(event.sessions.values_list("pk", "title"))
    return _PEOPLE, (cells for some in in_pieces(people) for cells in _presences(event, some, titles))


def _presences(event: Event, people: list[Registration], titles: dict[UUID, str]) -> Iterator[list[Cell]]:
    found = attended(event, people)
    for person in people:
        presence = found[person.pk]
        since = presence.checked_in_at
        yield [
            str(person.pk),
            person.full_name,
            person.email,
            person.status,
            person.attendance_type,
            since and since.astimezone(event.zone),
            presence.minutes,
            presence.percent,
            len(presence.sessions),
            "; ".join(titles[session] for session in presence.sessions),
        ]


def _pieces(scans: ScanQuerySet) -> Iterator[list[Scan]]:
    """Yield them a thousand at a time, by key: not every database's driver reads a result piece by piece."""
    ordered = scans.order_by("at", "id")
    some = list(ordered[:_AT_ONCE])
    while some:
        yield some
        at, key = some[-1].at, some[-1].pk
        behind = ordered.filter(Q(at__gt=at) | Q(at=at, pk__gt=key), at__gte=at)
        some = list(behind[:_AT_ONCE]) if len(some) == _AT_ONCE else []


def _rows(scans: list[Scan], zone: ZoneInfo) -> Iterator[list[Cell]]:
    names = names_of({actor for scan in scans for actor in (scan.made_by, scan.undone_by, scan.resolved_by)})
    for scan in scans:
        yield _cells(scan, names, zone)


def _cells(scan: Scan, names: dict[str, str], zone: ZoneInfo) -> list[Cell]:
    def there(moment: datetime | None) -> datetime | None:
        return moment and moment.astimezone(zone)

    person = scan.registration
    return [
        scan.scan_id,
        str(person.pk) if person else None,
        person.full_name if person else None,
        person.email if person else None,
        str(scan.session_id) if scan.session_id else None,
        scan.session.title if scan.session else None,
        scan.direction,
        scan.result,
        "yes" if scan.passed else "no",
        there(scan.at),
        there(scan.scanned_at),
        scan.clock_offset_ms,
        there(scan.received_at),
        scan.device,
        scan.door,
        names.get(scan.made_by),
        scan.conflict,
        there(scan.undone_at),
        names.get(scan.undone_by),
        scan.undone_reason,
        there(scan.resolved_at),
        names.get(scan.resolved_by),
        scan.resolved_note,
    ]
