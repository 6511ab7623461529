"""Issuing certificates, once to each person, event and role; superseding and revoking them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog
from django.db import IntegrityError
from django.db.models import Q
from django.utils.translation import gettext as _

from turnout.attendance.presence import Attendance, attended
from turnout.certificates.actions.telling import tell
from turnout.certificates.earning import earners, has_earned, hours, rules_of
from turnout.certificates.models import Certificate, CertificateRules, Role, Version, holder_key
from turnout.certificates.snapshots import Snapshot
from turnout.certificates.writing import Writer
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, InvalidError
from turnout.core.text import address_key, fold
from turnout.core.transactions import RaceLostError, transactional, violates
from turnout.events.models import Event
from turnout.registrations.models import Registration

log = structlog.get_logger()

LIST_LENGTH: Final = 131_072  # bits: the least that Bitstring Status List allows, so that no bit tells whose it is
_FULL = LIST_LENGTH // 2  # then a new list is begun, and chance finds a free bit at once
_BATCH = 200  # certificates a transaction
_LOOK_AGAIN = timedelta(minutes=10)  # scans made without network come late
_LOOK_UNTIL = timedelta(days=30)  # after the end
_EVENTS_AT_ONCE = 20
_ONCE = ("certificates_certificate.holder_key", "holder_key")
_BIT = ("version_has_its_own_bit", "certificates_version.status_index")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Somebody whom the team certifies by hand."""

    full_name: str
    email: str = ""
    language: str = ""
    hours: Decimal | None = None


def issue_earned(event: Event, *, actor: str, only: Sequence[UUID] | None = None) -> list[Certificate]:
    """Issue to every participant who has earned one and has none, and return those: again, it issues what is missing.

    Where the event leaves it to the team, to those of `only` who were there as long as asked. In transactions of 200:
    what fails on the way keeps what was done. ConflictError `event_not_over`, `event_cancelled`.
    """
    _check(event)
    rules = rules_of(event)
    if rules.by_hand and only is None:
        return []
    known = Registration.objects.filter(event=event).exclude(certificates__role=Role.PARTICIPANT)
    due = list(earners(event, rules, known if only is None else known.filter(pk__in=only)))
    issued: list[Certificate] = []
    for start in range(0, len(due), _BATCH):
        issued += _issue(event, rules, due[start : start + _BATCH], actor)
    return issued


@transactional
def issue_to(registration: Registration, *, actor: str) -> Certificate:
    """Issue to one participant who was there, and return it; what they have already, if they have.

    ConflictError `event_not_over`, `event_cancelled`, `registration_not_confirmed`, `not_attended`, `not_earned`.
    """
    event = registration.event
    _check(event)
    if registration.status != Registration.Status.CONFIRMED:
        raise ConflictError(_("Only who holds a seat gets a certificate."), "registration_not_confirmed")
    own = attended(event, [registration])[registration.pk]
    if own.checked_in_at is None:
        raise ConflictError(_("This person was not checked in."), "not_attended")
    rules = rules_of(event)
    if not has_earned(rules, own):
        raise ConflictError(_("This person was not there as long as the event asks."), "not_earned")
    key = holder_key(event.pk, address_key(registration.email), Role.PARTICIPANT)
    issued = _issue(event, rules, [(registration, own)], actor)
    return issued[0] if issued else Certificate.objects.get(holder_key=key)


@transactional
def issue_by_hand(event: Event, role: Role, named: Named, *, actor: str) -> Certificate:
    """Issue to a speaker, an organiser or a volunteer, and return it; what they have already, if they have.

    A person is known by their address, or without one by their name. InvalidError `role_is_earned` for a participant;
    ConflictError `event_not_over`, `event_cancelled`.
    """
    if role == Role.PARTICIPANT:
        message = _("Participants earn theirs by being there: name their registration.")
        raise InvalidError(message, "role_is_earned")
    _check(event)
    person = address_key(named.email) if named.email else fold(named.full_name)
    key = holder_key(event.pk, person, role)
    known = Certificate.objects.filter(holder_key=key).first()
    if known is not None:
        return known
    writer = Writer(event)
    certificate = Certificate(
        event=event,
        role=role,
        holder_key=key,
        full_name=named.full_name,
        email=named.email,
        language=named.language or writer.language,
    )
    (issued,) = _write([(certificate, writer.snapshot(certificate, named.hours))], actor)
    return issued


@transactional
def correct(certificate: Certificate, name: str, reason: str, *, actor: str) -> Certificate:
    """Supersede what a certificate says by the same with another name, at the same address; the reason is shown there.

    ConflictError `certificate_revoked`, `certificate_erased`; InvalidError `same_name`.
    """
    certificate = Certificate.objects.select_for_update().get(pk=certificate.pk)
    _check_stands(certificate)
    last = certificate.versions.get(number=certificate.current)
    if last.says.name == name:
        raise InvalidError(_("That is the name it has already."), "same_name")
    certificate.full_name, certificate.current = name, certificate.current + 1
    certificate.save(update_fields=["full_name", "name_key", "current"])
    _add_versions([(certificate, replace(last.says, name=name))], actor, reason)
    audit.record(actor, "certificate.corrected", certificate.pk, {"version": certificate.current})
    tell("certificate.corrected", [certificate])
    return certificate


