"""What the limiter counts where there is no Redis, and which challenges are spent."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Counter(models.Model):
    """How often somebody did something since a window opened. One that has closed counts as not there."""

    place = models.CharField(max_length=64, primary_key=True)  # a hash: whom it counts stands nowhere
    count = models.PositiveIntegerField()
    closes_at = models.PositiveBigIntegerField()  # milliseconds since 1970, in UTC

    class Meta:
        indexes: ClassVar = [models.Index(fields=["closes_at"], name="counter_by_closing")]
        constraints: ClassVar = [models.CheckConstraint(condition=Q(count__gte=1), name="counter_counts_something")]

    def __str__(self) -> str:
        return f"{self.count} until {self.closes_at}"


class SpentChallenge(models.Model):
    """A challenge that somebody solved and has used: its key is unique, so one of many who show it is the first."""

    key = models.CharField(max_length=64, primary_key=True)  # a hash
    expires_at = models.DateTimeField()  # from then on nobody is let pass by it, spent or not

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="spent_challenge_by_expiry")]
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(key=""), name="spent_challenge_has_key")]

    def __str__(self) -> str:
        return f"until {self.expires_at:%H:%M}"
