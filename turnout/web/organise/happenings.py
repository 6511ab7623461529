"""What happened at an event lately, in the words of its desk."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from turnout.events.models import Event
from turnout.notifications.feed.models import Entry
from turnout.notifications.feed.queries import latest, person_in
from turnout.registrations.models import Registration
from turnout.web.templatetags.turnout import STATUS_NAMES

_SHOWN = 10
# By kind. What is not named here is not shown.
WORDS = {f"registration.{status}": name for status, name in STATUS_NAMES.items()} | {
    "checkin.created": _("Checked in"),
    "checkin.conflict": _("Went in, and does not fit"),
    "checkin.out": _("Checked out"),
    "checkin.undone": _("Check-in undone"),
    "registration.reissued": _("Has a new ticket"),
    "certificate.issued": _("Certificate issued"),
    "certificate.corrected": _("Certificate corrected"),
    "certificate.revoked": _("Certificate revoked"),
    "event.changed": _("The event was changed"),
    "event.cancelled": _("The event was cancelled"),
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened, and to whom."""

    at: datetime
    words: str
    registration: UUID | None
    name: str


def last_number(event: Event) -> int:
    """Return up to where somebody knows the event's stream who reads its rows after this."""
    return latest([event.pk])[event.pk]


def happenings(event: Event, number: int) -> list[Happening]:
    """Return the last things that happened up to this number, the latest first, by two queries."""
    known = Entry.objects.filter(topic=event.pk, number__lte=number, kind__in=WORDS)
    entries = list(known.order_by("-number")[:_SHOWN])
    people = Registration.objects.filter(event=event, pk__in=[person_in(entry) for entry in entries])
    names = dict(people.values_list("pk", "full_name"))
    return [
        Happening(
            at=entry.at,
            words=str(WORDS[entry.kind]),
            registration=person if person in names else None,
            name=names.get(person, ""),
        )
        for entry, person in ((entry, person_in(entry)) for entry in entries)
    ]
