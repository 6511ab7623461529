"""A model's own rules, said in the words of `turnout.core.errors`."""

from collections.abc import Sequence

from django.core.exceptions import NON_FIELD_ERRORS, FieldError, ValidationError
from django.db import models

from turnout.core.errors import Fault, InvalidError


def validate(instance: models.Model, *, exclude: tuple[str, ...] = ()) -> None:
    """Check a row against fields, `clean()` and constraints; InvalidError with a fault for each breach."""
    try:
        if not _is_sound(instance, exclude):
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


def _is_sound(instance: models.Model, exclude: tuple[str, ...]) -> bool:
    """Tell with one query for all constraints whether a row breaks no rule; False where that takes more.

    Django asks the database about each check alone, in a savepoint: of thirty statements that change an event these
    were twenty. What is not met it still says best.
    """
    checks = [each for each in instance._meta.constraints if isinstance(each, models.CheckConstraint)]
    if len(checks) < len(instance._meta.constraints):
        return False
    try:
        instance.full_clean(exclude=exclude, validate_constraints=False)
        values = instance._get_field_expression_map(instance._meta, exclude)  # type: ignore[attr-defined]  # noqa: SLF001
        return models.Q(*(check.condition for check in checks)).check(values)
    except (FieldError, ValidationError):  # a check is about what is excluded; or there is something to say
        return False


def _faults(error: ValidationError, at: str = "") -> list[Fault]:
    return [
        Fault(at if field == NON_FIELD_ERRORS else f"{at}/{field}", fault.code or "invalid", " ".join(fault.messages))
        for field, faults in error.error_dict.items()
        for fault in faults
    ]
