"""Every write to accounts."""

from django.contrib.sessions.models import Session

from turnout.accounts.models import AddressChange, PasswordReset, Role, SignUp, TokenFamily, User
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError
from turnout.core.transactions import transactional


@transactional
def create_account(email: str, password: str | None, *, role: str = Role.SEEKER, name: str = "") -> User:
    """Create an account with a verified address. ConflictError `address_taken` if there is one."""
    return _create(User(email=email, name=name, role=role), password, "user.created")


@transactional
def create_staff(email: str, password: str | None, *, name: str = "") -> User:
    """Create somebody who runs the platform: staff, superuser, with a verified address.

    They can't enter the admin before `enrol_second_factor`. ConflictError `address_taken` if there is an account.
    """
    user = User(email=email, name=name, role=Role.FACILITATOR, is_staff=True, is_superuser=True)
    return _create(user, password, "user.staff_created")


def _create(user: User, password: str | None, verb: str) -> User:
    user.address_verified = True
    user.clean()
    user.set_password(password)
    if User.objects.filter(email_key=user.email_key).exists():
        raise ConflictError(f"There is an account for {user.email} already.", "address_taken")
    user.save(force_insert=True)
    audit.record(audit.SYSTEM, verb, user.id)
    return user


@transactional
def forget_expired() -> int:
    """Delete what is no longer worth anything: attempts, codes, links, sessions; say how many rows those were."""
    moment = now()
    ours = [
        model.objects.filter(expires_at__lte=moment) for model in (SignUp, AddressChange, PasswordReset, TokenFamily)
    ]
    return sum(rows.delete()[0] for rows in (*ours, Session.objects.filter(expire_date__lte=moment)))
