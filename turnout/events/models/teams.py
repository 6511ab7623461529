"""With whom an owner shares an event."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from turnout.accounts.models import User
from turnout.accounts.policies import Actor
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.text import address_key, normal_address


def member_key(actor: Actor) -> str:
    """Return the key of the memberships that somebody holds; empty for who holds none."""
    return actor.email_key if isinstance(actor, User) and actor.address_verified else ""


class TeamMemberQuerySet(models.QuerySet["TeamMember"]):
    """The ways in which members are found."""

    def of_key(self, key: str, event: str) -> Exists:
        """Return the condition that a row's event, under that name there, has a member of this key."""
        return Exists(self.filter(event=OuterRef(event), email_key=key))

    def held_by(self, actor: Actor) -> Self:
        """Return the memberships of whoever signed in with a verified address: an invitation is one from then on."""
        key = member_key(actor)
        return self.filter(email_key=key) if key else self.none()


class TeamMember(models.Model):
    """Somebody who helps with an event, known by their mail address, whether they have an account yet or not."""

    class Role(models.TextChoices):
        """What they may do."""

        MANAGER = "manager", _("Manager")  # edits
        SCANNER = "scanner", _("Scanner")  # only checks people in

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="team")
    role = models.CharField(max_length=7, choices=Role)
    email = models.EmailField("e-mail address")
    email_key = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[models.Manager["TeamMember"]] = TeamMemberQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["email_key"], name="team_member_by_address")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "email_key"], name="team_member_once_per_event"),
            models.CheckConstraint(condition=Q(role__in=["manager", "scanner"]), name="team_member_has_a_role"),
            models.CheckConstraint(condition=~Q(email=""), name="team_member_has_an_address"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.role}"

    def clean(self) -> None:
        """Bring the address, and with it the key, to the form that is compared."""
        self.email = normal_address(self.email)
        self.email_key = address_key(self.email)
