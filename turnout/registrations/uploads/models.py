"""A file that somebody sent, and whose it is."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.core.fields import EncryptedTextField
from turnout.core.ids import new_id
from turnout.events.models import Event


class Upload(models.Model):
    """A file sent to an event: nobody's for a day, until a registration answers with it.

    The file lies sealed under its own key. Without the key it is nothing: it can be taken from people in a transaction,
    and from the disk later.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, null=True, on_delete=models.SET_NULL, related_name="+")  # null: it was deleted
    registration = models.ForeignKey(
        "registrations.Registration", null=True, on_delete=models.PROTECT, related_name="uploads"
    )
    name = EncryptedTextField(max_length=110, blank=True)
    size = models.PositiveIntegerField()
    key = EncryptedTextField(max_length=100, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="upload_by_expiry")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(registration__isnull=True, expires_at__isnull=False)
                | Q(registration__isnull=False, expires_at__isnull=True),
                name="upload_is_somebodys_or_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}"

    @property
    def path(self) -> str:
        """Where it lies."""
        name = self.id.hex
        return f"uploads/{name[-2:]}/{name}"