@transactional
def revoke(certificate: Certificate, reason: str, *, actor: str) -> Certificate:
    """Revoke it for good: its page, its API and its credential's status list say so, with the reason.

    ConflictError `certificate_revoked` where that was done, `certificate_erased`.
    """
    certificate = Certificate.objects.select_for_update().get(pk=certificate.pk)
    _check_stands(certificate)
    certificate.revoked_at, certificate.revoked_by, certificate.revoked_reason = now(), actor, reason
    certificate.save(update_fields=["revoked_at", "revoked_by", "revoked_reason"])
    audit.record(actor, "certificate.revoked", certificate.pk)
    tell("certificate.revoked", [certificate])
    return certificate


def issue_due() -> int:
    """Issue what was earned at events that have ended and say so in their rules; return how much.

    Each is looked at again every ten minutes for 30 days: scans made without network come late.
    """
    moment = now()
    open_rules = CertificateRules.objects.filter(automatic__in=[True], closed__in=[False], event__ends_at__lte=moment)
    due = open_rules.filter(Q(swept_at=None) | Q(swept_at__lte=moment - _LOOK_AGAIN)).select_related("event")
    return sum(_sweep(rules) for rules in due.order_by("swept_at")[:_EVENTS_AT_ONCE])


def _sweep(rules: CertificateRules) -> int:
    """Issue at one event; what goes wrong at one keeps no other waiting."""
    seen = {"swept_at": now(), "closed": rules.event.ends_at + _LOOK_UNTIL <= now()}
    CertificateRules.objects.filter(pk=rules.pk).update(**seen)
    if rules.event.status != Event.Status.PUBLISHED:
        return 0
    try:
        return len(issue_earned(rules.event, actor=audit.SYSTEM))
    except Exception:
        log.exception("certificates_failed", event=str(rules.pk))
        return 0


def _check(event: Event) -> None:
    """ConflictError for an event that has not ended, or that does not take place."""
    if event.status == Event.Status.CANCELLED:
        raise ConflictError(_("This event does not take place."), "event_cancelled")
    if event.ends_at > now():
        raise ConflictError(_("Certificates are issued once the event has ended."), "event_not_over")


def _check_stands(certificate: Certificate) -> None:
    if certificate.erased_at is not None:
        raise ConflictError(_("Its holder has erased it."), "certificate_erased")
    if certificate.revoked_at is not None:
        raise ConflictError(_("It was revoked."), "certificate_revoked")


@transactional
def _issue(
    event: Event, rules: CertificateRules, due: Sequence[tuple[Registration, Attendance]], actor: str
) -> list[Certificate]:
    """Issue to participants, and return what they had not."""
    writer = Writer(event)
    wanted = {}
    for registration, own in due:
        key = holder_key(event.pk, address_key(registration.email), Role.PARTICIPANT)
        certificate = Certificate(
            event=event,
            registration=registration,
            holder_key=key,
            full_name=registration.full_name,
            email=registration.email,
            language=registration.language,
        )
        wanted[key] = certificate, writer.snapshot(certificate, hours(event, rules, own), own.sessions)
    known = set(Certificate.objects.filter(holder_key__in=wanted).values_list("holder_key", flat=True))
    return _write([both for key, both in wanted.items() if key not in known], actor)


def _write(issued: Sequence[tuple[Certificate, Snapshot]], actor: str) -> list[Certificate]:
    """Write new certificates with their first versions, and tell of them; who lost a race begins again."""
    certificates = [certificate for certificate, _says in issued]
    for certificate in certificates:
        certificate.issued_at = now()
    try:
        Certificate.objects.bulk_create(certificates)
    except IntegrityError as error:
        if not violates(error, *_ONCE):
            raise
        raise RaceLostError from error
    _add_versions(issued, actor)
    audit.record_many(actor, "certificate.issued", [certificate.pk for certificate in certificates])
    tell("certificate.issued", certificates)
    return certificates


def _add_versions(issued: Sequence[tuple[Certificate, Snapshot]], actor: str, reason: str = "") -> None:
    status_list = Version.objects.count() // _FULL
    try:
        Version.objects.bulk_create(
            Version(
                certificate=certificate,
                number=certificate.current,
                snapshot=says.as_json(),
                reason=reason,
                issued_at=now(),
                issued_by=actor,
                status_list=status_list,
                status_index=secrets.randbelow(LIST_LENGTH),
            )
            for certificate, says in issued
        )
    except IntegrityError as error:
        if not violates(error, *_BIT):
            raise
        raise RaceLostError from error
