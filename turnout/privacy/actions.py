"""Erasing a person."""

from collections.abc import Iterable
from uuid import UUID

from turnout.accounts.actions.second_factor import forget_second_factor
from turnout.accounts.actions.sessions import end_sessions
from turnout.accounts.models import AddressChange, PasswordReset, SignUp, User
from turnout.core import audit
from turnout.core.errors import ConflictError
from turnout.core.text import address_key
from turnout.core.transactions import transactional
from turnout.events.models import TeamMember
from turnout.notifications.models import Message
from turnout.privacy.queries import messages_about, registrations_of
from turnout.registrations.actions import cancel
from turnout.registrations.models import Registration, active_key
from turnout.registrations.queries import can_be_changed

_NOBODY = "Erased"


@transactional
def erase(user: User, *, keep_certificates: bool = False) -> None:  # noqa: ARG001  # there are none yet
    """Erase somebody's personal data; what is counted stays counted.

    Seats at events to come go to the first in line. Past registrations stay as rows that name nobody, and so does the
    account, since events and deeds point at it; nobody can sign in with it, and its sessions end. Whoever has the
    address may sign up anew. ConflictError `is_staff` for who runs the platform: others must take that away first.
    """
    if user.is_staff:
        raise ConflictError(
            "Who runs the platform can't erase themselves: let another take staff rights away first.", "is_staff"
        )
    nobody = f"{user.id.hex}@erased.invalid"
    _erase_registrations(user, nobody)
    _erase_memberships(user, nobody)
    _erase_account(user, nobody)
    audit.record(f"user:{user.id}", "user.erased", user.id)


def _erase_registrations(user: User, nobody: str) -> None:
    rows = list(registrations_of(user).select_related("event").order_by("event_id", "id"))
    for row in rows:
        if can_be_changed(row):
            cancel(row, actor=f"user:{user.id}")
    ids = [row.id for row in rows]
    _erase_messages(ids, nobody)
    left = list(Registration.objects.filter(pk__in=ids))
    for row in left:
        row.full_name, row.email, row.phone = _NOBODY, nobody, ""
        row.key_version += 1  # the links in old mails open nothing
        if row.active_key is not None:
            row.active_key = active_key(row.event_id, row.email)
    Registration.objects.bulk_update(left, ["full_name", "email", "phone", "key_version", "active_key"])


def _erase_memberships(user: User, nobody: str) -> None:
    members = TeamMember.objects.held_by(user)
    _erase_messages(list(members.values_list("pk", flat=True)), nobody)
    members.delete()


def _erase_account(user: User, nobody: str) -> None:
    subjects = [
        row.pk for rows in (SignUp.objects.filter(email_key=user.email_key), user.password_resets.all()) for row in rows
    ]
    _erase_messages([user.id, *subjects], nobody)
    SignUp.objects.filter(email_key=user.email_key).delete()
    AddressChange.objects.filter(user=user).delete()
    PasswordReset.objects.filter(user=user).delete()
    forget_second_factor(user)
    end_sessions(user)
    user.email, user.email_key, user.name = nobody, address_key(nobody), ""
    user.is_active = user.is_superuser = user.address_verified = False
    user.set_unusable_password()
    user.save()


def _erase_messages(subjects: Iterable[UUID], nobody: str) -> None:
    messages = messages_about(subjects)
    messages.filter(state=Message.State.DUE).update(state=Message.State.VOID)
    messages.update(recipient=nobody, last_error="")
