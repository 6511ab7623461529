"""A model's own rules, said in the words of `turnout.core.errors`."""

from collections.abc import Sequence

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models

from turnout.core.errors import Fault, InvalidError


def validate(instance: models.Model, *, exclude: tuple[str, ...] = ()) -> None:
    """Check a row against fields, `clean()` and constraints; InvalidError with a fault for each breach."""
    try:
        instance.full_clean(exclude=exclude)
    except ValidationError as error:
        raise InvalidError.at(*_faults(error)) from error


def validate_many(instances: Sequence[models.Model], at: str, *, exclude: tuple[str, ...] = ()) -> None:
    """Check the rows of a list against fields and `clean()`, without asking the database about each constraint of each.

    The constraints it checks itself as it writes. InvalidError with a fault for each breach, by its place in the list.
    """
    faults = []
    for index, instance in enumerate(instances):
        try:
            instance.full_clean(exclude=exclude, validate_unique=False, validate_constraints=False)
        except ValidationError as error:
            faults += _faults(error, f"{at}/{index}")
    if faults:
        raise InvalidError.at(*faults)


def _faults(error: ValidationError, at: str = "") -> list[Fault]:
    return [
        Fault(at if field == NON_FIELD_ERRORS else f"{at}/{field}", fault.code or "invalid", " ".join(fault.messages))
        for field, faults in error.error_dict.items()
        for fault in faults
    ]
