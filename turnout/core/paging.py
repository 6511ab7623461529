"""Pages by key: page a thousand costs what page one costs, and nothing is skipped when rows come and go."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db.models import Model, Q, QuerySet

from turnout.core.errors import Fault, InvalidError

M = TypeVar("M", bound=Model)

_FORWARD, _BACKWARD = "n", "p"
_SALT = "turnout.cursor"


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows, and the cursors of the pages beside them; None where there are none."""

    rows: list[M]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: behind this row, seen in this direction."""

    direction: str
    rank: int
    key: list[Any] | None  # None is before the first row


def count(queryset: QuerySet[Any]) -> int:
    """Return how many rows there are on all pages."""
    return sum(queryset.filter(rank).count() for rank in _ranks(queryset))


def page(queryset: QuerySet[M], cursor: str | None, size: int) -> Page[M]:
    """Return up to `size` rows, from where the cursor of another page points.

    The queryset's own ordering is the key: fields that are never null, its own or those of a row it names (which it
    loads, `select_related`), and behind them the unique `id`. Where it
    carries `ranks` (conditions that exclude each other, the best first), rows of a better rank stand before all of a
    worse one. Each rank is a statement of its own, so that an index on the ordering serves it; one that a full page
    does not need is never asked.

    InvalidError at `/cursor` for one that we did not write ourselves, for this order.
    """
    ordering = _total([str(name) for name in queryset.query.order_by or queryset.model._meta.ordering or ()])
    ranks = _ranks(queryset)
    place = _read(cursor, queryset.model, ordering, len(ranks)) if cursor else _Place(_FORWARD, 0, None)
    shown, more = _walk(queryset, ordering, ranks, place, size)
    if place.direction == _BACKWARD:
        shown.reverse()
        following, preceding = True, more
    else:
        following, preceding = more, cursor is not None
    return Page(
        rows=[row for _, row in shown],
        next=_write(_FORWARD, *shown[-1], ordering) if shown and following else None,
        previous=_write(_BACKWARD, *shown[0], ordering) if shown and preceding else None,
    )


def _ranks(queryset: QuerySet[Any]) -> tuple[Q, ...]:
    return getattr(queryset, "ranks", ()) or (Q(),)


def _walk(
    queryset: QuerySet[M], ordering: list[str], ranks: tuple[Q, ...], place: _Place, size: int
) -> tuple[list[tuple[int, M]], bool]:
    """Return up to `size` rows behind the place, in its direction, each with its rank; and whether there are more."""
    backward = place.direction == _BACKWARD
    walked = [_reverse(name) for name in ordering] if backward else ordering
    ordered = queryset.order_by(*walked)
    if len(ranks) == 1:
        read = list(ordered.filter(_after(walked, place.key))[: size + 1])
        return [(0, row) for row in read[:size]], len(read) > size
    found: list[tuple[int, Any]] = []
    for rank in range(place.rank, -1, -1) if backward else range(place.rank, len(ranks)):
        behind = _after(walked, place.key if rank == place.rank else None)
        keys = ordered.filter(ranks[rank], behind).values_list("pk", flat=True)[: size + 1 - len(found)]
        found += [(rank, key) for key in keys]
        if len(found) > size:
            break
    # All at once, so that what is loaded beside each row is asked for once and not once a rank.
    rows = queryset.in_bulk([key for _, key in found[:size]])
    return [(rank, rows[key]) for rank, key in found[:size] if key in rows], len(found) > size


def _write(direction: str, rank: int, row: Model, ordering: list[str]) -> str:
    values = [direction, rank, ordering, *(_text(row, name.lstrip("-")) for name in ordering)]
    # Signed, so that nobody can put into a query what no row ever held.
    return signing.dumps(values, salt=_SALT)


def _text(row: Model, name: str) -> str:
    """Return the value of a field, or of a field of a row it names."""
    *path, last = name.split("__")
    for step in path:
        row = getattr(row, step)
    field: Any = row._meta.get_field(last)
    text: str = field.value_to_string(row)
    return text


def _field(model: type[Model], name: str) -> Any:
    *path, last = name.split("__")
    for step in path:
        model = model._meta.get_field(step).related_model  # type: ignore[assignment]  # a foreign key's
    return model._meta.get_field(last)


def _read(cursor: str, model: type[Model], ordering: list[str], ranks: int) -> _Place:
    try:
        direction, rank, order, *texts = signing.loads(cursor, salt=_SALT)
    except (signing.BadSignature, ValueError):
        direction, rank, order, texts = "", 0, None, []
    if order != ordering or rank >= ranks:
        raise InvalidError.at(Fault("/cursor", "invalid", "Use the address in `next` or `previous` as it is."))
    fields = [_field(model, name.lstrip("-")) for name in ordering]
    return _Place(direction, rank, [field.to_python(text) for field, text in zip(fields, texts, strict=True)])


def _after(ordering: list[str], key: list[Any] | None) -> Q:
    """Return the condition for rows behind the key, in a form that an index on the ordering serves."""
    if key is None:
        return Q()
    name, value = ordering[0].lstrip("-"), key[0]
    side = "lt" if ordering[0].startswith("-") else "gt"
    beyond = Q(**{f"{name}__{side}": value})
    if len(ordering) == 1:
        return beyond
    return Q(**{f"{name}__{side}e": value}) & (beyond | _after(ordering[1:], key[1:]))


def _total(ordering: list[str]) -> list[str]:
    """Return the ordering with the unique id behind it, so that no two rows are equal in it."""
    if ordering[-1].lstrip("-") == "id":
        return ordering
    return [*ordering, "-id" if ordering[0].startswith("-") else "id"]


def _reverse(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"
