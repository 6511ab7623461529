"""Own templates: typst source that is set by a process of its own, which may do nothing else."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import structlog
from django.conf import settings

from turnout.certificates.documents import child
from turnout.core.pdf import FONTS, ROOT, GlyphError, Standard, files

log = structlog.get_logger()

PATIENCE = 30  # seconds
_SHARED = {"certificate.typ": Path(__file__).parent / "certificate.typ", "core/fitting.typ": ROOT / "core/fitting.typ"}
_PASSED_ON = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # what a Python may not start without
# Packages would be fetched from the network: by this proxy, which is none.
_NO_NETWORK = {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all")}


class BrokenError(Exception):
    """The template can't be set; the text says why, in typst's words."""


def typeset(
    source: str, data: Mapping[str, object], *, standard: Standard | None = None, at: datetime | None = None
) -> bytes:
    """Return the PDF that a template of somebody's own makes of the data; BrokenError, or `core.pdf`'s GlyphError.

    It sees a folder with itself and what all templates share. It has 20 seconds, a gigabyte, no network, and nothing of
    ours in its environment.
    """
    with tempfile.TemporaryDirectory(prefix="template-") as folder:
        for name, path in _SHARED.items():
            copy = Path(folder, name)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
        Path(folder, child.MAIN).write_text(source, encoding="utf-8")
        asked = {
            "files": {name: content.decode() for name, content in files(data).items()},
            "fonts": [str(FONTS), str(settings.FONTS_DIR)],
            "standard": standard,
            "at": None if at is None else at.timestamp(),
        }
        return _answer(folder, json.dumps(asked).encode())


def _answer(folder: str, asked: bytes) -> bytes:
    # Isolated: no folder to import from, and no secret of ours in its environment.
    command = [sys.executable, "-I", child.__file__]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _NO_NETWORK
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    try:
        done = subprocess.run(  # noqa: S603  # the words are our own
            command,
            input=asked,
            stdout=pipe,
            stderr=nowhere,
            env=environment | {"HOME": folder},
            cwd=folder,
            timeout=PATIENCE,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        log.warning("template_stopped", reason=str(error))
        raise BrokenError("It takes more memory or time than a template may.") from error
    if done.stdout.startswith(child.FAULT):
        raise BrokenError(done.stdout.removeprefix(child.FAULT).decode())
    if done.stdout == child.NO_GLYPH:
        raise GlyphError
    return done.stdout
