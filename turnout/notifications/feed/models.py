"""What happened, as those who follow it are told."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from turnout.core.ids import new_id


class Topic(models.Model):
    """What can be followed, by its id: an event's desk, or a person's notices."""

    id = models.UUIDField(primary_key=True, editable=False)
    latest = models.PositiveBigIntegerField(default=0)  # the number of its last entry

    def __str__(self) -> str:
        return f"{self.id}: {self.latest}"


class Entry(models.Model):
    """One thing that happened, written with the deed.

    Its number is given after the deed was committed, by `actions.number_new`: from 1 without a gap in each topic, so
    whoever reads on from a number misses nothing. What is told of a person is looked up when it is read.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    topic = models.UUIDField()
    number = models.PositiveBigIntegerField(null=True)
    kind = models.CharField(max_length=60)  # `<thing>.<what happened>`
    subject = models.UUIDField()  # the thing
    account = models.UUIDField(null=True)  # whose webhooks hear of it, beside the topic's own
    data = models.JSONField(default=dict)  # nothing personal
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)  # of a person's notice

    class Meta:
        verbose_name_plural = "entries"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["number", "topic"], name="entry_by_number"),
            models.Index(fields=["topic", "id"], name="entry_by_topic"),
            models.Index(fields=["at"], name="entry_by_age"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["topic", "number"], name="entry_number_once"),
            models.CheckConstraint(condition=Q(number__isnull=True) | Q(number__gte=1), name="entry_number_from_one"),
            models.CheckConstraint(condition=~Q(kind=""), name="entry_says_what_happened"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.number}: {self.kind}"
