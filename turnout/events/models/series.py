"""Events that belong together."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.core.clock import now
from turnout.core.ids import new_id


class Series(models.Model):
    """Events made from one, each on a date of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    limit_per_person = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="In how many of them somebody may be at most. Empty: in all."
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "series"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(limit_per_person__isnull=True) | Q(limit_per_person__gte=1), name="series_admits_somebody"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}"
