"""Sheets that strangers made: whatever they hold, this process lives."""

import io
import time
import zipfile
from datetime import date

import pytest
from xlsxwriter import Workbook

from turnout.core.errors import DomainError
from turnout.core.sheets.reading import Row, read_sheet

COLUMNS = ("full_name", "email")
ODS = """<?xml version="1.0" encoding="UTF-8"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
<table:table table:name="A">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"""


def xlsx(*rows: tuple[object, ...]) -> bytes:
    file = io.BytesIO()
    with Workbook(file, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


def zipped(**files: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


def ods(*rows: tuple[str, ...]) -> bytes:
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    return zipped(**{"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": ODS.format(rows=cells)})


def read(data: bytes, *, most: int = 100) -> list[tuple[int, tuple[str, ...]]]:
    return [(row.number, row.cells) for row in read_sheet(data, COLUMNS, most=most)]


def code(data: bytes, *, most: int = 100) -> str:
    with pytest.raises(DomainError) as refused:
        read_sheet(data, COLUMNS, most=most)
    return refused.value.faults[0].code if refused.value.faults else refused.value.code


TEXT = "Full name;E-mail;Email\nأمل; x ;a@example.org\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.replace(";", "\t").replace("\n", "\r\n").encode(),
        TEXT.replace(";", ",").replace("\n", "\r").encode(),
        xlsx(("FULL_NAME", "other", "email"), ("أمل", 1, "a@example.org")),
        ods(("email", "full-name"), ("a@example.org", "أمل")),
    ],
    ids=["utf-8", "its mark", "utf-16", "tabs", "commas", "xlsx", "ods"],
)
def test_columns_are_found_by_name_in_any_order_and_form(data: bytes) -> None:
    assert read(data) == [(1, ("أمل", "a@example.org"))]


def test_what_windows_writes_is_read_as_it_was_meant() -> None:
    assert read("full_name;email\nZoë €;z@example.org\n".encode("cp1252")) == [(1, ("Zoë €", "z@example.org"))]


def test_a_row_keeps_its_number_below_the_head_whatever_is_empty() -> None:
    assert read(b"\n\nfull_name,email\n\nA,\n,,,\n,b@example.org\n") == [(2, ("A", "")), (4, ("", "b@example.org"))]
    book = xlsx((), ("full_name", "email"), (), ("A", "a@example.org"), ("", ""), ("B", "b@example.org"))
    assert [row[0] for row in read(book)] == [2, 4]


def test_cells_that_are_no_text_read_as_people_see_them() -> None:
    book = xlsx(("full_name", "email"), (42, 1.5), (True, date(2026, 3, 1)))
    assert read(book) == [(1, ("42", "1.5")), (2, ("True", "2026-03-01"))]


def test_what_our_own_export_shields_is_read_without_its_shield() -> None:
    assert read(b"full_name,email\n'=1+1,'a'b@example.org\n") == [(1, ("=1+1", "'a'b@example.org"))]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "missing_column"),
        (b"full_name\nA\n", "missing_column"),
        (b"full_name,email\n\n", "empty"),
        (b"full_name,email\n" + b"A,a\n" * 101, "too_many_rows"),
        (b"\x89PNG\r\n\x1a\n\0\0", "unsupported_type"),
        (b"full_name,email\nA\0,a\n", "unsupported_type"),
        (b"full_name,email\n\x81\x8d\n", "unsupported_type"),
        (b"\xff\xfe\0", "unsupported_type"),
        (b"PK\x03\x04 nonsense", "unsupported_type"),
        (b"\xd0\xcf\x11\xe0 nonsense", "unsupported_type"),
        (zipped(**{"a.txt": "a"}), "unsupported_type"),
        (b'full_name,email\n"' + b"x" * 200_000, "unsupported_type"),
    ],
)
def test_what_is_no_sheet_or_not_one_of_ours_is_said(data: bytes, said: str) -> None:
    assert code(data) == said


def book(sheet: str, strings: str = "") -> bytes:
    """Return a workbook with this content, whatever it does to its reader."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return zipped(
        **{
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{office}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}">'
            '<sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
            f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
            "xl/sharedStrings.xml": f'<sst xmlns="{main}">{strings}</sst>',
        }
    )


def inline(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


HEAD = f'<row r="1">{inline("A1", "full_name")}{inline("B1", "email")}</row>'
BOMBS = {
    "a cell in the last column of the last row": lambda: book(
        f'{HEAD}<row r="1048576">{inline("XFD1048576", "x")}</row>'
    ),
    "a long text in very many cells": lambda: book(
        HEAD + "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(2, 90_000)),
        f"<si><t>{'x' * 500_000}</t></si>",
    ),
    "very much packed into little": lambda: book(HEAD, " " * 300 * 2**20),
}


def test_such_a_workbook_by_hand_is_read_where_it_does_no_harm() -> None:
    assert read(book(f'{HEAD}<row r="2">{inline("A2", "A")}</row>')) == [(1, ("A", ""))]


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.long
def test_a_sheet_that_was_made_to_do_harm_is_too_large(name: str) -> None:
    data = BOMBS[name]()
    assert len(data) < 10 * 2**20
    began = time.monotonic()
    assert code(data) == "too_large"
    assert time.monotonic() - began < 30


def test_five_thousand_rows_are_read_quickly() -> None:
    data = xlsx(("full_name", "email"), *((f"Person {n}", f"p{n}@example.org") for n in range(5000)))
    began = time.monotonic()
    assert read_sheet(data, COLUMNS, most=5000)[-1] == Row(5000, ("Person 4999", "p4999@example.org"))
    assert time.monotonic() - began < 5
