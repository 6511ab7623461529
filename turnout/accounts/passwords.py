"""What is a good enough password, and how one is hashed before there is an account."""

import secrets
from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from turnout.accounts.hashers import Argon2Hasher
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


def hashed_for(email: str, password: str, user: User | None = None) -> str:
    """Return the password's hash, with the salt that all hashes for an address have, its account's included.

    So one hash tells whether it is the password of the account or of any attempt to sign up, and a login costs one
    hash, whoever is or is not known by that address. Without an account the salt is a keyed hash of the address, and as
    hard to foresee as a random one.
    """
    return make_password(password, salt=_salt(email, user))


def fitting(hashed: str, hashes: Mapping[UUID, str]) -> list[UUID]:
    """Return the attempts to sign up whose password was hashed to this by `hashed_for`."""
    return [attempt for attempt, known in hashes.items() if secrets.compare_digest(hashed, known)]  # all are compared


def opens(user: User, password: str, hashed: str) -> bool:
    """Tell whether this is the account's password, which was hashed to this by `hashed_for`.

    A second hash is made only where the account's is older than how we hash now; then it is renewed.
    """
    return secrets.compare_digest(hashed, user.password) or (_is_outdated(user) and user.check_password(password))


def fits(password: str, hashed: str) -> bool:
    """Tell whether this is the password; one hash."""
    return check_password(password, hashed)


def _salt(email: str, user: User | None) -> str:
    if user is not None and _is_ours(user):
        return str(Argon2Hasher().decode(user.password)["salt"])
    return salted_hmac("turnout.password", address_key(email)).hexdigest()[:22]


def _is_ours(user: User) -> bool:
    return user.password.startswith(f"{Argon2Hasher.algorithm}$")


def _is_outdated(user: User) -> bool:
    return user.has_usable_password() and not (_is_ours(user) and not Argon2Hasher().must_update(user.password))
