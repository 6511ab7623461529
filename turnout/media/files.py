"""What a file is, told by its content alone, and what it may be called."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from turnout.core.errors import TooLargeError, UnsupportedTypeError

LARGEST = 10 * 1024 * 1024
_LONGEST_NAME = 100
_LARGEST_CONTENTS = 256 * 1024  # of an archive: the list of what is in it
# Control characters, what turns the direction of text, half surrogate pairs, and what file systems take for more.
_ODD = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff<>:"|?*]')
_TEXT_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of file that we take."""

    endings: tuple[str, ...]  # the first is given to files that have none of them
    fits: Callable[[bytes], bool]


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(beginnings)


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _is_docx(content: bytes) -> bool:
    names = _names(content)
    return {"[Content_Types].xml", "word/document.xml"} <= names and not any("vbaProject" in name for name in names)


_ODT = b"application/vnd.oasis.opendocument.text"


def _is_odt(content: bytes) -> bool:
    # ODF 1.3, part 2, section 3.3: the type stands uncompressed in the first entry, so that it can be read like this.
    first = content[30:38] == b"mimetype" and content[38 : 38 + len(_ODT)] == _ODT
    return first and int.from_bytes(content[22:26], "little") == len(_ODT) and "content.xml" in _names(content)


def _names(content: bytes) -> set[str]:
    """Return what is in an archive; nothing where it is none, or its list is longer than any document's."""
    if not content.startswith(b"PK\x03\x04"):
        return set()
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or int.from_bytes(content[end + 12 : end + 16], "little") > _LARGEST_CONTENTS:
        return set()
    try:
        return set(zipfile.ZipFile(io.BytesIO(content)).namelist())
    except Exception:  # noqa: BLE001  # the library raises whatever a broken archive makes it stumble over
        return set()


def _is_text(content: bytes) -> bool:
    if _TEXT_CONTROL.search(content):
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


KINDS = (
    Kind((".pdf",), _begins(b"%PDF-")),
    Kind((".png",), _begins(b"\x89PNG\r\n\x1a\n")),
    Kind((".jpg", ".jpeg"), _begins(b"\xff\xd8\xff")),
    Kind((".webp",), _is_webp),
    Kind((".docx",), _is_docx),
    Kind((".odt",), _is_odt),
    Kind((".txt", ".md"), _is_text),  # last: nearly anything short could be text
)


def check_size(size: int) -> None:
    """TooLargeError for more than we take."""
    if size > LARGEST:
        message = _("A file has at most %d MB.") % (LARGEST // 1024**2)
        raise TooLargeError(message)


def kind_of(content: bytes) -> Kind:
    """Return what a file is, whatever its name and its sender say; UnsupportedTypeError for what we do not take."""
    found = next((kind for kind in KINDS if kind.fits(content)), None)
    if found is None or not content:
        raise UnsupportedTypeError(_("Send a PDF, a picture (PNG, JPEG, WebP), plain text, or a document (docx, odt)."))
    return found


def safe_name(name: str, kind: Kind) -> str:
    """Return a name under which anybody can save such a file: no path, nothing unseen, and the ending of what it is."""
    bare = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    clean = " ".join(_ODD.sub("", bare).split()).rstrip(". ")
    ending = next((each for each in kind.endings if clean.lower().endswith(each)), "")
    stem = clean[: len(clean) - len(ending)].strip(". ")[:_LONGEST_NAME].rstrip(". ")
    return (stem or "file") + (ending or kind.endings[0])
