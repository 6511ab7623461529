"""Bringing all that is sealed under the first secret in KEYS_SECRET, so that the others can go."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.apps import apps
from django.db.models import BinaryField, ExpressionWrapper, F, Field, Model, QuerySet, TextField, Value

from turnout.core.fields import START, EncryptedTextField
from turnout.core.models import SigningKey
from turnout.core.sealing import SealedError, Use, reseal

AnyField: TypeAlias = "Field[Any, Any]"

_BATCH = 500


@dataclass(slots=True)
class Rotated:
    """How many values of one column there were: sealed anew, under the first secret already, or opened by none."""

    column: str
    resealed: int = 0
    current: int = 0
    unreadable: int = 0


def rotate() -> Iterator[Rotated]:
    """Seal every value anew that is not yet under the first secret, a row a statement, and yield each column's count.

    The server may run meanwhile: a value that somebody else changes in between is theirs, and sealed by the first
    secret. It can be ended and run again at any time.
    """
    yield _rotate(SigningKey, SigningKey._meta.get_field("private"), Use.SIGNING_KEYS)
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield _rotate(model, field, Use.PERSONAL_DATA)


def seal_column(model: type[Model], name: str) -> None:
    """Seal what a column held before it became an EncryptedTextField: for its migration. To run it again is no harm."""
    rows = _as_they_lie(model, name, TextField())
    for key, text in _walk(rows):
        if not text.startswith(START):
            rows.filter(pk=key).update(**{name: text})


def _rotate(model: type[Model], field: AnyField, use: Use) -> Rotated:
    counted = Rotated(f"{model._meta.db_table}.{field.column}")
    plain: AnyField = TextField() if isinstance(field, EncryptedTextField) else BinaryField()
    rows = _as_they_lie(model, field.name, plain)
    for key, sealed in _walk(rows):
        try:
            anew = _resealed(use, sealed)
        except SealedError:
            counted.unreadable += 1
            continue
        if anew == sealed:
            counted.current += 1
        else:
            mine = rows.filter(pk=key, sealed=sealed)  # unless somebody else wrote it in between
            counted.resealed += mine.update(**{field.name: Value(anew, plain)})
    return counted


def _as_they_lie(model: type[Model], name: str, plain: AnyField) -> "QuerySet[Any]":
    """Return the rows with what the column holds as `sealed`: the field itself would hand out what it opened."""
    rows = model._base_manager  # noqa: SLF001  # documented, and the one manager that leaves out no row
    return rows.annotate(sealed=ExpressionWrapper(F(name), plain))


def _walk(rows: "QuerySet[Any]") -> Iterator[tuple[Any, Any]]:
    """Yield key and value of every row that has one, in batches, so that no transaction is long."""
    batch = rows.order_by("pk").values_list("pk", "sealed")
    behind = batch[:_BATCH]
    while found := list(behind):
        yield from ((key, sealed) for key, sealed in found if sealed)
        behind = batch.filter(pk__gt=found[-1][0])[:_BATCH]


def _resealed(use: Use, sealed: str | bytes) -> str | bytes:
    if isinstance(sealed, str):
        return reseal(use, sealed.encode()).decode("ascii")
    return reseal(use, bytes(sealed))
