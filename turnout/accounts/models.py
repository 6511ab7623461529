"""The people who can sign in."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac

from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.text import address_key, normal_address
from turnout.core.tokens import fits_key, make_code, make_key, make_token

CODE_LIVES = timedelta(minutes=5)
MOST_TRIES = 5
ATTEMPT_LIVES = timedelta(days=1)
RESET_LIVES = timedelta(hours=1)
RESET = "password.reset"
CALENDAR = "account.calendar"  # what the key in the address of somebody's calendar is for


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
    # Raising it ends all sessions of browsers: it is part of what each of them must hold.
    session_stamp = models.PositiveIntegerField(default=0, editable=False)
    # Of the key to their calendar: raising it makes the address they had before void.
    calendar_version = models.PositiveIntegerField(default=1, editable=False)

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

    @property
    def calendar_url(self) -> str:
        """The secret address of their calendar: whoever has it reads it, and a program needs nothing else."""
        key = make_key(CALENDAR, self.id, self.calendar_version)
        return f"{settings.PUBLIC_BASE_URL}/api/calendars/{self.id}/{key}.ics"

    def opens_calendar(self, key: str) -> bool:
        """Tell whether this is the key to their calendar."""
        return fits_key(CALENDAR, self.id, self.calendar_version, key)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return what a session must hold to be worth something; a new password or stamp changes it. Django's hook."""
        salt, value = "turnout.session", f"{self.session_stamp} {self.password}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()


class MailedCode(models.Model):
    """Something that a six-digit code mailed to an address unlocks. No code is stored: see `core.tokens.make_code`."""

    purpose: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField()
    email_key = models.CharField(max_length=64)
    language = models.CharField(max_length=8, default="en")
    # Of the code: a new one makes the one before it void.
    version = models.PositiveIntegerField(default=1)
    sent_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True

    @property
    def code(self) -> str:
        """The six digits."""
        return make_code(self.purpose, self.id, self.version)

    @property
    def code_expires_at(self) -> datetime:
        """The moment from which the code is worth nothing."""
        return self.sent_at + CODE_LIVES


class SignUp(MailedCode):
    """One attempt to sign up: whoever made it chose its password, so its own code activates it and no other's does."""

    purpose: ClassVar[str] = "account.signup"

    name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=11, choices=Role)
    password = models.CharField(max_length=128)  # hashed
    # The address had an account: the mail says so and holds no code, and no code is right.
    known = models.BooleanField(default=False)

    objects: ClassVar[models.Manager["SignUp"]] = models.Manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["email_key"], name="sign_up_by_address"),
            models.Index(fields=["expires_at"], name="sign_up_by_expiry"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="sign_up_asks_for_a_role"),
            models.CheckConstraint(condition=Q(tries__lte=MOST_TRIES), name="sign_up_tries_are_counted"),
        ]

    def __str__(self) -> str:
        return self.email


class AddressChange(MailedCode):
    """A new address that its owner has not confirmed. One a person: asking again replaces it."""

    purpose: ClassVar[str] = "account.address"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="address_change")
    known = models.BooleanField(default=False)

    objects: ClassVar[models.Manager["AddressChange"]] = models.Manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="address_change_by_expiry")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(tries__lte=MOST_TRIES), name="address_change_tries_are_counted"),
        ]

    def __str__(self) -> str:
        return self.email


class PasswordReset(models.Model):
    """A link to set a new password, mailed on request; without a user where there is no account to that address."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="password_resets")
    language = models.CharField(max_length=8, default="en")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="password_reset_by_expiry")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(user__isnull=False), name="password_reset_used_by_somebody"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def token(self) -> str:
        """The token in the mail."""
        return make_token(RESET, self.id)


class TokenFamily(models.Model):
    """One signing-in of a program: the refresh tokens that followed each other from it.

    Only the latest is worth anything; one that was used before ends the family.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="token_families")
    current = models.CharField(max_length=64)  # the hash of the latest refresh token's secret
    second_factor = models.BooleanField(default=False)  # whether it was shown
    created_at = models.DateTimeField()
    used_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "token families"
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="token_family_by_expiry")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="token_family_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class RecoveryCode(models.Model):
    """A way in, once, for who has lost their authenticator app. The code itself stands nowhere."""

    digest = models.CharField(max_length=64, primary_key=True)  # of the person and the code
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(digest=""), name="recovery_code_is_hashed")]

    def __str__(self) -> str:
        return f"a recovery code of {self.user_id}"
