"""Statements that Django writes once, to run often: to write one takes it longer than the database takes to answer.

Each is compiled from an ordinary queryset or model by Django itself, once a thread and kind of database, and from then
on sent with other values; PostgreSQL keeps it, too, read and planned. What comes back is made into the same objects by
the same converters, on every database.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Model, QuerySet, UUIDField
from django.db.models.query import get_related_populators
from django.db.models.sql import InsertQuery

from turnout.core.transactions import transactional

M = TypeVar("M", bound=Model)


class Prepared(Generic[M]):
    """A query of a few values, each compared by equality: UUIDs and texts, none of them None.

    >>> of_user = Prepared(lambda user: TokenFamily.objects.filter(user=user), UUID)
    >>> families = of_user(user.pk)
    """

    def __init__(self, build: Callable[..., QuerySet[M]], *types: type[UUID | str]) -> None:
        self._build, self._types, self._here = build, types, threading.local()

    def __call__(self, *values: UUID | str) -> list[M]:
        """Return what the queryset of these values returns."""
        plan = self._plan()
        given = [_for_database(value) for value in values]
        params = tuple(given[place] if constant is _OPEN else constant for place, constant in plan.params)
        with _cursor() as cursor:
            cursor.execute(plan.sql, params)
            return [plan.read(row) for row in cursor.fetchall()]

    def first(self, *values: UUID | str) -> M | None:
        """Return the first of them; None where there is none."""
        return next(iter(self(*values)), None)

    def _plan(self) -> "_Plan[M]":
        plan: _Plan[M] | None = getattr(self._here, connection.vendor, None)
        if plan is None:
            plan = self._compile()
            setattr(self._here, connection.vendor, plan)
        return plan

    def _compile(self) -> "_Plan[M]":
        # Values that nothing else in the statement has: where they stand, those of each call will.
        marks = [uuid4() if kind is UUID else uuid4().hex for kind in self._types]
        compiler: Any = self._build(*marks).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        open_places = [_for_database(mark) for mark in marks]
        if not all(mark in params for mark in open_places):
            message = "Each value must stand in the statement as it is given: compared, not computed with."
            raise ValueError(message)
        columns = [column for column, *_ in compiler.select]
        places = compiler.klass_info["select_fields"]
        own = slice(places[0], places[-1] + 1)
        related = get_related_populators(compiler.klass_info, compiler.select, connection.alias)  # type: ignore[call-arg]  # the stubs are of Django 6
        converters = compiler.get_converters(columns).items()
        return _Plan(
            sql,
            [(open_places.index(each), _OPEN) if each in open_places else (0, each) for each in params],
            compiler.klass_info["model"],
            own,
            [column.target.attname for column in columns[own]],
            related,
            list(compiler.annotation_col_map.items()),
            [(place, each, expression) for place, (several, expression) in converters for each in several],
        )


class PreparedInsert(Generic[M]):
    """The writing of new rows of a model, one at a time: `save(force_insert=True)` for models without parents."""

    def __init__(self, model: type[M]) -> None:
        self._model, self._here = model, threading.local()

    def __call__(self, row: M) -> None:
        """Write the row; IntegrityError."""
        sql, values = self.statement(row)
        with transaction.mark_for_rollback_on_error(), _cursor() as cursor:
            cursor.execute(sql, values)
        row._state.adding, row._state.db = False, connection.alias

    def statement(self, row: M) -> tuple[str, tuple[Any, ...]]:
        """Return what writes the row."""
        fields = self._model._meta.concrete_fields
        here = connections[DEFAULT_DB_ALIAS]  # `connection` would look it up again for each column, more than once
        sql: str | None = getattr(self._here, connection.vendor, None)
        if sql is None:
            query = InsertQuery(self._model)
            query.insert_values(fields, [row])
            ((sql, _values),) = query.get_compiler(connection=connection).as_sql()
            setattr(self._here, connection.vendor, sql)
        return sql, tuple(field.get_db_prep_save(field.pre_save(row, add=True), here) for field in fields)


def write_together(*rows: Model) -> None:
    """Write these new rows, all or none; IntegrityError.

    On PostgreSQL, where no transaction is open, in one statement, which is a transaction of its own: WITH may hold
    statements that write (PostgreSQL's manual, 7.8.4). That saves beginning one, ending it, and waiting for each row.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        _write_in_turn(rows)
        return
    parts = [_insert_of(type(row)).statement(row) for row in rows]
    *before, last = [sql for sql, _values in parts]
    named = ", ".join(f"part{number} AS ({sql})" for number, sql in enumerate(before))
    with _cursor() as cursor:
        cursor.execute(f"WITH {named} {last}" if named else last, [value for _sql, own in parts for value in own])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


@transactional
def _write_in_turn(rows: Sequence[Model]) -> None:
    for row in rows:
        _insert_of(type(row))(row)


@functools.cache
def _insert_of(model: type[Model]) -> PreparedInsert[Any]:
    return PreparedInsert(model)


def _cursor() -> Any:
    """Return a cursor; of PostgreSQL one whose statements the server keeps (`turnout.config.postgresql`)."""
    return getattr(connection, "prepared_cursor", connection.cursor)()


_OPEN: Any = object()
_UUIDS: "UUIDField[UUID, UUID]" = UUIDField()


@dataclass(frozen=True, slots=True)
class _Plan(Generic[M]):
    """A statement as it is sent, and how its rows are read."""

    sql: str
    params: Sequence[tuple[int, Any]]  # a constant; or `_OPEN`, and the place of the value that stands there
    model: type[M]
    own: slice  # the columns of the model itself
    names: Sequence[str]
    related: Sequence[Any]
    annotations: Sequence[tuple[str, int]]
    converters: Sequence[tuple[int, Callable[..., Any], object]]

    def read(self, row: Sequence[Any]) -> M:
        """Return the object that a row stands for, with what was selected beside it: as `ModelIterable` does."""
        if self.converters:
            row = list(row)
            for place, converter, expression in self.converters:
                row[place] = converter(row[place], expression, connection)
        found = self.model.from_db(connection.alias, self.names, row[self.own])
        for each in self.related:
            each.populate(row, found)
        for name, place in self.annotations:
            setattr(found, name, row[place])
        return found


def _for_database(value: UUID | str) -> Any:
    if isinstance(value, UUID):
        return _UUIDS.get_db_prep_value(value, connection)
    return value
