"""Sets a template that somebody brought, in a process that may die of it: `confined` starts it, in a folder of its own.

A template is a program: it can loop, and ask for any memory. So this process has limits, no environment and no other
work. It knows nothing of Turnout. Input: JSON, `{"files", "fonts", "standard", "at"}`. Output: a PDF, or FAULT and why.
"""

import json
import sys

import typst

MAIN = "template.typ"
FAULT, NO_GLYPH = b"fault:", b"no glyph"
_MEMORY = 2**30  # bytes
_SECONDS = 20
_LONGEST = 1000  # characters of a message


def main() -> bytes:
    """Set the template in this folder."""
    asked = json.load(sys.stdin.buffer)
    _limit()
    nothing = "packages"  # which is not there
    files = {name: content.encode() for name, content in asked["files"].items()}
    compiler = typst.Compiler(
        {"main": f'#include "{MAIN}"'.encode(), **files},  # type: ignore[type-var]  # the stubs forget the dict
        root=".",
        font_paths=typst.Fonts(include_system_fonts=False, font_paths=asked["fonts"]),
        package_path=nothing,
        package_cache_path=nothing,
    )
    try:
        pdf = compiler.compile(
            format="pdf",
            pdf_standards=asked["standard"] or [],
            timestamp=None if asked["at"] is None else int(asked["at"]),
        )
    except typst.TypstError as error:
        if "could not be displayed with" in error.message:
            return NO_GLYPH
        return FAULT + error.diagnostic[:_LONGEST].encode()
    return pdf if isinstance(pdf, bytes) else FAULT


def _limit() -> None:
    """Take no more memory and time than this from now on, where the system can be asked for that."""
    try:
        import resource  # noqa: PLC0415  # there is none on Windows
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue  # macOS knows the first by name only


if __name__ == "__main__":
    sys.stdout.buffer.write(main())
