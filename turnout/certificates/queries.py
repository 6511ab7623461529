"""What is asked of certificates by more than one place."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from turnout.accounts.policies import Actor, refusal, runs_platform
from turnout.certificates.models import Certificate, CertificateRules, Role, Version, holder_key
from turnout.core.errors import NotFoundError
from turnout.core.text import address_key
from turnout.events.models import Event
from turnout.registrations.models import Registration


def find_version(certificate_id: UUID, number: int | None = None) -> Version:
    """Return what a certificate says, or what a version of it said, to whoever has its id; NotFoundError.

    With its certificate, and the event if there still is one.
    """
    versions = Version.objects.select_related("certificate__event").filter(certificate=certificate_id)
    found = versions.current().first() if number is None else versions.filter(number=number).first()
    if found is None:
        raise NotFoundError
    return found


def find_to_change(certificate_id: UUID, actor: Actor) -> Certificate:
    """Return a certificate to who edits its event, and to staff; once the event is gone to staff alone.

    ForbiddenError to all others: whoever has its id may know of it. NotFoundError where there is none.
    """
    found = Certificate.objects.select_related("event").filter(pk=certificate_id).first()
    if found is None:
        raise NotFoundError
    edited = found.event_id is not None and Event.objects.run_by(actor).filter(pk=found.event_id).exists()
    if not edited and not runs_platform(actor):
        raise refusal(actor)
    return found


def chain(certificate: Certificate) -> list[Version]:
    """Return all its versions, the newest first."""
    return list(certificate.versions.order_by("-number"))


def certificate_of(registration: Registration) -> Certificate | None:
    """Return what certifies that its holder took part, if it was issued: by this registration or another one."""
    key = holder_key(registration.event_id, address_key(registration.email), Role.PARTICIPANT)
    own = Certificate.objects.filter(Q(registration=registration) | Q(holder_key=key), role=Role.PARTICIPANT)
    return own.first()


def issued_to(registrations: Iterable[Registration]) -> dict[UUID, Certificate]:
    """Return the same of many, by the registrations' ids; those who have none are left out."""
    keys = {holder_key(each.event_id, address_key(each.email), Role.PARTICIPANT): each.pk for each in registrations}
    own = Q(holder_key__in=keys) | Q(registration__in=list(keys.values()))
    found = {}
    for each in Certificate.objects.filter(own, role=Role.PARTICIPANT).order_by():
        whose = keys.get(each.holder_key or "", each.registration_id)
        if whose is not None:
            found[whose] = each
    return found


def certifying(events: Iterable[UUID]) -> set[UUID]:
    """Return which of these events have said by what a certificate is earned there."""
    return set(CertificateRules.objects.filter(pk__in=events).values_list("pk", flat=True))
