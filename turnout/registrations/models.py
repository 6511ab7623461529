"""Who comes to an event."""

import uuid
from datetime import timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce

from turnout.accounts.models import User
from turnout.accounts.policies import Actor, runs_platform
from turnout.core.fields import EncryptedTextField, WordsField
from turnout.core.ids import new_id
from turnout.core.text import address_key, digest, normal_address, words
from turnout.core.tokens import fits_key, make_key, make_token
from turnout.events.models import AttendanceType, Event, SeatPool
from turnout.registrations.attacks.models import Alarm, Rollback
from turnout.registrations.mailings.models import Mailing, Recipient
from turnout.registrations.texts.models import MailText
from turnout.registrations.uploads.models import Upload

__all__ = ["Alarm", "LineChange", "MailText", "Mailing", "Recipient", "Registration", "Rollback", "Upload"]

CONFIRMATION_LIVES = timedelta(days=7)
BLOCK_KEPT = timedelta(days=30)
CONFIRM = "registration.confirm"  # what its token is for
CONFIRM_MAIL = "registration.confirm"  # the kind of the mail that holds it
REMINDER = "registration.reminder"
MANAGE = "registration.manage"
UNSUBSCRIBE = "registration.unsubscribe"
ERASED = "erased.invalid"  # the domain of the address that stands for somebody who was erased
_ACTIVE = ["in_review", "confirmed", "waitlisted", "offered"]


def _named(text: str) -> Q:
    sought = words(text)
    return Q(*(Q(name_key__contains=f" {word}") for word in sought)) if sought else Q(pk__in=[])


class RegistrationQuerySet(models.QuerySet["Registration"]):
    """The ways in which registrations are found."""

    def visible_to(self, actor: Actor) -> Self:
        """Return what this actor may see by who they are: their own, and what `run_by` returns.

        A guest sees theirs by its key: `Registration.opens_with`.
        """
        if runs_platform(actor):
            return self
        if not actor.is_authenticated:
            return self.none()
        own = self.held_by(actor).values("pk")
        return self.filter(Q(pk__in=own) | Q(event__in=Event.objects.run_by(actor)))

    def run_by(self, actor: Actor) -> Self:
        """Return what this actor may decide on: staff, the event's owner and its managers."""
        if runs_platform(actor):
            return self
        return self.filter(event__in=Event.objects.run_by(actor)) if actor.is_authenticated else self.none()

    def held_by(self, actor: Actor) -> Self:
        """Return those of whoever signed in with a verified address, however they came in."""
        if not isinstance(actor, User) or not actor.address_verified:
            return self.none()
        return self.filter(email=actor.email)

    def with_position(self) -> Self:
        """Load each one's position in line as `line_position`, from 1, for who waits; without a query for each."""
        before = Registration.objects.filter(
            event=OuterRef("event"), status=Registration.Status.WAITLISTED, place__lt=OuterRef("place")
        )
        one_line = SeatPool.objects.filter(event=OuterRef("event"), attendance_type="")
        same_line = Q(attendance_type=OuterRef("attendance_type")) | Q(Exists(one_line))
        ahead = before.filter(same_line).order_by().values("event").annotate(count=Count("pk")).values("count")
        waits = Q(status=Registration.Status.WAITLISTED)
        return self.annotate(line_position=Case(When(waits, then=Coalesce(Subquery(ahead), 0) + 1)))

    def with_text(self, kind: str) -> Self:
        """Load as `has_text` whether the event has a text of its own for this kind of mail."""
        return self.annotate(has_text=Exists(MailText.objects.filter(event=OuterRef("event"), kind=kind)))

    def proven(self) -> Self:
        """Return those whose address was confirmed, and is somebody's still."""
        return self.filter(confirmed_at__isnull=False).exclude(email__endswith=f"@{ERASED}")

    def active(self) -> Self:
        """Return who holds a seat, waits for one, or for the team's word."""
        return self.filter(status__in=Registration.ACTIVE)

    def in_line(self) -> Self:
        """Return who waits for a seat, the first in line first."""
        return self.filter(status=Registration.Status.WAITLISTED).order_by("place")

    def matching(self, text: str) -> Self:
        """Return whose name has every word of the text, folded, as the beginning of a word, or whose address has it.

        The same on every database. A text of nothing but spaces matches nobody.
        """
        address = normal_address(text)
        return self.filter(_named(text) | Q(email__contains=address)) if address else self.none()

    def named(self, text: str) -> Self:
        """Return whose name has every word of the text, folded, as the beginning of a word; nobody for no words."""
        return self.filter(_named(text))


