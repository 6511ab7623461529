"""Where files lie: sealed, each under a key of its own. Who loses the key has lost the file."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import structlog
from cryptography.fernet import Fernet, InvalidToken
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext as _

from turnout.core.errors import UnavailableError

log = structlog.get_logger()

PRIVATE: Final = "private"  # in STORAGES
_LONG: Final = 1.0  # seconds after which a fault is taken for a place that hangs
_RESTS: Final = 30.0  # seconds for which that is left alone: it would hold a thread of ours each time
_REMEMBERED: Final = 60.0  # seconds for which nobody asks whether it is still there


@dataclass(slots=True)
class _Place:
    """How this process finds where files lie, by the monotonic clock."""

    works: bool = True
    asked_at: float = float("-inf")
    rests_until: float = float("-inf")


class LostError(Exception):
    """There is no such file, or this key does not open it."""


def new_key() -> str:
    """Return a key for one file, to be kept in an encrypted column."""
    return Fernet.generate_key().decode("ascii")


def put(path: str, content: bytes, key: str) -> None:
    """Seal a file and keep it at this path; FileExistsError where one is, UnavailableError `files_away`."""
    with _store() as store:
        kept = store.save(path, ContentFile(Fernet(key.encode()).encrypt(content)))
        if kept != path:
            store.delete(kept)  # some keep it under another name
            raise FileExistsError(path)


def fetch(path: str, key: str) -> bytes:
    """Return what was put there; LostError where it is gone, or its key is; UnavailableError `files_away`."""
    try:
        with _store() as store, store.open(path) as file:
            sealed = file.read()
        return Fernet(key.encode()).decrypt(sealed)
    except (FileNotFoundError, InvalidToken, ValueError) as error:
        raise LostError from error


def drop(path: str) -> None:
    """Delete what lies there; that nothing does is no harm. UnavailableError `files_away`."""
    with _store() as store:
        store.delete(path)


def is_there() -> bool:
    """Tell whether files can be reached, as this process found a minute ago at most; what is away is asked again."""
    place = _place(storages[PRIVATE])
    if not place.works or time.monotonic() >= place.asked_at + _REMEMBERED:
        with suppress(UnavailableError), _store() as store:
            store.exists("nothing")
    return place.works


@contextmanager
def _store() -> Iterator[Storage]:
    """Yield where files lie; UnavailableError for whatever is wrong with it but that a file is there, or is not."""
    store = storages[PRIVATE]
    place, began = _place(store), time.monotonic()
    if began < place.rests_until:
        raise _away()
    place.asked_at = began
    try:
        yield store
    except (FileExistsError, FileNotFoundError):
        place.works = True
        raise
    except Exception as error:  # each storage has errors of its own
        log.error("files_away", error=f"{type(error).__name__}: {error}")  # noqa: TRY400  # its way there is the library's
        place.works = False
        if time.monotonic() - began > _LONG:
            place.rests_until = time.monotonic() + _RESTS
        raise _away() from error
    place.works = True


@lru_cache(maxsize=1)
def _place(_store: Storage) -> _Place:
    return _Place()


def _away() -> UnavailableError:
    return UnavailableError(_("Files can't be reached now. Try again in a moment."), "files_away")
