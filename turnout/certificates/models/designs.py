"""How certificates look."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from turnout.core.fields import EncryptedTextField
from turnout.core.ids import new_id
from turnout.events.models import Event


class Picture(models.Model):
    """A logo or a signature, re-encoded as PNG. It lies sealed under its key, and stays while certificates show it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey(Event, null=True, on_delete=models.SET_NULL, related_name="certificate_pictures")
    width = models.PositiveIntegerField()  # pixels
    height = models.PositiveIntegerField()
    key = EncryptedTextField(max_length=100)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1), name="picture_has_size")
        ]

    def __str__(self) -> str:
        return f"{self.id}"

    @property
    def path(self) -> str:
        """Where it lies."""
        name = self.id.hex
        return f"certificates/pictures/{name[-2:]}/{name}"


class Template(models.Model):
    """A paper of an organiser's own, in typst: staff bring it, since it is code. Never changed, only followed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    source = models.TextField()
    made_by = models.CharField(max_length=60)  # as the audit trail knows them
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)  # no longer to be chosen; what was issued by it stays

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name="") & ~Q(source=""), name="template_is_something")
        ]

    def __str__(self) -> str:
        return self.name


class Design(models.Model):
    """What an event has decided about the look of its certificates; an event without a row has the defaults."""

    class Base(models.TextChoices):
        """The templates we bring."""

        CLASSIC = "classic", _("Classic")
        MODERN = "modern", _("Modern")
        MINIMAL = "minimal", _("Minimal")

    class Paper(models.TextChoices):
        """Its size."""

        A4 = "a4", _("A4")
        LETTER = "letter", _("Letter")

    class Orientation(models.TextChoices):
        """Which way it lies."""

        LANDSCAPE = "landscape", _("Landscape")
        PORTRAIT = "portrait", _("Portrait")

    event = models.OneToOneField(Event, primary_key=True, on_delete=models.CASCADE, related_name="certificate_design")
    base = models.CharField(max_length=10, choices=Base, default=Base.CLASSIC)
    template = models.ForeignKey(
        Template, null=True, blank=True, on_delete=models.PROTECT, related_name="designs"
    )  # before `base`
    paper = models.CharField(max_length=10, choices=Paper, default=Paper.A4)
    orientation = models.CharField(max_length=10, choices=Orientation, default=Orientation.LANDSCAPE)
    color = models.CharField(max_length=7, default="#1f4e79")  # #rrggbb
    issuer = models.CharField(max_length=200, blank=True)  # empty: the owner's name
    language = models.CharField(max_length=12, blank=True)  # empty: each holder's own
    logo = models.ForeignKey(Picture, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # By role, `{"title", "text"}`; what is missing or empty is the usual words.
    wordings = models.JSONField(default=dict, blank=True)
    # `{"name", "position", "picture"}`, at most three: `turnout.certificates.snapshots.Signature`.
    signatures = models.JSONField(default=list, blank=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(color=""), name="design_has_a_color")]

    def __str__(self) -> str:
        return f"{self.event_id}"
