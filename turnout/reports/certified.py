"""How an event's certificates stand: who has one, who has earned one, and what the others lack."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count

from turnout.attendance.presence import Attendance, attended
from turnout.certificates.earning import Lack, lacks, rules_of
from turnout.certificates.models import Certificate, Role
from turnout.events.models import Event
from turnout.registrations.models import Registration, RegistrationQuerySet


@dataclass(frozen=True, slots=True)
class Progress:
    """The figures of an event. Of participants, each who holds a seat stands under one of them."""

    by_role: Mapping[Role, int]  # that are valid
    revoked: int
    due: int  # have earned one, and have none
    lacking: Mapping[Lack, int]  # have not, by what they lack first


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who holds a seat and has no certificate."""

    registration: Registration
    presence: Attendance
    lacks: Sequence[Lack]  # nothing: it is earned


def progress(event: Event) -> Progress:
    """Return the figures, in ten queries at most, however many people there are."""
    rules, issued = rules_of(event), Certificate.objects.filter(event=event)
    valid = issued.valid().order_by("role")
    presence = attended(event, uncertified(event))
    first = Counter(next(iter(lacks(rules, own)), None) for own in presence.values())
    return Progress(
        by_role={Role(role): count for role, count in valid.values_list("role").annotate(Count("pk"))},
        revoked=issued.filter(revoked_at__isnull=False).count(),
        due=first[None],
        lacking={lack: first[lack] for lack in Lack if first[lack]},
    )


def uncertified(event: Event) -> RegistrationQuerySet:
    """Return who holds a seat and has no certificate, not one that was revoked either; who was erased can get none."""
    confirmed = Registration.objects.filter(event=event, status=Registration.Status.CONFIRMED).proven()
    return confirmed.exclude(certificates__role=Role.PARTICIPANT)


def candidates(event: Event, registrations: Sequence[Registration]) -> list[Candidate]:
    """Return these people of the event with what their presence comes to, in at most six queries."""
    rules, presence = rules_of(event), attended(event, registrations)
    return [Candidate(each, presence[each.pk], lacks(rules, presence[each.pk])) for each in registrations]
