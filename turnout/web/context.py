"""What every page says about the site it belongs to."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject


def site(request: HttpRequest) -> dict[str, object]:
    """Return the site's name, whether its mails are shown instead of sent, and who is signed in, if the page asks."""
    visitor = SimpleLazyObject(lambda: _visitor(request))
    return {"site_name": settings.SITE_NAME, "mail_shown": settings.MAIL_SHOWN, "visitor": visitor}


def _visitor(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is signed in. A browser without a session's cookie costs no query."""
    user = getattr(request, "user", None)  # a request that was refused early has none
    try:
        signed_in = user is not None and user.is_authenticated
    except (DatabaseError, InterfaceError):
        signed_in = False  # the page that says so needs nobody
    return user if signed_in else None
