"""What the limiter counts where there is no Redis."""

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