class Registration(models.Model):
    """One person's wish to come to one event, and what became of it."""

    class Status(models.TextChoices):
        """Where a registration stands; `turnout.registrations.actions` holds every way from one to another."""

        PENDING = "pending"  # the address is not confirmed
        IN_REVIEW = "in_review"  # the event's team decides
        CONFIRMED = "confirmed"  # holds a seat
        WAITLISTED = "waitlisted"
        OFFERED = "offered"  # a seat is kept for them until a moment
        DECLINED = "declined"  # the team said no
        CANCELLED = "cancelled"
        EXPIRED = "expired"  # was never confirmed

    # Whoever is in one of these is the event's one registration of that person.
    ACTIVE: ClassVar = (Status.IN_REVIEW, Status.CONFIRMED, Status.WAITLISTED, Status.OFFERED)
    COUNTED: ClassVar = (Status.CONFIRMED, Status.WAITLISTED, Status.OFFERED)  # in the counters of a seat pool

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # `registration_by_event` is its index.
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="registrations", db_index=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    full_name = models.CharField(max_length=200)
    name_key = WordsField(max_length=400, of="full_name")
    email = models.EmailField()
    phone = EncryptedTextField(max_length=20, blank=True)  # E.164
    answers = EncryptedTextField(blank=True, default="", editable=False)  # JSON: see turnout.registrations.answers
    attendance_type = models.CharField(max_length=7, choices=AttendanceType)
    language = models.CharField(max_length=12, default="en")
    # Hash of event and address while active, else null: MariaDB has no partial unique indexes.
    active_key = models.CharField(max_length=64, null=True, editable=False)  # null is not active
    # Hash of series, address and a number up to the series' limit, while active: nobody has more of them.
    series_key = models.CharField(max_length=64, null=True, editable=False)  # null where nothing is counted
    place = models.PositiveBigIntegerField(
        null=True, editable=False
    )  # the pool's sequence number when joining the line
    ticket_id = models.UUIDField(null=True, editable=False)
    ticket_key = models.CharField(max_length=8, blank=True, editable=False)  # the id of the key that signed the ticket
    key_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)  # the address, not the seat
    cancelled_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True, editable=False)  # when the team approved or declined
    reason = models.CharField(max_length=500, blank=True, editable=False)  # what the team said of it
    offers = models.PositiveSmallIntegerField(default=0, editable=False)  # how many seats were offered, one by one
    offer_expires_at = models.DateTimeField(null=True, editable=False)
    # "Still coming?" before the event: when it was asked and answered, and until when it has to be.
    asked_at = models.DateTimeField(null=True, editable=False)
    answer_by = models.DateTimeField(null=True, editable=False)
    coming_at = models.DateTimeField(null=True, editable=False)
    # By what a burst is told: the IPv4 /24 or IPv6 /48 it came from, until it is forgotten, and the mail domain.
    block = models.CharField(max_length=43, blank=True, editable=False)
    block_until = models.DateTimeField(null=True, editable=False)
    mail_domain = models.CharField(max_length=253, blank=True, editable=False)
    # Made under attack and not confirmed: a mark on what is pending, and on what became of it unconfirmed.
    quarantined_at = models.DateTimeField(null=True, editable=False)
    rolled_back_by = models.UUIDField(null=True, editable=False)  # the Rollback, while it is not undone
    mailings_off_at = models.DateTimeField(null=True, editable=False)  # since when the team's mailings are unwanted

    line_position: int | None  # where `with_position` loaded it
    has_text: bool  # where `with_text` loaded it

    objects: ClassVar[models.Manager["Registration"]] = RegistrationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["event", "id"], name="registration_by_event"),
            models.Index(fields=["event", "status", "place"], name="registration_by_line"),
            models.Index(fields=["status", "expires_at"], name="registration_by_expiry"),
            models.Index(fields=["status", "offer_expires_at"], name="registration_by_offer"),
            models.Index(fields=["status", "answer_by"], name="registration_by_answer"),
            models.Index(fields=["email"], name="registration_by_address"),
            models.Index(fields=["created_at", "event"], name="registration_by_moment"),
            models.Index(fields=["block_until"], name="registration_by_block_until"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["active_key"], name="registration_active_once"),
            models.UniqueConstraint(fields=["series_key"], name="registration_series_limit"),
            models.UniqueConstraint(fields=["ticket_id"], name="registration_ticket_is_unique"),
            models.CheckConstraint(
                condition=Q(status__in=_ACTIVE, active_key__isnull=False)
                | (~Q(status__in=_ACTIVE) & Q(active_key__isnull=True)),
                name="registration_active_has_key",
            ),
            models.CheckConstraint(
                condition=~Q(status="waitlisted") | Q(place__isnull=False), name="registration_waiting_has_place"
            ),
            models.CheckConstraint(
                condition=~Q(status="confirmed") | Q(ticket_id__isnull=False), name="registration_confirmed_has_ticket"
            ),
            models.CheckConstraint(
                condition=Q(status="offered", offer_expires_at__isnull=False, offers__gte=1)
                | (~Q(status="offered") & Q(offer_expires_at__isnull=True)),
                name="registration_offer_has_deadline",
            ),
            models.CheckConstraint(
                condition=Q(asked_at__isnull=False) | Q(answer_by__isnull=True, coming_at__isnull=True),
                name="registration_answers_what_was_asked",
            ),
            models.CheckConstraint(condition=~Q(full_name="") & ~Q(email=""), name="registration_names_somebody"),
            models.CheckConstraint(
                condition=~Q(status__in=_ACTIVE) | Q(quarantined_at__isnull=True),
                name="registration_confirmed_is_through",
            ),
            models.CheckConstraint(
                condition=Q(rolled_back_by__isnull=True) | Q(status="cancelled", quarantined_at__isnull=False),
                name="registration_rolled_back_is_cancelled",
            ),
            models.CheckConstraint(
                condition=Q(block="", block_until__isnull=True) | ~Q(block="") & Q(block_until__isnull=False),
                name="registration_block_is_forgotten",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.full_name}: {self.status}"

    @property
    def confirmation_token(self) -> str:
        """The token in the confirmation mail."""
        return make_token(CONFIRM, self.id)

    @property
    def manage_token(self) -> str:
        """The key with which a guest sees, changes and cancels this registration."""
        return make_key(MANAGE, self.id, self.key_version)

    def opens_with(self, key: str) -> bool:
        """Tell whether this is the holder's key."""
        return fits_key(MANAGE, self.id, self.key_version, key)

    @property
    def unsubscribe_token(self) -> str:
        """The key in a mailing with which its reader gets no more of them, and nothing else. It stays the same."""
        return make_key(UNSUBSCRIBE, self.id, 1)

    def unsubscribes_with(self, key: str) -> bool:
        """Tell whether this is that key."""
        return fits_key(UNSUBSCRIBE, self.id, 1, key)

    def page_path(self) -> str:
        """Return the holder's page, as a path."""
        return f"/registrations/{self.id}/?token={self.manage_token}"

    def page_url(self) -> str:
        """Return the holder's page on our one origin."""
        return f"{settings.PUBLIC_BASE_URL}{self.page_path()}"

    def unsubscribe_url(self) -> str:
        """Return where one says that one wants no more mailings, on our one origin."""
        return f"{settings.PUBLIC_BASE_URL}/registrations/{self.id}/unsubscribe/?token={self.unsubscribe_token}"


