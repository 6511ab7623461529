"""What every page says about the site it belongs to."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from turnout.notifications.feed.queries import unread


def site(request: HttpRequest) -> dict[str, object]:
    """Return the site's name, whether its mails are shown, and, if the page asks, who is signed in and has to read."""
    visitor = SimpleLazyObject(lambda: _visitor(request))
    return {
        "site_name": settings.SITE_NAME,
        "mail_shown": settings.MAIL_SHOWN,
        "visitor": visitor,
        "unread": SimpleLazyObject(lambda: _unread(_visitor(request))),
    }


def _unread(visitor: AbstractBaseUser | None) -> int:
    """Return how many notices the visitor has not read."""
    try:
        return unread(visitor.pk) if visitor else 0
    except (DatabaseError, InterfaceError):
        return 0  # the page that says so needs none


def _visitor(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is signed in. A browser without a session's cookie costs no query."""
    user = getattr(request, "user", None)  # a request that was refused early has none
    try:
        signed_in = user is not None and user.is_authenticated
    except (DatabaseError, InterfaceError):
        signed_in = False  # the page that says so needs nobody
    return user if signed_in else None
