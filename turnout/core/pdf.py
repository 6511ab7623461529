"""PDF by typst. Data go in as values, never as source."""

import functools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import typst

_FONTS = Path(__file__).parent / "fonts"
_NOTHING = Path(__file__).parent / "nothing.typ"
_REMEMBERED = 11  # typst keeps what any of its last ten compilations made


def typeset(source: Path, data: Mapping[str, object]) -> bytes:
    """Return the PDF that the typst file makes of the data, which it reads as JSON from `sys.inputs.data`.

    Other threads go on meanwhile, and those that make other kinds of documents do not wait.
    """
    compiler, lock = _compiler(source)
    with lock:
        pdf = compiler.compile(format="pdf", sys_inputs={"data": json.dumps(data, ensure_ascii=False)})
    return cast("bytes", pdf)  # with one input and no output file it is nothing else


def forget() -> None:
    """Give back the memory that a long document took, and that typst would keep for the next ones like it."""
    for number in range(_REMEMBERED):
        typeset(_NOTHING, {"number": number})


@functools.lru_cache
def _compiler(source: Path) -> tuple[typst.Compiler, threading.Lock]:
    # Kept, because reading the fonts takes a hundred times as long as a page. The host's own fonts would make the same
    # document look different elsewhere. A compiler serves one caller at a time.
    return typst.Compiler(str(source), font_paths=[str(_FONTS)], ignore_system_fonts=True), threading.Lock()
