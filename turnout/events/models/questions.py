"""What an event asks of those who register."""

from collections.abc import Mapping
from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from turnout.core.ids import new_id
from turnout.events.models.seats import AttendanceType


class QuestionQuerySet(models.QuerySet["Question"]):
    """The ways in which questions are found."""

    def asked_at(self, event_id: UUID) -> Self:
        """Return what an event asks today, in order."""
        return self.filter(event=event_id, retired_at__isnull=True).order_by("rank")


class Question(models.Model):
    """One version of a question. Another label, type or choices make another row: an answer names the one it is for."""

    class Type(models.TextChoices):
        """What sort of answer it takes."""

        TEXT = "text", _("One line of text")
        LONG_TEXT = "long_text", _("Text")
        CHOICE = "choice", _("One of several")
        CHOICES = "choices", _("Any of several")
        YES_NO = "yes_no", _("Yes or no")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        FILE = "file", _("File")

    WITH_CHOICES: ClassVar = (Type.CHOICE, Type.CHOICES)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="questions")
    key = models.UUIDField(default=new_id, editable=False)  # the same for all its wordings: the id that clients know
    version = models.PositiveIntegerField(default=1, editable=False)
    rank = models.PositiveSmallIntegerField(default=0)
    label = models.CharField(max_length=500)
    help_text = models.CharField(max_length=1000, blank=True)
    type = models.CharField(max_length=9, choices=Type)
    required = models.BooleanField(default=False)
    at_door = models.BooleanField(default=False)  # whether whoever scans sees the answer
    choices = models.JSONField(default=list, blank=True)  # texts
    # Asked only of who attends like this; and only where the answer to an earlier one is one of these.
    attendance_type = models.CharField(max_length=7, choices=AttendanceType, blank=True)
    depends_on = models.UUIDField(null=True, blank=True)  # that one's key
    depends_in = models.JSONField(default=list, blank=True)
    retired_at = models.DateTimeField(null=True, editable=False)  # since when it is asked no more

    objects: ClassVar[models.Manager["Question"]] = QuestionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["rank", "version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "version"], name="question_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="question_version_from_one"),
            models.CheckConstraint(condition=~Q(label=""), name="question_has_a_label"),
            models.CheckConstraint(
                condition=Q(
                    type__in=["text", "long_text", "choice", "choices", "yes_no", "number", "date", "file"],
                ),
                name="question_has_a_type",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def is_asked(self, attendance_type: str, answers: Mapping[str, object]) -> bool:
        """Tell whether it is asked of who attends like this and gave these answers, by key, to the ones before it."""
        if self.attendance_type not in {"", attendance_type}:
            return False
        if self.depends_on is None:
            return True
        answer = answers.get(str(self.depends_on))
        given = answer if isinstance(answer, list) else [answer]
        return any(each in self.depends_in for each in given)
