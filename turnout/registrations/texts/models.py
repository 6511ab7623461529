"""An organiser's own text for one of the mails of an event."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.core.ids import new_id
from turnout.events.models import Event

LONGEST_SUBJECT = 200
LONGEST_BODY = 10_000


class MailText(models.Model):
    """What one kind of mail says in one language: its subject, and its words before the facts and the button."""

    class Kind(models.TextChoices):
        """The mails whose words are the organiser's to choose: `registration.<kind>` in the outbox."""

        CONFIRM = "confirm"
        CONFIRMED = "confirmed"
        WAITLISTED = "waitlisted"
        PROMOTED = "promoted"
        OFFERED = "offered"
        STILL_COMING = "still_coming"
        REMINDER = "reminder"
        CANCELLED = "cancelled"
        EVENT_CHANGED = "event_changed"
        EVENT_CANCELLED = "event_cancelled"
        IN_REVIEW = "in_review"
        DECLINED = "declined"
        RELEASED = "released"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="mail_texts")
    kind = models.CharField(max_length=20, choices=Kind)
    language = models.CharField(max_length=12)
    subject = models.CharField(max_length=LONGEST_SUBJECT)  # one line of text, with placeholders
    body = models.TextField(max_length=LONGEST_BODY)  # Markdown, with placeholders
    changed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["kind", "language"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "kind", "language"], name="mail_text_once"),
            models.CheckConstraint(condition=~Q(subject="") & ~Q(body=""), name="mail_text_says_something"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        "confirm",
                        "confirmed",
                        "waitlisted",
                        "promoted",
                        "offered",
                        "still_coming",
                        "reminder",
                        "cancelled",
                        "event_changed",
                        "event_cancelled",
                        "in_review",
                        "declined",
                        "released",
                    ]
                ),
                name="mail_text_of_a_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.kind} ({self.language})"
