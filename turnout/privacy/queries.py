"""What we hold about somebody."""

from typing import Any

from django.db.models import Q, QuerySet

from turnout.accounts.models import AddressChange, PasswordReset, SignUp, TokenFamily, User
from turnout.attendance.models import DoorNote, Scan, Stay
from turnout.certificates.models import Certificate, CertificateQuerySet, Version
from turnout.core import audit
from turnout.core.models import AuditEntry
from turnout.events.models import Event, TeamMember
from turnout.notifications.feed.queries import notices_of
from turnout.notifications.models import Message, Webhook
from turnout.registrations.answers import told
from turnout.registrations.models import Mailing, Recipient, Registration, Upload

_ACCOUNT = ("id", "email", "name", "role", "language", "is_staff", "date_joined", "last_login")
_SESSION = ("created_at", "used_at", "expires_at", "ended_at", "second_factor")
_REGISTRATION = (
    "id",
    "event_id",
    "event__title",
    "status",
    "full_name",
    "email",
    "phone",
    "attendance_type",
    "language",
    "created_at",
    "confirmed_at",
    "cancelled_at",
    "decided_at",
    "reason",
    "offers",
    "asked_at",
    "coming_at",
    "mailings_off_at",
)
_MAILING = ("id", "event_id", "subject", "body", "created_at", "stopped_at")
_RECEIVED = ("registration_id", "mailing__event_id", "mailing__subject", "mailing__created_at")
_SCAN = ("registration_id", "event_id", "session_id", "direction", "result", "at", "device", "door", "undone_at")
_STAY = ("registration_id", "event_id", "session_id", "source", "joined_at", "left_at")
_DOOR_NOTE = ("registration_id", "text", "at")
_CERTIFICATE = (
    "id",
    "event_id",
    "registration_id",
    "role",
    "full_name",
    "email",
    "language",
    "current",
    "issued_at",
    "revoked_at",
    "revoked_reason",
)
_VERSION = ("certificate_id", "number", "snapshot", "reason", "issued_at")
_FILE = ("id", "registration_id", "name", "size", "created_at")
_MESSAGE = ("kind", "recipient", "state", "created_at", "sent_at", "bounced_at")
_WEBHOOK = ("id", "topic", "label", "url", "kinds", "created_at")
_NOTICE = ("kind", "subject", "data", "at", "read_at")
_DEED = ("at", "actor", "verb", "subject", "data")


def registrations_of(user: User) -> QuerySet[Registration]:
    """Return all registrations of their address, whoever made them: only its owner could confirm one."""
    return Registration.objects.filter(email=user.email)


def certificates_of(user: User) -> CertificateQuerySet:
    """Return what certifies them: told at their address, or for a registration of theirs."""
    registrations = list(registrations_of(user).values_list("pk", flat=True))
    held: CertificateQuerySet = Certificate.objects.filter(Q(email=user.email) | Q(registration__in=registrations))
    return held


def recipients_of(user: User) -> QuerySet[Recipient]:
    """Return the mailings that went to them, by where each did."""
    return Recipient.objects.filter(registration__in=registrations_of(user))


def messages_of(user: User) -> QuerySet[Message]:
    """Return the messages to their address, and those about what is theirs, wherever they went.

    Neither is enough: what a message was about may be gone, such as an attempt to sign up, and the address may have
    been another one then.
    """
    theirs = [
        [user.id],
        registrations_of(user).values_list("id", flat=True),
        recipients_of(user).values_list("id", flat=True),
        certificates_of(user).values_list("id", flat=True),
        TeamMember.objects.held_by(user).values_list("id", flat=True),
        SignUp.objects.filter(email_key=user.email_key).values_list("id", flat=True),
        AddressChange.objects.filter(user=user).values_list("id", flat=True),
        PasswordReset.objects.filter(user=user).values_list("id", flat=True),
        AuditEntry.objects.filter(subject=user.id).values_list("id", flat=True),  # a new password, a new address
    ]
    subjects = [subject for ids in theirs for subject in ids]
    return Message.objects.filter(Q(subject__in=subjects) | Q(recipient=user.email))


def webhooks_of(user: User) -> QuerySet[Webhook]:
    """Return where they, and the events they own, send what happens."""
    return Webhook.objects.filter(Q(account=user.id) | Q(topic__in=Event.objects.filter(owner=user).values("pk")))


def export(user: User) -> dict[str, Any]:
    """Return everything held about somebody: plain values by name, moments as they are stored."""
    registrations = registrations_of(user).order_by("id")
    members = TeamMember.objects.held_by(user).order_by("id")
    certificates = certificates_of(user)
    subjects = [
        user.id,
        *(pk for rows in (registrations, members, certificates) for pk in rows.values_list("id", flat=True)),
    ]
    deeds = AuditEntry.objects.filter(Q(subject__in=subjects) | Q(actor=audit.actor_of(user)))
    return {
        "account": _rows(User.objects.filter(pk=user.pk), _ACCOUNT)[0],
        "sessions": _rows(TokenFamily.objects.filter(user=user), _SESSION),
        "events": _rows(Event.objects.filter(owner=user), ("id", "title")),
        "speakers": _rows(user.speakers.all(), ("id", "name")),
        "partners": _rows(user.partners.all(), ("id", "name")),
        "teams": _rows(members, ("event_id", "event__title", "role", "email", "created_at")),
        "registrations": _rows(registrations, _REGISTRATION),
        "answers": _answers(registrations),
        "scans": _rows(Scan.objects.filter(registration__in=registrations).order_by("at", "id"), _SCAN),
        "stays": _rows(Stay.objects.filter(registration__in=registrations).order_by("id"), _STAY),
        "door_notes": _rows(DoorNote.objects.filter(registration__in=registrations).order_by("pk"), _DOOR_NOTE),
        "certificates": _certificates(certificates.order_by("issued_at", "id")),
        "files": _rows(Upload.objects.filter(registration__in=registrations).order_by("id"), _FILE),
        "webhooks": _rows(webhooks_of(user).order_by("id"), _WEBHOOK),
        "mailings": _rows(Mailing.objects.filter(author=user).order_by("id"), _MAILING),
        "mailings_received": _rows(recipients_of(user).order_by("id"), _RECEIVED),
        "messages": _rows(messages_of(user).order_by("id"), _MESSAGE),
        "notices": _rows(notices_of(user.pk), _NOTICE),
        "deeds": _rows(deeds.order_by("id"), _DEED),
    }


def _answers(registrations: QuerySet[Registration]) -> list[dict[str, Any]]:
    return [
        {"registration_id": registration, "question": question.label, "answer": answer}
        for registration, answers in told(registrations).items()
        for question, answer in answers
    ]


def _certificates(certificates: QuerySet[Certificate]) -> list[dict[str, Any]]:
    """Return each with all its versions: what they say, and why one followed another."""
    versions = _rows(Version.objects.filter(certificate__in=certificates), _VERSION)
    return [
        {**row, "versions": [each for each in versions if each["certificate_id"] == row["id"]]}
        for row in _rows(certificates, _CERTIFICATE)
    ]


def _rows(rows: QuerySet[Any, Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return list(rows.values(*names))
