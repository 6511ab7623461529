"""What can go wrong by a rule: one exception with a stable code, mapped to HTTP or a page elsewhere."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in the caller's input: where (a JSON pointer, RFC 6901), a stable code, and what to do about it."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """A rule said no. `code` is stable and for programs, `detail` is for people, `data` is for both."""

    default_code: ClassVar[str] = "error"

    def __init__(self, detail: str, code: str | None = None, *, faults: tuple[Fault, ...] = (), **data: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.faults = faults
        self.data = data


class InvalidError(DomainError):
    """What was sent is malformed or breaks a rule of form; sending it again will not help."""

    default_code = "invalid"

    @classmethod
    def at(cls, *faults: Fault) -> "InvalidError":
        """Say which parts of the input are at fault."""
        return cls(_("Some of what was sent is not valid."), faults=faults)


class UnauthenticatedError(DomainError):
    """Nobody is signed in, or what was shown as proof does not prove it."""

    default_code = "not_authenticated"


class ForbiddenError(DomainError):
    """The actor is known and may not do this."""

    default_code = "forbidden"


class NotFoundError(DomainError):
    """There is no such thing, or it is not the actor's to know about: the two are never told apart."""

    default_code = "not_found"

    def __init__(self, detail: str = "", code: str | None = None) -> None:
        super().__init__(detail or _("There is nothing here by that name."), code)


class ConflictError(DomainError):
    """The request is sound, and the state of things is against it."""

    default_code = "conflict"


class GoneError(DomainError):
    """It was there, and its time is over."""

    default_code = "gone"


class TooLargeError(DomainError):
    """What was sent is larger than what we take."""

    default_code = "too_large"


class UnsupportedTypeError(DomainError):
    """What was sent is of a type that we do not take."""

    default_code = "unsupported_type"


class ThrottledError(DomainError):
    """It was done too often; `retry_after` in the data says in how many seconds it may be done again."""

    default_code = "throttled"


class UnavailableError(DomainError):
    """Something we need for this is away."""

    default_code = "unavailable"
