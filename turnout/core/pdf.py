"""PDF by typst. Data go in as values, never as source."""

import functools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import typst

_FONTS = Path(__file__).parent / "fonts"
_lock = threading.Lock()  # a compiler serves one caller at a time


def typeset(source: Path, data: Mapping[str, object]) -> bytes:
    """Return the PDF that the typst file makes of the data, which it reads as JSON from `sys.inputs.data`."""
    with _lock:
        pdf = _compiler(source).compile(format="pdf", sys_inputs={"data": json.dumps(data, ensure_ascii=False)})
    return cast("bytes", pdf)  # with one input and no output file it is nothing else


@functools.lru_cache
def _compiler(source: Path) -> typst.Compiler:
    # Kept, because reading the fonts takes a hundred times as long as a page. The host's own fonts would make the same
    # document look different elsewhere.
    return typst.Compiler(str(source), font_paths=[str(_FONTS)], ignore_system_fonts=True)
