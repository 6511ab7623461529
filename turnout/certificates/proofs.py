"""The certificate that somebody is to get, as it will be: they look at it while their name can still be put right."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from turnout.attendance.presence import attended
from turnout.certificates.earning import has_earned, hours, rules_of
from turnout.certificates.models import Certificate, Role
from turnout.certificates.queries import certificate_of, find_version
from turnout.certificates.snapshots import Snapshot
from turnout.certificates.writing import Writer
from turnout.core.errors import ConflictError
from turnout.events.models import Event
from turnout.registrations.models import Registration


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody's certificate says, or would say if it were issued now."""

    certificate: Certificate | None  # None: it is not issued
    says: Snapshot | None  # None: it was erased
    earned: bool


def proof_of(registration: Registration) -> Proof:
    """Return what its holder's certificate of participation says.

    ConflictError `registration_not_confirmed` for who holds no seat, `event_cancelled`.
    """
    issued = certificate_of(registration)
    if issued is not None:
        version = find_version(issued.pk)
        return Proof(issued, None if version.snapshot is None else version.says, earned=True)
    event = registration.event
    if event.status == Event.Status.CANCELLED:
        raise ConflictError(_("This event does not take place."), "event_cancelled")
    if registration.status != Registration.Status.CONFIRMED:
        raise ConflictError(_("Only who holds a seat gets a certificate."), "registration_not_confirmed")
    rules, own = rules_of(event), attended(event, [registration])[registration.pk]
    to_be = Certificate(
        role=Role.PARTICIPANT,
        full_name=registration.full_name,
        email=registration.email,
        language=registration.language,
    )
    says = Writer(event).snapshot(to_be, hours(event, rules, own), own.sessions)
    return Proof(None, says, earned=has_earned(rules, own))


def sample(event: Event, role: Role, name: str) -> Snapshot:
    """Return what a certificate of the event says to somebody of this name in this role."""
    writer = Writer(event)
    return writer.snapshot(Certificate(role=role, full_name=name, language=writer.language), rules_of(event).hours)
