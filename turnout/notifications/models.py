"""The outbox: one row for each message that is owed."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from turnout.core.ids import new_id
from turnout.notifications.feed.models import Entry, Topic
from turnout.notifications.webhooks.models import Attempt, Delivery, Webhook

__all__ = ["Attempt", "Delivery", "Entry", "Message", "Topic", "Webhook"]


class Message(models.Model):
    """A message owed to an address.

    What it says is not stored: the room that owes it renders it when it is sent, so that no secret lies here and the
    text is true at that moment.
    """

    class State(models.TextChoices):
        """Where the message is on its way."""

        DUE = "due"
        SENT = "sent"
        DEAD = "dead"  # given up: an organiser sees it and may send it again
        VOID = "void"  # no longer true when its turn came

    class Urgency(models.IntegerChoices):
        """What goes first while more is due than the mail server takes."""

        URGENT = 0  # somebody waits for it with a page open: codes, resets
        USUAL = 1
        PATIENT = 2  # strangers have asked for very many at this event
        LAST = 3  # one network has

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=60)
    subject = models.UUIDField()
    version = models.PositiveIntegerField(default=1)
    recipient = models.EmailField()
    state = models.CharField(max_length=4, choices=State, default=State.DUE)
    urgency = models.PositiveSmallIntegerField(choices=Urgency, default=Urgency.USUAL)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    # Who is delivering it, and until when nobody else may.
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    # When it came back though the mail server had taken it, and what was said of it.
    bounced_at = models.DateTimeField(null=True)
    bounce = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["state", "urgency", "due_at", "id"], name="message_by_turn"),
            models.Index(fields=["lease"], name="message_by_lease"),
            models.Index(fields=["subject"], name="message_by_subject"),
            models.Index(fields=["recipient"], name="message_by_recipient"),
            models.Index(fields=["bounced_at"], name="message_by_bounce"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "subject", "version"], name="message_owed_once"),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="message_sent_has_time"),
            models.CheckConstraint(
                condition=Q(lease__isnull=True, leased_until__isnull=True)
                | Q(lease__isnull=False, leased_until__gt=F("created_at")),
                name="message_lease_has_end",
            ),
            models.CheckConstraint(
                condition=Q(bounce="") | Q(bounced_at__isnull=False), name="message_bounce_has_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"
