"""Where files lie: sealed, each under a key of its own. Who loses the key has lost the file."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from cryptography.fernet import Fernet, InvalidToken
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext as _

from turnout.core.errors import UnavailableError

log = structlog.get_logger()

PRIVATE = "private"  # in STORAGES


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
    """Tell whether files can be reached at all, by asking for one that nobody ever put there."""
    try:
        with _store() as store:
            store.exists("nothing")
    except UnavailableError:
        return False
    return True


@contextmanager
def _store() -> Iterator[Storage]:
    """Yield where files lie; UnavailableError for whatever is wrong with it but that a file is there, or is not."""
    store = storages[PRIVATE]
    try:
        yield store
    except (FileExistsError, FileNotFoundError):
        raise
    except Exception as error:  # each storage has errors of its own
        log.error("files_away", error=f"{type(error).__name__}: {error}")  # noqa: TRY400  # its way there is the library's
        raise UnavailableError(_("Files can't be reached now. Try again in a moment."), "files_away") from error
