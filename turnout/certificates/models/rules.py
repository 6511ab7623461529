"""By what a certificate is earned."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.events.models import Event

LEAST_HOURS, MOST_HOURS = Decimal("0.25"), Decimal(9999)  # that can be credited
MOST_MINUTES = 366 * 24 * 60  # that can be asked


class CertificateRules(models.Model):
    """What an event asks of its participants before it certifies them: all of this together.

    Where nothing is asked, to have been there once is enough. An event without a row has the defaults, and certifies
    nobody on its own: it has not said so.
    """

    event = models.OneToOneField(Event, primary_key=True, on_delete=models.CASCADE, related_name="certificate_rules")
    min_attendance_percent = models.PositiveSmallIntegerField(default=0)  # of the sessions
    min_minutes = models.PositiveIntegerField(default=0)
    required_sessions = models.JSONField(default=list, blank=True)  # their ids, as text
    by_hand = models.BooleanField(default=False)  # the team names each of those who were there
    automatic = models.BooleanField(default=True)  # once the event has ended
    hours = models.DecimalField(
        max_digits=6, decimal_places=2, null=True, blank=True
    )  # for everybody; null: as long as each was there
    swept_at = models.DateTimeField(null=True, editable=False)  # when the worker last looked
    closed = models.BooleanField(default=False, editable=False)  # that it need not look again

    class Meta:
        verbose_name_plural = "certificate rules"
        indexes: ClassVar = [models.Index(fields=["automatic", "closed", "swept_at"], name="certificate_rules_due")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(min_attendance_percent__lte=100), name="certificate_rules_percent"),
            models.CheckConstraint(condition=Q(hours__isnull=True) | Q(hours__gt=0), name="certificate_rules_hours"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}"
