"""What people change about themselves."""

from collections.abc import Callable, Mapping

from django.db import IntegrityError
from django.db.models import F

from turnout.accounts.actions.codes import admit_guess, code_invalid, try_code
from turnout.accounts.models import ATTEMPT_LIVES, AddressChange, PasswordReset, User
from turnout.accounts.queries import lock
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.text import address_key, normal_address
from turnout.core.transactions import transactional
from turnout.guard.actions import Claim, admit
from turnout.guard.mailboxes import within_mail_budget
from turnout.guard.notation import windows
from turnout.notifications.actions import owe

# How often somebody may have a code mailed to whatever address they name.
_CHANGES = windows("5/hour,10/day")


@transactional
def change_profile(user: User, fields: Mapping[str, str]) -> User:
    """Change one's own `name` or `language`."""
    changed = {name: value for name, value in fields.items() if getattr(user, name) != value}
    if changed:
        User.objects.filter(pk=user.pk).update(**changed)
        audit.record(audit.actor_of(user), "user.changed", user.id, {"fields": sorted(changed)})
        for name, value in changed.items():
            setattr(user, name, value)
    return user


@transactional
def renew_calendar(user: User) -> User:
    """Give somebody's calendar a new address. The one before it leads nowhere from now on, whoever had it."""
    User.objects.filter(pk=user.pk).update(calendar_version=F("calendar_version") + 1)
    user.refresh_from_db(fields=["calendar_version"])
    audit.record(audit.actor_of(user), "user.calendar_renewed", user.id)
    return user


def ask_address(user: User, email: str) -> None:
    """Owe the new address a code; it counts once the code is shown. An address that has an account gets another mail.

    Asking again replaces what was asked before. ThrottledError where that was too often. The answer is the same where
    the mailbox has got all the mails it may, and none is owed.
    """
    admit(Claim("address", str(user.pk), _CHANGES))
    _write_down(user, email, mail=within_mail_budget(email, f"user:{user.pk}", purpose="address"))


@transactional
def _write_down(user: User, email: str, *, mail: bool) -> None:
    lock(user)
    AddressChange.objects.filter(user=user).delete()
    start, key = now(), address_key(email)
    change = AddressChange.objects.create(
        user=user,
        email=normal_address(email),
        email_key=key,
        language=user.language,
        known=User.objects.filter(email_key=key).exists(),
        sent_at=start,
        expires_at=start + ATTEMPT_LIVES,
    )
    if mail:
        owe("account.address_known" if change.known else "account.address", change.id, change.email, urgent=True)


def confirm_address(
    user: User, email: str, code: str, *, client: str, follow: Callable[[User, str], None] | None = None
) -> User:
    """Give the account its new address, by the code that was mailed there; the old address is told.

    `follow` is called in the same transaction with the user and the old address, for what rooms above know by it.
    Raises as `verify` does for a code that is not right.
    """
    change = AddressChange.objects.filter(user=user, email_key=address_key(email), expires_at__gt=now()).first()
    if change is not None:
        admit_guess(email, client)
    try_code(change, code)
    if change is None or change.known:
        raise code_invalid()
    return _move(user, change, follow)


@transactional
def _move(user: User, change: AddressChange, follow: Callable[[User, str], None] | None) -> User:
    if not AddressChange.objects.filter(pk=change.pk).delete()[0]:
        raise code_invalid()
    before = user.email
    try:
        User.objects.filter(pk=user.pk).update(email=change.email, email_key=change.email_key)
    except IntegrityError as error:
        raise code_invalid() from error  # somebody signed up with it this moment
    # Links that lie in the old mailbox are void: whoever reads it may be why one moves.
    PasswordReset.objects.filter(user=user, used_at=None).update(used_at=now())
    user.email, user.email_key = change.email, change.email_key
    if follow is not None:
        follow(user, before)
    entry = audit.record(audit.actor_of(user), "user.address_changed", user.id)
    owe("account.address_changed", entry.id, before, urgent=True)
    return user
