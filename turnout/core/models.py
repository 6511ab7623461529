"""Rows that serve every room."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.core.fields import EncryptedTextField
from turnout.core.ids import new_id


class AuditEntry(models.Model):
    """One deed: append-only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    verb = models.CharField(max_length=60)
    subject = models.UUIDField()
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["subject", "id"], name="audit_by_subject"),
            models.Index(fields=["actor", "id"], name="audit_by_actor"),
            models.Index(fields=["verb", "id"], name="audit_by_verb"),
        ]
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(verb=""), name="audit_names_its_verb")]

    def __str__(self) -> str:
        return f"{self.verb} by {self.actor}"


class SigningKey(models.Model):
    """A key pair, its private half encrypted under KEYS_SECRET. See `turnout.core.keys`."""

    id = models.CharField(max_length=8, primary_key=True)
    purpose = models.CharField(max_length=20)
    public = models.BinaryField()
    private = models.BinaryField()
    created_at = models.DateTimeField()
    # The purpose while this is the key that signs, null once it only verifies.
    active_for = models.CharField(max_length=20, null=True, unique=True)  # null is no key, many may be

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(active_for__isnull=True) | Q(active_for=models.F("purpose")),
                name="signing_key_active_for_its_purpose",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.id}"


class IdempotentRequest(models.Model):
    """A request that must be one deed however often it is sent. See `turnout.core.idempotency`."""

    key = models.CharField(max_length=64, primary_key=True)
    body = models.CharField(max_length=64)
    # Who is carrying it out, and until when nobody else may.
    holder = models.UUIDField()
    held_until = models.DateTimeField()
    # The reply, once there is one.
    status = models.PositiveSmallIntegerField(null=True)
    # JSON, and it tells of a person.
    reply = EncryptedTextField(null=True)  # type: ignore[misc]  # null until there is one
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__isnull=True, reply__isnull=True) | Q(status__isnull=False, reply__isnull=False),
                name="idempotent_request_replied_or_not",
            ),
        ]

    def __str__(self) -> str:
        return self.key
