"""ZIP archives that are sent while they are made: one file of them is in memory at a time."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from turnout.core.clock import now


class _Pipe(io.RawIOBase):
    """Keeps what was written until it is taken. Nobody goes back in it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Say so."""
        return True

    def write(self, data: Any, /) -> int:
        """Keep it."""
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since this was asked last."""
        whole, self._pieces = b"".join(self._pieces), []
        return whole


def zipped(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield an archive of these files, each with its name, in pieces. Where one can't be got it has no end."""
    pipe, moment = _Pipe(), now().timetuple()[:6]
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, content in files:
            # Deflated, though most are packed already: of others, readers that go from front to back find no end.
            archive.writestr(zipfile.ZipInfo(name, moment), content, zipfile.ZIP_DEFLATED, compresslevel=1)
            yield pipe.taken()
    yield pipe.taken()
