"""Erasing a person."""

from turnout.accounts.actions.second_factor import forget_second_factor
from turnout.accounts.actions.sessions import end_sessions
from turnout.accounts.models import AddressChange, PasswordReset, SignUp, User
from turnout.attendance.models import DoorNote
from turnout.certificates.actions.erasing import erase_certificates
from turnout.core import audit
from turnout.core.errors import ConflictError
from turnout.core.text import address_key, searchable
from turnout.core.transactions import transactional
from turnout.events.models import Event, TeamMember
from turnout.notifications.feed.queries import notices_of
from turnout.notifications.models import Message
from turnout.notifications.webhooks.actions import forget_told, remove_all_of
from turnout.privacy.queries import certificates_of, messages_of, registrations_of
from turnout.registrations.actions import cancel
from turnout.registrations.models import ERASED, LineChange, Registration, Upload, active_key
from turnout.registrations.queries import can_be_changed
from turnout.registrations.uploads.actions import let_go

_NOBODY = "Erased"


@transactional
def erase(user: User, *, keep_certificates: bool = False) -> None:
    """Erase somebody's personal data; what is counted stays counted.

    Seats at events to come go to the first in line. Past registrations stay as rows that name nobody, and so does the
    account, since events and deeds point at it; nobody can sign in with it, and its sessions end. Whoever has the
    address may sign up anew. Certificates say nothing any more but that they were erased; those that are kept stand,
    with the name on them. ConflictError `is_staff` for who runs the platform: others must take that away first.
    """
    if user.is_staff:
        raise ConflictError(
            "Who runs the platform can't erase themselves: let another take staff rights away first.", "is_staff"
        )
    nobody = f"{user.id.hex}@{ERASED}"
    _give_up_seats(user)
    # Locked as whoever issues locks them: what is issued this moment is seen below, or finds nobody to certify.
    list(registrations_of(user).select_for_update().order_by("id").values_list("pk"))
    _erase_messages(user, nobody)  # while what they are about can still be found
    erase_certificates(certificates_of(user), keep=keep_certificates, actor=audit.actor_of(user))
    _erase_registrations(user, nobody)
    TeamMember.objects.held_by(user).delete()
    remove_all_of(topics=Event.objects.filter(owner=user).values_list("pk", flat=True), accounts=[user.pk])
    notices_of(user.pk).delete()
    _erase_account(user, nobody)
    audit.record(audit.actor_of(user), "user.erased", user.id)


def _give_up_seats(user: User) -> None:
    for row in registrations_of(user).select_related("event").order_by("event_id", "id"):
        if can_be_changed(row):
            cancel(row, actor=audit.actor_of(user))


def _erase_messages(user: User, nobody: str) -> None:
    messages = Message.objects.filter(pk__in=list(messages_of(user).values_list("pk", flat=True)))
    messages.filter(state=Message.State.DUE).update(state=Message.State.VOID, lease=None, leased_until=None)
    messages.update(recipient=nobody, last_error="", bounce="")


def _erase_registrations(user: User, nobody: str) -> None:
    left = list(registrations_of(user))
    for row in left:
        row.full_name, row.email, row.phone, row.answers = _NOBODY, nobody, "", ""
        row.reason = ""
        row.name_key = searchable(_NOBODY)
        row.key_version += 1  # the links in old mails open nothing
        row.series_key = None  # it was the address's, which may be another's by now
        if row.active_key is not None:
            row.active_key = active_key(row.event_id, row.email)
    erased = ["full_name", "name_key", "email", "phone", "answers", "reason", "key_version", "series_key", "active_key"]
    Registration.objects.bulk_update(left, erased)
    LineChange.objects.filter(registration__in=left).update(reason=_NOBODY)
    DoorNote.objects.filter(registration__in=left).delete()
    forget_told(row.pk for row in left)
    let_go(Upload.objects.filter(registration__in=left))


def _erase_account(user: User, nobody: str) -> None:
    SignUp.objects.filter(email_key=user.email_key).delete()
    AddressChange.objects.filter(user=user).delete()
    PasswordReset.objects.filter(user=user).delete()
    forget_second_factor(user)
    end_sessions(user)
    user.email, user.email_key, user.name = nobody, address_key(nobody), ""
    user.is_active = user.is_superuser = user.address_verified = False
    user.set_unusable_password()
    user.save()