class RevokedTicket(models.Model):
    """A ticket that was replaced by another: it opens no door any more."""

    ticket_id = models.UUIDField(primary_key=True, editable=False)
    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="revoked_tickets")
    revoked_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["revoked_at"]

    def __str__(self) -> str:
        return f"{self.ticket_id}"


class EventMove(models.Model):
    """That an event was moved: from when and where, for those who are told."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="moves")
    number = models.PositiveIntegerField()  # from 1: the version of the messages that tell of it
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    location = models.CharField(max_length=200, blank=True)
    online_url = models.URLField(max_length=500, blank=True)
    moved_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "number"], name="event_move_number_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="event_move_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.number}"


class LineChange(models.Model):
    """That somebody of the team changed the order of a waiting list: the only thing that does but the line itself."""

    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="line_changes")
    actor = models.CharField(max_length=60)  # as the audit trail knows them
    was = models.PositiveIntegerField()  # the position, from 1
    became = models.PositiveIntegerField()
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(reason=""), name="line_change_has_a_reason"),
            models.CheckConstraint(condition=Q(was__gte=1, became__gte=1), name="line_change_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.registration_id}: {self.was} to {self.became}"


def series_key(series_id: uuid.UUID, email: str, number: int) -> str:
    """Return one of the keys, as many as the series' limit, that only one active registration each can have."""
    return digest("series", series_id.hex, str(number), address_key(email))


def active_key(event_id: uuid.UUID, email: str) -> str:
    """Return the key that only one active registration of a person and event can have."""
    return digest("active", event_id.hex, address_key(email))
