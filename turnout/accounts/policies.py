"""Who may do what."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser


def runs_platform(actor: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether the actor is staff, in a session signed in with a second factor: without it staff are strangers."""
    with_second_factor = getattr(actor, "is_verified", None)  # set by django-otp's middleware on who is signed in
    return bool(getattr(actor, "is_staff", False) and with_second_factor and with_second_factor())
