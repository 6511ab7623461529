"""The people who can sign in."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q

from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.text import address_key, normal_address


class UserManager(BaseUserManager["User"]):
    """Finds people by address, under a key that no collation blurs."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the person with this mail address; User.DoesNotExist if there is none."""
        return self.get(email_key=address_key(username or ""))

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create somebody who may do everything. `createsuperuser` calls this by name."""
        from turnout.accounts.actions import create_staff  # noqa: PLC0415  # Django's hook; actions need this model

        return create_staff(email, password, name=fields.get("name", ""))


class Role(models.TextChoices):
    """What somebody may ask to be. Who runs the platform is no role but `is_staff`."""

    SEEKER = "seeker"  # searches, enrolls
    FACILITATOR = "facilitator"  # owns events and all under them


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can sign in, with their mail address for a name."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField("e-mail address")
    email_key = models.CharField(max_length=64, editable=False)
    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=11, choices=Role, default=Role.SEEKER)
    language = models.CharField(max_length=8, default="en")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    address_verified = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = []

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email_key"], name="user_address_is_unique"),
            models.CheckConstraint(condition=~Q(email=""), name="user_has_an_address"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_has_a_role"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Bring the address, and with it the key, to the form that is compared."""
        self.email = normal_address(self.email)
        self.email_key = address_key(self.email)
