"""Certificates, and the versions of what each says."""

import uuid
from dataclasses import replace
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from turnout.accounts.models import User
from turnout.accounts.policies import Actor, runs_platform
from turnout.certificates.snapshots import Snapshot
from turnout.core.fields import EncryptedTextField, WordsField
from turnout.core.ids import new_id
from turnout.core.text import digest, normal_address, words
from turnout.events.models import Event
from turnout.registrations.models import Registration


class Role(models.TextChoices):
    """As what somebody was there."""

    PARTICIPANT = "participant", _("Participant")
    SPEAKER = "speaker", _("Speaker")
    ORGANISER = "organiser", _("Organiser")
    VOLUNTEER = "volunteer", _("Volunteer")


class Standing(models.TextChoices):
    """What a version of a certificate is worth."""

    VALID = "valid", _("Valid")
    SUPERSEDED = "superseded", _("Replaced")
    REVOKED = "revoked", pgettext_lazy("certificate", "Revoked")
    ERASED = "erased", _("Erased")


class CertificateQuerySet(models.QuerySet["Certificate"]):
    """The ways in which certificates are found. One alone is public to whoever has its id."""

    def visible_to(self, actor: Actor) -> Self:
        """Return one's own, and those of the events that this actor edits."""
        if runs_platform(actor):
            return self
        if not actor.is_authenticated:
            return self.none()
        own = self.held_by(actor).values("pk")
        return self.filter(Q(pk__in=own) | Q(event__in=Event.objects.run_by(actor)))

    def held_by(self, actor: Actor) -> Self:
        """Return those of whoever signed in with a verified address."""
        if not isinstance(actor, User) or not actor.address_verified:
            return self.none()
        return self.filter(email=actor.email)

    def valid(self) -> Self:
        """Return what was neither revoked nor erased."""
        return self.standing(Standing.VALID)

    def standing(self, standing: str) -> Self:
        """Return what is worth this now; nothing is superseded, but versions."""
        if standing == Standing.ERASED:
            return self.filter(erased_at__isnull=False)
        if standing == Standing.SUPERSEDED:
            return self.none()
        return self.filter(erased_at=None, revoked_at__isnull=standing == Standing.VALID)

    def matching(self, text: str) -> Self:
        """Return whose name has every word of the text, folded, as the beginning of a word, or whose address has it.

        A text of nothing but spaces matches nobody.
        """
        address, sought = normal_address(text), words(text)
        if not address:
            return self.none()
        named = Q(*(Q(name_key__contains=f" {word}") for word in sought)) if sought else Q(pk__in=[])
        return self.filter(named | Q(email__contains=address))


class Certificate(models.Model):
    """That somebody was at an event in a role: one of a kind, for good. What it says is in its versions.

    It outlives its event, its registration and its organiser. It is revoked, superseded or erased, never deleted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)  # version 4: it says nothing about time
    event = models.ForeignKey(Event, null=True, on_delete=models.SET_NULL, related_name="certificates")
    registration = models.ForeignKey(Registration, null=True, on_delete=models.SET_NULL, related_name="certificates")
    role = models.CharField(max_length=11, choices=Role, default=Role.PARTICIPANT)
    # Hash of event, person and role; null once the person is erased.
    holder_key = models.CharField(max_length=64, null=True, unique=True, editable=False)
    full_name = models.CharField(max_length=200)  # as the current version has it
    name_key = WordsField(max_length=400, of="full_name")
    email = models.EmailField(blank=True)  # empty: nobody is told
    language = models.CharField(max_length=12, default="en")  # in which they are told
    current = models.PositiveSmallIntegerField(default=1)  # the number of the version that holds
    issued_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=60, blank=True)
    revoked_reason = models.CharField(max_length=500, blank=True)
    erased_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Certificate"]] = CertificateQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-issued_at", "id"]
        indexes: ClassVar = [
            models.Index(fields=["event", "issued_at", "id"], name="certificate_by_event"),
            models.Index(fields=["email"], name="certificate_by_address"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(current__gte=1), name="certificate_has_a_version"),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_reason="")
                | Q(revoked_at__isnull=False) & ~Q(revoked_reason=""),
                name="certificate_is_revoked_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) & ~Q(full_name="")
                | Q(erased_at__isnull=False, holder_key__isnull=True, full_name="", email=""),
                name="certificate_names_somebody_or_is_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}"

    @property
    def standing(self) -> Standing:
        """What it is worth now."""
        if self.erased_at is not None:
            return Standing.ERASED
        return Standing.VALID if self.revoked_at is None else Standing.REVOKED

    def address(self, number: int | None = None) -> str:
        """Return the page that verifies it, on our one origin; that of a version if one is named."""
        page = f"{settings.PUBLIC_BASE_URL}/certificates/{self.id}/"
        return page if number is None else f"{page}?version={number}"


class VersionQuerySet(models.QuerySet["Version"]):
    """The ways in which versions are found."""

    def current(self) -> Self:
        """Return of each certificate the one that holds."""
        return self.filter(number=F("certificate__current"))


class Version(models.Model):
    """What a certificate says, or said: written once. Only erasing takes from it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()  # from 1
    snapshot = models.JSONField(null=True)  # `turnout.certificates.snapshots.Snapshot`; null once erased
    reason = models.CharField(max_length=500, blank=True)  # why it superseded the one before
    issued_at = models.DateTimeField()
    issued_by = models.CharField(max_length=60)  # as the audit trail knows them
    # Its bit in the list of what was revoked: at random in it, so that neighbours say nothing of each other.
    status_list = models.PositiveIntegerField()
    status_index = models.PositiveIntegerField()
    # The credential as it was signed once, as JSON; null until then. It says no more than the snapshot does, and is
    # readable as that is: who loses KEYS_SECRET keeps what was signed.
    credential = models.TextField(null=True)
    # The document lies sealed under this key; null: it has to be made.
    document_key = EncryptedTextField(max_length=100, null=True)  # type: ignore[misc]

    objects: ClassVar[models.Manager["Version"]] = VersionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["certificate", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["certificate", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["status_list", "status_index"], name="version_has_its_own_bit"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number_from_one"),
            models.CheckConstraint(
                condition=Q(snapshot__isnull=False) | Q(credential__isnull=True, document_key__isnull=True),
                name="version_erased_is_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate_id}, {self.number}"

    @property
    def says(self) -> Snapshot:
        """What it says; ValueError where it was erased."""
        if self.snapshot is None:
            message = "This was erased."
            raise ValueError(message)
        return Snapshot.from_json(self.snapshot)

    @property
    def told(self) -> Snapshot | None:
        """What whoever has the id may read: nothing once it was erased, and never a name that was corrected."""
        if self.snapshot is None:
            return None
        return self.says if self.is_current else replace(self.says, name="")

    @property
    def is_current(self) -> bool:
        """Whether it is the version that holds, if any does."""
        return self.number == self.certificate.current

    @property
    def standing(self) -> Standing:
        """What it is worth now."""
        standing = self.certificate.standing
        return Standing.SUPERSEDED if standing == Standing.VALID and not self.is_current else standing

    @property
    def document_path(self) -> str:
        """Where the document lies."""
        name = self.id.hex
        return f"certificates/documents/{name[-2:]}/{name}"


def holder_key(event_id: UUID, person: str, role: str) -> str:
    """Return the key that only one certificate of a person, event and role has."""
    return digest("certificate", event_id.hex, person, role)
