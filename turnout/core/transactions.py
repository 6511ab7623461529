"""One transaction an action, repeated when the database chose to end it."""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction

from turnout.core.errors import NotFoundError

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 4  # the first, and three more

_POSTGRES_STATES = {"40001", "40P01"}  # serialization_failure, deadlock_detected
_MYSQL_ERRORS = {1020, 1205, 1213}  # record changed, lock wait timeout, deadlock
# foreign_key_violation; a row that is pointed at, a row that points nowhere; SQLite names no more than the rule
_BROKEN_LINKS: dict[str, set[object]] = {
    "postgresql": {"23503"},
    "mysql": {1451, 1452},
    "sqlite": {"FOREIGN KEY constraint failed"},
}


class RaceLostError(Exception):
    """What this transaction read is no longer so: roll back and begin again."""


def transactional(action: Callable[P, R]) -> Callable[P, R]:
    """Run the action in one transaction, at most four times.

    It is run again when the database ended it (deadlock, serialization, lock timeout, SQLite's lock) or when the action
    itself saw that it lost a race (`RaceLostError`), or when what it names was deleted meanwhile, or named what it
    deletes; NotFoundError where that is still so at the last attempt. Inside another transaction it joins that one, and
    what ends it ends the outer one too: only the outermost repeats.
    """

    @functools.wraps(action)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if within_transaction():
            return action(*args, **kwargs)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with transaction.atomic():
                    return action(*args, **kwargs)
            except (RaceLostError, OperationalError, IntegrityError) as error:
                if attempt == ATTEMPTS and _breaks_a_link(error):
                    raise NotFoundError from error
                if attempt == ATTEMPTS or not _worth_repeating(error):
                    raise
                # Full jitter: those who collided must not collide again.
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311  # not a secret
        raise AssertionError  # pragma: no cover  # the loop returns or raises

    return run


def within_transaction() -> bool:
    """Tell whether an action is under way that what we do now belongs to."""
    return connection.in_atomic_block and not _is_test_wrapper()


def violates(error: IntegrityError, *names: str) -> bool:
    """Tell whether the error comes from one of the named constraints.

    PostgreSQL and MariaDB name the constraint; SQLite names the columns instead, so give both.
    """
    return any(name in str(error) for name in names)


def _is_test_wrapper() -> bool:
    """Tell whether the only transaction around is the one a test case rolls back at its end."""
    return len(connection.atomic_blocks) == 1 and getattr(connection.atomic_blocks[0], "_from_testcase", False)


def _worth_repeating(error: Exception) -> bool:
    if isinstance(error, RaceLostError) or _breaks_a_link(error):
        return True
    cause = error.__cause__
    if connection.vendor == "postgresql":
        return getattr(cause, "sqlstate", None) in _POSTGRES_STATES
    if connection.vendor == "mysql":
        return bool(error.args) and error.args[0] in _MYSQL_ERRORS
    return "locked" in str(error)


def _breaks_a_link(error: Exception) -> bool:
    """Tell whether a row would point at nothing."""
    if not isinstance(error, IntegrityError):
        return False
    said: set[object] = {getattr(error.__cause__, "sqlstate", None), *error.args[:1]}
    return not said.isdisjoint(_BROKEN_LINKS[connection.vendor])
