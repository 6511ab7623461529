"""A mail to a segment of those who registered, and to whom it goes."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from turnout.core.fields import EncryptedTextField
from turnout.core.ids import new_id
from turnout.events.models import Event
from turnout.registrations.texts.models import LONGEST_BODY, LONGEST_SUBJECT

MESSAGE = "mailing.message"  # the kind of its mails in the outbox; their subject is the recipient's id


class Mailing(models.Model):
    """One text that a team wrote to some of those registered, and who they were."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="mailings", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="mailings")
    subject = models.CharField(max_length=LONGEST_SUBJECT)  # one line of text, with placeholders
    body = models.TextField(max_length=LONGEST_BODY)  # Markdown, with placeholders
    # JSON: see `segments`. Sealed, since with the recipients it says what each of them answered.
    segment = EncryptedTextField(editable=False)
    reply_to = models.BooleanField(default=False)  # whether answers go to the author's address
    count = models.PositiveIntegerField(editable=False)  # of recipients
    created_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["event", "id"], name="mailing_by_event")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(subject="") & ~Q(body=""), name="mailing_says_something"),
            models.CheckConstraint(condition=Q(count__gte=1), name="mailing_to_somebody"),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True) | Q(stopped_at__gte=F("created_at")),
                name="mailing_stopped_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class Recipient(models.Model):
    """Somebody to whom a mailing goes. What became of it, the outbox knows."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="recipients", db_index=False)
    registration = models.ForeignKey("registrations.Registration", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["mailing", "id"], name="recipient_by_mailing")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mailing", "registration"], name="mailing_recipient_once"),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id}: {self.registration_id}"
