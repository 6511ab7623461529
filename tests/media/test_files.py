"""What a file is, whatever it says of itself, and what it may be called."""

from pathlib import Path

import pytest
from django.core.files.storage import storages

from tests.support.files import DOCX, JPEG, ODT, PDF, PNG, TEXT, WEBP, archive
from turnout.core.errors import TooLargeError, UnsupportedTypeError
from turnout.media import vault
from turnout.media.files import LARGEST, check_size, kind_of, safe_name
from turnout.media.vault import PRIVATE

MACRO = archive(
    {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>", "word/vbaProject.bin": b"Sub"}
)
TEMPLATE = archive({"mimetype": b"application/vnd.oasis.opendocument.text-template", "content.xml": b"<document/>"})


@pytest.mark.parametrize(
    ("content", "ending"),
    [(PDF, ".pdf"), (PNG, ".png"), (JPEG, ".jpg"), (WEBP, ".webp"), (DOCX, ".docx"), (ODT, ".odt"), (TEXT, ".txt")],
)
def test_a_file_is_what_its_content_says(content: bytes, ending: str) -> None:
    assert kind_of(content).endings[0] == ending


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + b"\0" * 20,
        b"MZ\x90\0" + b"\0" * 20,
        b"\x7fELF" + b"\0" * 20,
        b"caf\xe9",
        b"text and \0",
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\0" * 40 + b"PK\x05\x06" + b"\xff" * 18,
        DOCX[:-10],
        DOCX[:40] + b"\xff" * 40 + DOCX[80:200],
        archive({"a.txt": b"a"}),
        archive({"[Content_Types].xml": b"", "xl/workbook.xml": b""}),
        archive({f"{number}" * 100: b"" for number in range(3000)} | {"word/document.xml": b""}),
        MACRO,
        TEMPLATE,
        b"RIFF\x10\0\0\0WAVEfmt ",
    ],
)
def test_what_we_do_not_take_is_refused(content: bytes) -> None:
    with pytest.raises(UnsupportedTypeError):
        kind_of(content)


def test_what_is_too_large_is_refused() -> None:
    check_size(LARGEST)
    with pytest.raises(TooLargeError):
        check_size(LARGEST + 1)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("passport.pdf", "passport.pdf"),
        ("Passport.PDF", "Passport.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\amina\\cv.pdf", "cv.pdf"),
        ("cv.html", "cv.html.pdf"),
        ("cv\u202efdp.exe", "cvfdp.exe.pdf"),
        ("a\r\nSet-Cookie: b.pdf", "aSet-Cookie b.pdf"),
        ("جواز سفر.pdf", "جواز سفر.pdf"),
        ("...", "file.pdf"),
        ("", "file.pdf"),
        (".pdf", "file.pdf"),
        ("x" * 300 + ".pdf", "x" * 100 + ".pdf"),
        ('<b>"hi"|?*.pdf', "bhi.pdf"),
    ],
)
def test_a_name_is_a_name_and_ends_as_its_content_does(name: str, safe: str) -> None:
    assert safe_name(name, kind_of(PDF)) == safe


def test_files_lie_where_nobody_else_reads() -> None:
    vault.put("tests/two", PDF, vault.new_key())
    storage = storages[PRIVATE]
    path = Path(storage.path("tests/two"))
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    vault.drop("tests/two")
