"""Issuing certificates, once to each person, event and role; superseding and revoking them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final, cast
from uuid import UUID

import structlog
from django.db import IntegrityError
from django.db.models import F, Max, Q
from django.utils.translation import gettext as _

from turnout.attendance.presence import Attendance, attended
from turnout.certificates.actions.telling import tell
from turnout.certificates.earning import earners, has_earned, hours, rules_of
from turnout.certificates.models import Certificate, CertificateRules, Role, Version, holder_key
from turnout.certificates.queries import certificate_of
from turnout.certificates.snapshots import Snapshot
from turnout.certificates.writing import Writer
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError
from turnout.core.text import address_key, fold, normal_address
from turnout.core.transactions import RaceLostError, transactional, violates
from turnout.events.models import Event
from turnout.guard.actions import Claim, admit
from turnout.guard.notation import windows
from turnout.registrations.models import ERASED, Registration

log = structlog.get_logger()

LIST_LENGTH: Final = 131_072  # bits: the least that Bitstring Status List allows, so that no bit tells whose it is
_FULL = LIST_LENGTH // 2  # then a new list is begun: of two bits drawn one is free
_BATCH = 200  # certificates a transaction
_LOOK_AGAIN = timedelta(minutes=10)  # scans made without network come late
_LOOK_UNTIL = timedelta(days=30)  # after the end
_EVENTS_AT_ONCE = 50
_dice = secrets.SystemRandom()
_BY_HAND = windows("300/hour,1000/day")  # whoever names people has mails sent to whatever addresses they name
_ONCE = ("certificates_certificate.holder_key", "holder_key")
_BIT = ("version_has_its_own_bit", "certificates_version.status_index")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Somebody whom the team certifies by hand."""

    full_name: str
    email: str = ""
    language: str = ""
    hours: Decimal | None = None


def issue_earned(event: Event, *, actor: str) -> list[Certificate]:
    """Issue to every participant who has earned one and has none, and return those: again, it issues what is missing.

    To nobody where the event leaves it to the team to name them. In transactions of 200: what fails on the way keeps
    what was done. ConflictError `event_not_over`, `event_cancelled`.
    """
    _check(event)
    rules = rules_of(event)
    if rules.by_hand:
        return []
    due = list(earners(event, rules, Registration.objects.exclude(certificates__role=Role.PARTICIPANT)))
    issued: list[Certificate] = []
    for start in range(0, len(due), _BATCH):
        issued += _issue(event, rules, due[start : start + _BATCH], actor)
    return issued


@transactional
def issue_to_each(event: Event, wanted: Sequence[UUID], *, actor: str) -> list[Certificate]:
    """Issue to these participants, all or none, and return what they had not.

    ConflictError `event_not_over`, `event_cancelled`; InvalidError for who is not registered here; ConflictError
    `registration_not_confirmed`, `not_attended`, `not_earned`: of the first, with the faults of all by their places.
    """
    _check(event)
    # Locked: nobody of them cancels meanwhile.
    people = Registration.objects.select_for_update().filter(event=event).order_by("id").in_bulk(wanted)
    unknown = [index for index, each in enumerate(wanted) if each not in people]
    if unknown:
        message = _("This event has no registration with this id.")
        raise InvalidError.at(*(Fault(f"/registrations/{index}", "does_not_exist", message) for index in unknown))
    held = Certificate.objects.filter(registration__in=people, role=Role.PARTICIPANT)
    missing = people.keys() - set(held.values_list("registration", flat=True))
    rules, presence = rules_of(event), attended(event, [people[each] for each in missing])
    refused = {each: _refusal(rules, people[each], presence[each]) for each in missing}
    first = next((error for error in map(refused.get, wanted) if error is not None), None)
    if first is not None:
        errors = ((index, refused.get(each)) for index, each in enumerate(wanted))
        faults = [Fault(f"/registrations/{index}", error.code, error.detail) for index, error in errors if error]
        raise ConflictError(first.detail, first.code, faults=tuple(faults))
    return _issue(event, rules, [(people[each], presence[each]) for each in missing], actor)


@transactional
def issue_to(registration: Registration, *, actor: str) -> Certificate:
    """Issue to one participant who was there, and return it; what they have already, if they have.

    ConflictError `event_not_over`, `event_cancelled`, `registration_not_confirmed`, `not_attended`, `not_earned`.
    """
    issue_to_each(registration.event, [registration.pk], actor=actor)
    return cast("Certificate", certificate_of(registration))  # there is one by now


