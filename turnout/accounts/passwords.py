"""What is a good enough password, and how one is hashed before there is an account."""

import secrets
from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from turnout.accounts.models import User
from turnout.core.errors import Fault, InvalidError
from turnout.core.text import address_key

LONGEST_PASSWORD = 256


def refuse_weak(password: str, *, email: str, name: str = "") -> None:
    """InvalidError at `/password` where it is short, common, all digits, or like the address or the name."""
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        faults = (Fault("/password", fault.code or "invalid", " ".join(fault.messages)) for fault in error.error_list)
        raise InvalidError.at(*faults) from error


def hashed_for(email: str, password: str) -> str:
    """Return the password's hash, with the salt that all hashes for an address have before there is an account to it.

    So one hash tells whether it is the password of any attempt to sign up, and a login costs one hash, whoever is or
    is not known by that address. The salt is a keyed hash of the address, and as hard to foresee as a random one.
    """
    return make_password(password, salt=salted_hmac("turnout.password", address_key(email)).hexdigest()[:22])


def fitting(email: str, password: str, hashes: Mapping[UUID, str]) -> list[UUID]:
    """Return the attempts to sign up whose password this is; one hash, however many there are."""
    mine = hashed_for(email, password)
    return [attempt for attempt, known in hashes.items() if secrets.compare_digest(mine, known)]  # all are compared


def fits(password: str, hashed: str) -> bool:
    """Tell whether this is the password; one hash."""
    return check_password(password, hashed)
