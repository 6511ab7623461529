"""Who speaks at events, and who stands behind them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from turnout.core.ids import new_id


class Partner(models.Model):
    """An organisation that stands behind events or sends speakers."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    website = models.URLField(max_length=500, blank=True)
    level = models.CharField(max_length=40, blank=True, help_text="gold, silver, media, ...")
    logo = models.URLField(max_length=500, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="partners"
    )

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(name=""), name="partner_has_a_name")]

    def __str__(self) -> str:
        return self.name


class Speaker(models.Model):
    """Somebody who speaks at events."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    bio = models.TextField(blank=True)
    image = models.URLField(max_length=500, blank=True)
    partner = models.ForeignKey(Partner, null=True, blank=True, on_delete=models.SET_NULL, related_name="speakers")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="speakers"
    )
    # Who this is in the schedule it was imported from, hashed.
    source_key = models.CharField(max_length=64, null=True, unique=True, editable=False)  # null is none

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(name=""), name="speaker_has_a_name")]

    def __str__(self) -> str:
        return self.name
