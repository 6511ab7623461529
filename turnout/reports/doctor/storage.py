"""Where files lie: whether they can be written, how much room is left, and who else can read them."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from turnout.media.vault import PRIVATE
from turnout.reports.doctor.findings import Remark, check, error, in_words, ok, warning

_MIB = 1024**2
_LEAST, _LITTLE = 100 * _MIB, 1024 * _MIB
_OTHERS = 0o077


@check("Storage")
def files() -> Iterator[Remark]:
    """Write, read and delete a file where lie those that people sent, and certificates."""
    storage, content = storages[PRIVATE], secrets.token_bytes(32)
    try:
        path = storage.save(f"doctor-{secrets.token_hex(8)}", ContentFile(content))
        try:
            with storage.open(path) as file:
                same = file.read() == content
        finally:
            storage.delete(path)
    except Exception as fault:  # noqa: BLE001  # each storage has errors of its own
        yield error(f"Files can't be kept: {in_words(fault)}", _advice(storage))
        return
    if same:
        yield ok("A file was written, read and deleted.")
    else:
        yield error("What was read is not what was written.", _advice(storage))


@check("Disk")
def disk() -> Iterator[Remark]:
    """Look how much room is left."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    says = f"{free // _MIB} MiB are free in {settings.DATA_DIR}."
    advice = "Make room: once none is left, nobody can register."
    yield error(says, advice) if free < _LEAST else warning(says, advice) if free < _LITTLE else ok(says)


@check("Permissions")
def permissions() -> Iterator[Remark]:
    """Look whether others on this machine can read the data."""
    if os.name != "posix":
        return
    database = Path(str(settings.DATABASES["default"]["NAME"]))
    is_file = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") and database.is_file()
    readable = [path for path in [settings.DATA_DIR, *([database] if is_file else [])] if _is_open(path)]
    for path in readable:
        yield warning(
            f"Others on this machine can read {path}.",
            f"chmod {'700' if path.is_dir() else '600'} {path}",
        )
    if not readable:
        yield ok("Nobody else on this machine can read the data.")


def _advice(storage: Storage) -> str:
    place = getattr(storage, "base_location", "")
    return f"Let the user that runs Turnout write to {place}." if place else "Look at CLOUDINARY_... or S3_... ."


def _is_open(path: Path) -> bool:
    """Tell whether others may read it: they may not where the folder around is closed to them."""
    if not path.stat().st_mode & _OTHERS:
        return False
    return path.is_dir() or bool(path.parent.stat().st_mode & _OTHERS)
