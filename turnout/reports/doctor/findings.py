"""What the doctor says, and how a check is kept from harm: whatever goes wrong in one is itself said."""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from threading import Thread
from typing import NamedTuple, TypeVar

R = TypeVar("R")


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # works, and will bite one day
    ERROR = "error"  # loses something, or does not work
    UNKNOWN = "unknown"  # could not be found out


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one thing, and what to do about it."""

    check: str
    level: Level
    says: str
    advice: str = ""


class Remark(NamedTuple):
    """A finding whose check need not be named."""

    level: Level
    says: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at. To call it never raises."""

    name: str
    look: Callable[[], Iterator[Remark]]

    def __call__(self) -> list[Finding]:
        """Return what is found, up to where it could not be found out."""
        found = []
        try:
            for remark in self.look():
                found.append(Finding(self.name, *remark))  # noqa: PERF401  # what came before a fault is kept
        except Exception as error:  # noqa: BLE001  # whatever is wrong is what we are asked for
            found.append(Finding(self.name, Level.UNKNOWN, f"This could not be found out: {in_words(error)}"))
        return found


def check(name: str) -> Callable[[Callable[[], Iterator[Remark]]], Check]:
    """Make a check of a function that yields remarks."""
    return functools.partial(Check, name)


ok = functools.partial(Remark, Level.OK)
warning = functools.partial(Remark, Level.WARNING)
error = functools.partial(Remark, Level.ERROR)
unknown = functools.partial(Remark, Level.UNKNOWN)


def in_words(fault: BaseException) -> str:
    """Return what a fault is called and says, on one line."""
    return " ".join(f"{type(fault).__name__}: {fault}".split())[:500].rstrip(": .")


def begin(work: Callable[[], R]) -> Future[R]:
    """Begin work in a thread of its own, which whoever asks may leave behind: it must not use the database."""
    outcome: Future[R] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as fault:  # noqa: BLE001  # raised where the result is asked for
            outcome.set_exception(fault)

    Thread(target=run, name="doctor", daemon=True).start()
    return outcome
