"""Where files lie: sealed, each under a key of its own. Who loses the key has lost the file."""

from cryptography.fernet import Fernet, InvalidToken
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

_PRIVATE = "private"  # in STORAGES


class LostError(Exception):
    """There is no such file, or this key does not open it."""


def new_key() -> str:
    """Return a key for one file, to be kept in an encrypted column."""
    return Fernet.generate_key().decode("ascii")


def put(path: str, content: bytes, key: str) -> None:
    """Seal a file and keep it at this path, where none is yet."""
    kept = _storage().save(path, ContentFile(Fernet(key.encode()).encrypt(content)))
    if kept != path:
        raise FileExistsError(path)


def fetch(path: str, key: str) -> bytes:
    """Return what was put there; LostError where it is gone, or its key is."""
    try:
        with _storage().open(path) as file:
            return Fernet(key.encode()).decrypt(file.read())
    except (FileNotFoundError, InvalidToken, ValueError) as error:
        raise LostError from error


def drop(path: str) -> None:
    """Delete what lies there; that nothing does is no harm."""
    _storage().delete(path)


def _storage() -> Storage:
    return storages[_PRIVATE]
