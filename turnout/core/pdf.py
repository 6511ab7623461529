"""PDF by typst. Data go in as values, never as source."""

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
_NOTHING = Path(__file__).parent / "nothing.typ"
_REMEMBERED = 11  # typst keeps what any of its last ten compilations made
_NO_GLYPH = "could not be displayed with"


class GlyphError(Exception):
    """No font has a glyph for some of the text, and the standard asked for allows none to be missing."""


def typeset(
    source: Path, data: Mapping[str, object], *, standard: Standard | None = None, at: datetime | None = None
) -> bytes:
    """Return the PDF that the typst file makes of the data, which it reads as JSON from `sys.inputs.data`.

    `standard` is the part of PDF/A that it shall keep to: GlyphError where the text does not allow that. `at` is when
    it was made, if not now. Other threads go on meanwhile, and those that make other kinds of documents do not wait.
    """
    compiler, lock = _compiler(source)
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    made = None if at is None else int(at.timestamp())
    try:
        with lock:
            pdf = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=standard or [], timestamp=made)
    except typst.TypstError as error:
        if _NO_GLYPH in error.message:
            raise GlyphError from error
        raise
    return cast("bytes", pdf)  # with one input and no output file it is nothing else


def forget() -> None:
    """Give back the memory that a long document took, and that typst would keep for the next ones like it."""
    for number in range(_REMEMBERED):
        typeset(_NOTHING, {"number": number})


@functools.lru_cache
def _compiler(source: Path) -> tuple[typst.Compiler, threading.Lock]:
    # Kept, because reading the fonts takes a hundred times as long as a page. A compiler serves one caller at a time.
    return typst.Compiler(str(source), root=str(ROOT), font_paths=_fonts()), threading.Lock()


@functools.lru_cache
def _fonts() -> typst.Fonts:
    # The host's own fonts would make the same document look different elsewhere.
    return typst.Fonts(include_system_fonts=False, font_paths=[str(FONTS), str(settings.FONTS_DIR)])
