"""Who was there, and who got a certificate: the one place to say it for lists, sheets and figures.

There was who ever came to any place of the event, in person or online, also if they cancelled later; how long they
stayed does not matter here. Who erased theirs stays counted among those who got one; what was revoked is none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from turnout.attendance.models import Scan, Stay
from turnout.certificates.models import Certificate, Role
from turnout.events.models import Event
from turnout.registrations.models import Registration, RegistrationQuerySet


@dataclass(frozen=True, slots=True)
class Presence:
    """What became of somebody who was expected."""

    checked_in_at: datetime | None = None  # when they first came
    certificate: UUID | None = None  # that still says so


@dataclass(frozen=True, slots=True)
class Turnout:
    """How many were there, and how many have it in writing."""

    attended: int = 0
    certified: int = 0


def presence_of(registrations: Sequence[Registration]) -> dict[UUID, Presence]:
    """Return each one's presence, in two queries."""
    openings = Scan.objects.openings().filter(registration__in=registrations).values_list("registration_id", "at")
    joined = Stay.objects.filter(registration__in=registrations, joined_at__isnull=False)
    arrivals = openings.order_by().union(joined.order_by().values_list("registration_id", "joined_at"), all=True)
    came: dict[UUID | None, datetime] = {}
    for person, at in arrivals:
        came[person] = min(at, came.get(person, at))
    stand = Certificate.objects.valid().filter(registration__in=registrations, role=Role.PARTICIPANT).order_by()
    certificates: dict[UUID | None, UUID] = dict(stand.values_list("registration_id", "pk"))
    return {each.pk: Presence(came.get(each.pk), certificates.get(each.pk)) for each in registrations}


def turnout_of(events: Iterable[Event]) -> dict[UUID, Turnout]:
    """Return each event's figures, in one query that indexes answer."""
    openings = Scan.objects.openings().filter(event=OuterRef("pk"))
    in_person = Scan.objects.openings().filter(event=OuterRef("event"), registration=OuterRef("registration"))
    joined = Stay.objects.filter(event=OuterRef("pk"), joined_at__isnull=False)
    issued = Certificate.objects.filter(event=OuterRef("pk"), role=Role.PARTICIPANT, revoked_at=None)
    known = Event.objects.filter(pk__in=[event.pk for event in events]).order_by()
    came = _count(openings, "registration") + _count(joined.exclude(Exists(in_person)), "registration")
    counts = known.values_list("pk", came, _count(issued, "pk"))
    return {pk: Turnout(attended, certified) for pk, attended, certified in counts}


def _count(rows: "QuerySet[Any]", of: str) -> Coalesce:
    """Return of how many different ones these rows of an event are."""
    counted = rows.order_by().values("event").annotate(count=Count(of, distinct=True))
    return Coalesce(Subquery(counted.values("count")), 0)


def checked_in(
    registrations: RegistrationQuerySet, *, is_in: bool, session: UUID | None = None
) -> RegistrationQuerySet:
    """Return those of them who ever came, to that session if one is named; or those who did not."""
    place = {} if session is None else {"session": session}
    in_person = Scan.objects.openings().filter(registration=OuterRef("pk"), **place)
    online = Stay.objects.filter(registration=OuterRef("pk"), joined_at__isnull=False, **place)
    came = Q(Exists(in_person)) | Q(Exists(online))
    return registrations.filter(came if is_in else ~came)
