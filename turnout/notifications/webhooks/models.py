"""Where others' programs want to be told, what they are owed, and how each attempt went."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.core.fields import EncryptedTextField
from turnout.core.ids import new_id

TEST = "webhook.test"
# What a webhook is told that names no kinds of its own, and what it may name besides.
KINDS = (
    "registration.confirmed",
    "registration.waitlisted",
    "registration.cancelled",
    "checkin.created",
    "certificate.issued",
    "event.changed",
    "event.cancelled",
)
MORE_KINDS = (
    "registration.in_review",
    "registration.offered",
    "registration.declined",
    "certificate.corrected",
    "certificate.revoked",
)
MOST = 20  # for an event or an account
LONGEST_URL = 500


class Webhook(models.Model):
    """An address that is told what happens at one event, or at all events of one account.

    Who sends to it holds its lease, so that one request at most is under way to it.
    """

    class Reason(models.TextChoices):
        """Why nothing is sent to it any more."""

        TEAM = "team"  # somebody switched it off
        GONE = "gone"  # it answered 410
        FAILING = "failing"  # for three days, without one success
        ACCOUNT = "account"  # whose events these are may not sign in

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    topic = models.UUIDField(null=True)  # an event's id
    account = models.UUIDField(null=True)  # a person's id
    slot = models.PositiveSmallIntegerField()  # from 1 to MOST: how many there may be is the database's to hold
    url = EncryptedTextField(max_length=LONGEST_URL)  # many hold a secret of the receiver's
    label = models.CharField(max_length=100, blank=True)
    kinds = models.JSONField(default=list)  # empty: all of KINDS
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(null=True)  # type: ignore[misc]  # null is none
    previous_until = models.DateTimeField(null=True)  # until then both sign
    created_at = models.DateTimeField()
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=7, choices=Reason, blank=True)
    # How it does: of the last attempts, since when none succeeded and how many that were.
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    prompt = models.BooleanField(default=True)  # its last answer was a good one, and soon there
    resumes_at = models.DateTimeField()  # nothing is sent to it before
    turn_at = models.DateTimeField()  # when it had its last turn: who waited longest goes first
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(topic__isnull=True, account__isnull=False) | Q(topic__isnull=False, account__isnull=True),
                name="webhook_of_an_event_or_an_account",
            ),
            models.UniqueConstraint(fields=["topic", "slot"], name="webhook_slot_of_event"),
            models.UniqueConstraint(fields=["account", "slot"], name="webhook_slot_of_account"),
            models.CheckConstraint(condition=Q(slot__gte=1, slot__lte=MOST), name="webhook_not_too_many"),
            models.CheckConstraint(
                condition=Q(disabled_at__isnull=True, disabled_reason="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="webhook_disabled_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(previous_until__isnull=True, previous_secret__isnull=True)
                | Q(previous_until__isnull=False, previous_secret__isnull=False),
                name="webhook_previous_secret_has_end",
            ),
            models.CheckConstraint(
                condition=Q(failing_since__isnull=True, failures=0) | Q(failing_since__isnull=False, failures__gte=1),
                name="webhook_fails_since_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(lease__isnull=True, leased_until__isnull=True)
                | Q(lease__isnull=False, leased_until__isnull=False),
                name="webhook_lease_has_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label or self.id}"


class Delivery(models.Model):
    """One thing that happened, owed to one webhook; its id is the `webhook-id` of every attempt.

    What it says is rendered at the first attempt and kept, so that each attempt says the same.
    """

    class State(models.TextChoices):
        """Where it is on its way."""

        DUE = "due"
        SENT = "sent"
        DEAD = "dead"  # given up
        STOPPED = "stopped"  # the webhook was switched off, or the thing is gone

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # `delivery_once` is its index.
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    entry = models.UUIDField()  # of the feed
    kind = models.CharField(max_length=60)
    subject = models.UUIDField()
    data = models.JSONField(default=dict)  # as the feed says it
    at = models.DateTimeField()  # when it happened
    body = EncryptedTextField(blank=True, default="")
    state = models.CharField(max_length=7, choices=State, default=State.DUE)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)  # since it was owed, or sent again
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["state", "due_at"], name="delivery_by_turn"),
            models.Index(fields=["webhook", "state", "due_at"], name="delivery_by_webhook"),
            models.Index(fields=["webhook", "id"], name="delivery_by_log"),
            models.Index(fields=["subject"], name="delivery_by_subject"),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["webhook", "entry"], name="delivery_once"),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="delivery_sent_has_time"
            ),
            models.CheckConstraint(condition=~Q(kind=""), name="delivery_says_what_happened"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook_id}"


class Attempt(models.Model):
    """One request, and what came of it."""

    class Error(models.TextChoices):
        """Why there was no answer, in words that tell nothing of a network from inside."""

        REFUSED_ADDRESS = "refused_address"  # not public
        UNREACHABLE = "unreachable"
        CERTIFICATE = "certificate"
        TIMEOUT = "timeout"
        BAD_ANSWER = "bad_answer"  # no HTTP
        OURS = "ours"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # `attempt_by_delivery` is its index.
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries", db_index=False)
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=15, choices=Error, blank=True)
    duration_ms = models.PositiveIntegerField()
    answer = EncryptedTextField(blank=True, default="")  # its first 1,000 characters

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["delivery", "id"], name="attempt_by_delivery")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__isnull=False, error="") | (Q(status__isnull=True) & ~Q(error="")),
                name="attempt_answered_or_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.status or self.error}"
