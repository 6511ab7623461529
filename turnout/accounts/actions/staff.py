"""Who runs the platform, and who may sign in at all: decided by staff."""

from turnout.accounts.actions.sessions import end_sessions
from turnout.accounts.links import enrolment_link
from turnout.accounts.models import User
from turnout.core import audit
from turnout.core.errors import ConflictError, ForbiddenError
from turnout.core.transactions import transactional
from turnout.notifications.webhooks.actions import disable_account


@transactional
def make_staff(user: User, *, actor: str) -> None:
    """Let somebody run the platform; they can't enter the admin without a second factor.

    ConflictError `address_unverified` or `account_inactive`: nobody knows whose account that is, or it is shut.
    """
    if not user.address_verified:
        raise ConflictError(f"{user.email} has not confirmed this address.", "address_unverified")
    if not user.is_active:
        raise ConflictError(f"The account of {user.email} is not active.", "account_inactive")
    _change(user, "user.staff_made", actor, is_staff=True, is_superuser=True)


@transactional
def remove_staff(user: User, *, actor: str) -> None:
    """Take the platform out of somebody's hands, at once. ForbiddenError `own_account`."""
    _refuse_own(user, actor)
    _change(user, "user.staff_removed", actor, is_staff=False, is_superuser=False)
    end_sessions(user)


@transactional
def activate(user: User, *, actor: str) -> None:
    """Let somebody sign in again."""
    _change(user, "user.activated", actor, is_active=True)


@transactional
def deactivate(user: User, *, actor: str) -> None:
    """Let somebody sign in no more, and end what they are signed in to, at once. ForbiddenError `own_account`."""
    _refuse_own(user, actor)
    _change(user, "user.deactivated", actor, is_active=False)
    disable_account(user.id, actor=actor)
    end_sessions(user)


@transactional
def invite_to_enrol(user: User, *, actor: str) -> str:
    """Return a link with which somebody on staff sets up a new second factor, by their password and without the old.

    ConflictError `not_staff`: everybody else sets theirs up while signed in.
    """
    if not (user.is_staff and user.is_active):
        raise ConflictError(f"{user.email} does not run the platform.", "not_staff")
    audit.record(actor, "user.second_factor_link_made", user.id)
    return enrolment_link(user)


def _change(user: User, verb: str, actor: str, **flags: bool) -> None:
    """Write what is to be so of the account, unless it is so already."""
    if User.objects.filter(pk=user.pk).exclude(**flags).update(**flags):
        audit.record(actor, verb, user.id)


def _refuse_own(user: User, actor: str) -> None:
    if actor == audit.actor_of(user):
        raise ForbiddenError("Somebody else on staff must do this to your account.", "own_account")