@transactional
def issue_by_hand(event: Event, role: Role, named: Named, *, actor: str) -> Certificate:
    """Issue to a speaker, an organiser or a volunteer, and return it; what they have already, if they have.

    A person is known by their address, or without one by their name. InvalidError `role_is_earned` for a participant;
    ConflictError `event_not_over`, `event_cancelled`, `certificate_revoked` where theirs was; ThrottledError where the
    actor named too many.
    """
    if role == Role.PARTICIPANT:
        message = _("Participants earn theirs by being there: name their registration.")
        raise InvalidError(message, "role_is_earned")
    _check(event)
    email = normal_address(named.email)
    person = address_key(email) if email else fold(named.full_name)
    key = holder_key(event.pk, person, role)
    known = Certificate.objects.filter(holder_key=key).first()
    if known is not None:
        _check_stands(known)
        return known
    if email and actor != audit.SYSTEM:
        admit(Claim("certificate", actor, _BY_HAND))
    writer = Writer(event)
    certificate = Certificate(
        event=event,
        role=role,
        holder_key=key,
        full_name=named.full_name,
        email=email,
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
    tell("certificate.corrected", [certificate], actor)
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
    tell("certificate.revoked", [certificate], actor)
    return certificate


def issue_due() -> int:
    """Issue what was earned at events that have ended and say so in their rules; return how much.

    Each is looked at again every ten minutes for 30 days: scans made without network come late.
    """
    moment = now()
    open_rules = CertificateRules.objects.filter(automatic__in=[True], closed__in=[False], event__ends_at__lte=moment)
    due = open_rules.filter(Q(swept_at=None) | Q(swept_at__lte=moment - _LOOK_AGAIN)).select_related("event")
    # Where nobody has looked yet comes first, on every database.
    first = due.order_by(F("swept_at").asc(nulls_first=True), "event__ends_at")
    return sum(_sweep(rules) for rules in first[:_EVENTS_AT_ONCE])


def _sweep(rules: CertificateRules) -> int:
    """Issue at one event; what goes wrong at one keeps no other waiting."""
    event, seen = rules.event, now()
    as_read = CertificateRules.objects.filter(pk=rules.pk, swept_at=rules.swept_at)
    if as_read.update(swept_at=seen, closed=event.ends_at + _LOOK_UNTIL <= seen) != 1:
        return 0  # another worker looks
    if event.status != Event.Status.PUBLISHED:
        return 0
    try:
        return len(issue_earned(event, actor=audit.SYSTEM))
    except Exception:
        log.exception("certificates_failed", event_id=str(rules.pk))
        return 0


def _check(event: Event) -> None:
    """ConflictError for an event that has not ended, or that does not take place."""
    if event.status == Event.Status.CANCELLED:
        raise ConflictError(_("This event does not take place."), "event_cancelled")
    if event.ends_at > now():
        raise ConflictError(_("Certificates are issued once the event has ended."), "event_not_over")


def _refusal(rules: CertificateRules, registration: Registration, own: Attendance) -> ConflictError | None:
    """Return why somebody gets none; None for who has earned it."""
    if registration.status != Registration.Status.CONFIRMED or registration.email.endswith(f"@{ERASED}"):
        return ConflictError(_("Only who holds a seat gets a certificate."), "registration_not_confirmed")
    if own.checked_in_at is None:
        return ConflictError(_("This person was not checked in."), "not_attended")
    if not has_earned(rules, own):
        return ConflictError(_("This person was not there as long as the event asks."), "not_earned")
    return None


def _check_stands(certificate: Certificate) -> None:
    if certificate.erased_at is not None:
        raise ConflictError(_("Its holder has erased it."), "certificate_erased")
    if certificate.revoked_at is not None:
        raise ConflictError(_("It was revoked."), "certificate_revoked")


@transactional
def _issue(
    event: Event, rules: CertificateRules, due: Sequence[tuple[Registration, Attendance]], actor: str
) -> list[Certificate]:
    """Issue to participants, and return what they had not.

    Their rows are locked first, and read anew: who cancels this moment gets none, and who corrects their name has
    corrected it on the certificate or is told that it is issued. Who erases themselves meanwhile gets none.
    """
    presence = {registration.pk: own for registration, own in due}
    locked = Registration.objects.select_for_update().proven()
    locked = locked.filter(pk__in=presence, status=Registration.Status.CONFIRMED)
    keys = {holder_key(event.pk, address_key(each.email), Role.PARTICIPANT): each for each in locked.order_by("id")}
    # By the registration, too: its address may have changed since.
    held = Certificate.objects.filter(Q(holder_key__in=keys) | Q(registration__in=presence), role=Role.PARTICIPANT)
    known = {known for pair in held.values_list("holder_key", "registration") for known in pair}
    writer, new = Writer(event), []
    for key, registration in keys.items():
        if not known.isdisjoint({key, registration.pk}):
            continue
        certificate = Certificate(
            event=event,
            registration=registration,
            holder_key=key,
            full_name=registration.full_name,
            email=registration.email,
            language=registration.language,
        )
        own = presence[registration.pk]
        new.append((certificate, writer.snapshot(certificate, hours(event, rules, own), own.sessions)))
    return _write(new, actor)


def _write(issued: Sequence[tuple[Certificate, Snapshot]], actor: str) -> list[Certificate]:
    """Write new certificates with their first versions, and tell of them; who lost a race begins again."""
    if not issued:
        return []
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
    tell("certificate.issued", certificates, actor)
    return certificates


def _add_versions(issued: Sequence[tuple[Certificate, Snapshot]], actor: str, reason: str = "") -> None:
    status_list, bits = _free_bits(len(issued))
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
                status_index=bit,
            )
            for (certificate, says), bit in zip(issued, bits, strict=True)
        )
    except IntegrityError as error:
        if not violates(error, *_BIT):
            raise
        raise RaceLostError from error


def _free_bits(count: int) -> tuple[int, list[int]]:
    """Return a list with room for so many, and as many of its bits by chance that nobody has."""
    number = Version.objects.aggregate(last=Max("status_list"))["last"] or 0
    taken = Version.objects.filter(status_list=number)
    if taken.count() + count > _FULL:
        number, taken = number + 1, taken.none()
    free: list[int] = []
    while len(free) < count:
        drawn = [bit for bit in _dice.sample(range(LIST_LENGTH), 2 * count + 1) if bit not in free]
        known = set(taken.filter(status_index__in=drawn).values_list("status_index", flat=True))
        free += [bit for bit in drawn if bit not in known]
    return number, free[:count]
