"""A model's own rules, said in the words of `turnout.core.errors`."""

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models

from turnout.core.errors import Fault, InvalidError


def validate(instance: models.Model, *, exclude: tuple[str, ...] = ()) -> None:
    """Check a row against fields, `clean()` and constraints; InvalidError with a fault for each breach."""
    try:
        instance.full_clean(exclude=exclude)
    except ValidationError as error:
        raise InvalidError.at(*_faults(error)) from error


def _faults(error: ValidationError) -> list[Fault]:
    return [
        Fault("" if field == NON_FIELD_ERRORS else f"/{field}", fault.code or "invalid", " ".join(fault.messages))
        for field, faults in error.error_dict.items()
        for fault in faults
    ]
