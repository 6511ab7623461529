"""PDF by typst. Data go in as files that are in memory only, never as source."""

import functools
import json
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

import typst
from django.conf import settings

Standard = Literal["a-2b", "a-3b"]

FONTS = Path(__file__).parent / "fonts"
ROOT = Path(__file__).parent.parent  # what typst files may import
DATA = "data.json"
_NOTHING = Path(__file__).parent / "nothing.typ"
_REMEMBERED = 11  # typst keeps what any of its last ten compilations made
_KEPT = 16  # pictures, in each process
_NO_GLYPH = "could not be displayed with"


class GlyphError(Exception):
    """No font has a glyph for some of the text, and the standard asked for allows none to be missing."""


def typeset(
    source: Path, data: Mapping[str, object], *, standard: Standard | None = None, at: datetime | None = None
) -> bytes:
    """Return the PDF that the typst file makes of the data, which it reads from `/data.json`, as `files` tells.

    `standard` is the part of PDF/A that it shall keep to: GlyphError where the text does not allow that. `at` is when
    it was made, if not now. Other threads go on meanwhile, and those that make other kinds of documents do not wait.
    """
    compiler, lock = _compiler(source)
    main = f'#include "/{source.relative_to(ROOT).as_posix()}"'
    # Not as `sys.inputs`: they are part of typst's library, and what it remembers of one library is no use to the next.
    given = {"main": main.encode(), **files(data)}
    made = None if at is None else int(at.timestamp())
    try:
        with lock:
            pdf = compiler.compile(
                given,  # type: ignore[type-var]  # the stubs forget the dict
                format="pdf",
                pdf_standards=standard or [],
                timestamp=made,
            )
    except typst.TypstError as error:
        if _NO_GLYPH in error.message:
            raise GlyphError from error
        raise
    return cast("bytes", pdf)  # with one input and no output file it is nothing else


def files(data: Mapping[str, object]) -> dict[str, bytes]:
    """Return the data as the files that a template reads: JSON in DATA, and beside it each `bytes` among the values.

    Where these were stands the path of a file with their numbers, which typst reads once for many documents: 18 ms a
    100 kB. (It takes files from memory as text only.)
    """
    beside: dict[str, bytes] = {}

    def keep(content: object) -> str:
        if not isinstance(content, bytes):
            raise TypeError(f"Neither JSON nor bytes: {type(content)}")
        name = f"data-{len(beside)}.json"
        beside[name] = _numbers(content)
        return f"/{name}"

    values = json.dumps(data, ensure_ascii=False, default=keep)
    return {DATA: values.encode(), **beside}


def forget() -> None:
    """Give back the memory that a long document took, and that typst would keep for the next ones like it."""
    for number in range(_REMEMBERED):
        typeset(_NOTHING, {"number": number})


@functools.lru_cache(_KEPT)
def _numbers(content: bytes) -> bytes:
    return json.dumps(list(content), separators=(",", ":")).encode()


@functools.lru_cache
def _compiler(_source: Path) -> tuple[typst.Compiler, threading.Lock]:
    # Kept, because reading the fonts takes a hundred times as long as a page. A compiler serves one caller at a time.
    return typst.Compiler(root=str(ROOT), font_paths=_fonts()), threading.Lock()


@functools.lru_cache
def _fonts() -> typst.Fonts:
    # The host's own fonts would make the same document look different elsewhere.
    return typst.Fonts(include_system_fonts=False, font_paths=[str(FONTS), str(settings.FONTS_DIR)])
