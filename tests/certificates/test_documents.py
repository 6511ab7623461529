"""The document: whatever somebody is called stands on it as written, it is the same each time, and it keeps."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdf
import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from tests.support import make
from tests.support.files import LOGO
from turnout.certificates.actions import issue_by_hand
from turnout.certificates.actions.designs import add_picture, add_template, set_design
from turnout.certificates.actions.issuing import Named
from turnout.certificates.documents import confined, document_of, keeping, paper, pictures, proof
from turnout.certificates.documents.making import Paper
from turnout.certificates.documents.sample import SAMPLE
from turnout.certificates.models import Role, Template, Version
from turnout.certificates.snapshots import Part, Snapshot
from turnout.core import pdf
from turnout.core.clock import now
from turnout.core.errors import GoneError, InvalidError
from turnout.media import vault

pytestmark = pytest.mark.django_db
ADDRESS = "https://turnout.example.org/certificates/3f6c0d9a-8f2b-4b6e-9c57-1d2e3f4a5b6c/"
AT = datetime(2026, 3, 14, 23, 30, tzinfo=UTC)  # the 15th in Algiers
SIXTY = "Maximiliana Wilhelmina Konstantinopolska-Featherstonehaugh I"
TEMPLATES = ["classic", "modern", "minimal"]
OWN = '#import "certificate.typ": *\n#show: certificate\n= #says.title\n#own(says.name, size: 30pt)\n#code(20mm)'


@pytest.fixture(params=["bare", "extra"])
def fonts(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Iterator[str]:
    """Let documents be set with our own fonts, and with one more that an administrator added."""
    settings.FONTS_DIR = Path("tests/data/fonts") if request.param == "extra" else tmp_path
    for cached in (pdf._fonts, pdf._compiler):
        cached.cache_clear()
    yield request.param
    for cached in (pdf._fonts, pdf._compiler):
        cached.cache_clear()


def looking(says: Snapshot = SAMPLE, **looks: Any) -> Snapshot:
    return replace(says, looks=replace(says.looks, **looks))


def made(says: Snapshot = SAMPLE, **known: Any) -> Paper:
    fields: dict[str, Any] = {"address": ADDRESS, "issued_at": AT} | known
    return paper(says, **fields)


def text_of(content: bytes) -> str:
    """Return what stands on its pages, with single spaces, and none where only a line ends."""
    with pypdfium2.PdfDocument(content) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return " ".join(" ".join(texts).replace("\u200b", "").split())


def copied(content: bytes) -> str:
    """Return all that stands on the first page as who copies it gets it, but for ends of lines."""
    with pypdfium2.PdfDocument(content) as document:
        text: str = document[0].get_textpage().get_text_range()
    return text.replace("\r\n", "")


def fonts_of(content: bytes) -> dict[str, bool]:
    """Return the names of the fonts of a document, and whether they are in it."""
    found = {}
    for page in pypdf.PdfReader(io.BytesIO(content)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            descendant = font.get_object()["/DescendantFonts"][0].get_object()
            descriptor = descendant["/FontDescriptor"].get_object()
            found[str(descendant["/BaseFont"])[8:]] = "/FontFile2" in descriptor or "/FontFile3" in descriptor
    return found


def drawn(content: bytes, scale: float = 2) -> Image.Image:
    with pypdfium2.PdfDocument(content) as document:
        image: Image.Image = document[0].render(scale=scale).to_pil()
        return image


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
@pytest.mark.parametrize("size", ["a4", "letter"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_in_every_size_is_one_page_whose_code_leads_to_the_verification(
    template: str, size: str, orientation: str
) -> None:
    one = made(looking(template=template, paper=size, orientation=orientation))
    with pypdfium2.PdfDocument(one.pdf) as document:
        width, height = document.get_page_size(0)
        assert len(document) == 1
    expected = {"a4": (595, 842), "letter": (612, 792)}[size]
    assert (round(width), round(height)) == (expected if orientation == "portrait" else expected[::-1])
    assert [code.text for code in zxingcpp.read_barcodes(drawn(one.pdf))] == [ADDRESS]
    text = text_of(one.pdf)
    for said in (
        SAMPLE.name,
        SAMPLE.text,
        SAMPLE.issuer,
        SAMPLE.location,
        "12 March 2026",
        "5.5 hours",
        "15 March 2026",
    ):
        assert said in text
    assert ADDRESS in text.replace(" ", "")
    assert (one.standard, one.note) == ("PDF/A-2b", "")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize(
    "name",
    [
        SIXTY,
        "محمد الأمين بن عبد القادر",
        "Amina أمينة Haddad",
        '#read("/etc/passwd")',
        r"\input{x} $x^2$ *b* _i_ <l> @r",
        "#panic()",
        "W" * 200,
    ],
)
def test_a_name_stands_there_as_written(name: str, template: str) -> None:
    one = made(looking(replace(SAMPLE, name=name), template=template))
    text = text_of(one.pdf)
    for word in name.split():
        # Latin as it is; of joined letters the forms may stand for them, and a text runs either way.
        assert (
            word in text.replace("-\u00ad", "-").replace("- ", "-")
            or not word.isascii()
            or word in text.replace(" ", "")
        )
    assert "root:" not in text
    assert one.standard == "PDF/A-2b"
    assert all(fonts_of(one.pdf).values())


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_long_name_stays_within_the_margins(template: str) -> None:
    for name in (SIXTY, "W" * 200, "كلمة " * 39 + "كلمة"):
        with pypdfium2.PdfDocument(made(looking(replace(SAMPLE, name=name), template=template)).pdf) as document:
            page = document[0]
            width, height = page.get_size()
            for item in page.get_objects():
                left, bottom, right, top = item.get_bounds()
                assert left >= -2
                assert right <= width + 2
                assert bottom >= -2
                assert top <= height + 2


def test_a_chinese_name_is_set_with_an_extra_font_and_missed_visibly_without(fonts: str) -> None:
    one = made(replace(SAMPLE, name="欧阳修"))
    if fonts == "extra":
        assert (one.standard, one.note) == ("PDF/A-2b", "")
        assert "欧阳修" in text_of(one.pdf)
        assert any("NotoSansCJK" in font for font in fonts_of(one.pdf))
    else:
        assert one.standard == "PDF 1.7"
        assert "FONTS_DIR" in one.note
        assert drawn(one.pdf).tobytes() != drawn(made(replace(SAMPLE, name="   ")).pdf).tobytes()  # boxes


def test_an_arabic_paper_is_mirrored_in_its_own_words_and_numbers() -> None:
    says = looking(replace(SAMPLE, language="ar", name="أمينة حداد", event="ورشة"), template="modern")
    picture = drawn(made(says).pdf)
    blue = (31, 78, 121)
    assert picture.getpixel((picture.width - 20, 20)) == blue
    assert picture.getpixel((20, 20)) == (255, 255, 255)
    assert drawn(made(looking(template="modern")).pdf).getpixel((20, 20)) == blue
    assert "مارس" in text_of(made(says).pdf)
    assert "NotoSansArabic-Regular" in "".join(fonts_of(made(says).pdf))


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert made().pdf == made().pdf
    assert made(credential="{}").pdf == made(credential="{}").pdf


def test_a_credential_is_embedded_whole_and_the_paper_keeps_to_pdfa3() -> None:
    credential = json.dumps({"name": "أمينة", "x": "y" * 5000}, ensure_ascii=False)
    one = made(credential=credential, number=2)
    reader = pypdf.PdfReader(io.BytesIO(one.pdf))
    assert dict(reader.attachments) == {"credential.json": [credential.encode()]}
    (file,) = reader.trailer["/Root"]["/AF"]  # type: ignore[index]
    attached = file.get_object()
    assert (attached["/AFRelationship"], attached["/EF"]["/F"].get_object()["/Subtype"]) == (
        "/Alternative",
        "/application/vc",
    )
    assert (one.standard, one.note) == ("PDF/A-3b", "")
    assert "Version 2" in text_of(one.pdf)
    assert "Version" not in text_of(made().pdf)


def test_the_file_tells_what_it_is_whose_and_when() -> None:
    reader = pypdf.PdfReader(io.BytesIO(made(credential="{}").pdf))
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == (f"{SAMPLE.title}: {SAMPLE.name}", SAMPLE.issuer)
    assert reader.metadata.creation_date == AT
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/OutputIntents"]
    metadata = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata


def test_many_sessions_have_a_page_of_their_own() -> None:
    parts = tuple(
        Part(title=f"Session {number} on something", starts_at=AT + timedelta(hours=number), ends_at=AT)
        for number in range(12)
    )
    one = made(replace(SAMPLE, sessions=parts))
    with pypdfium2.PdfDocument(one.pdf) as document:
        assert len(document) == 2
    assert "Session 11 on something" in text_of(one.pdf)


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_the_address_can_be_copied_off_the_paper(template: str, orientation: str) -> None:
    assert ADDRESS in copied(made(looking(template=template, orientation=orientation)).pdf)


def test_a_proof_is_marked_and_leads_nowhere() -> None:
    content = proof(replace(SAMPLE, hours=Decimal(1)))
    assert "PROOF" in text_of(content)
    assert "1 hour" in text_of(content)
    assert "https://" not in text_of(content)
    assert [code.text for code in zxingcpp.read_barcodes(drawn(content))] == ["PROOF"]


def issued() -> Version:
    event = make.event(starts_at=now() - timedelta(days=1))
    return issue_by_hand(event, Role.SPEAKER, Named(full_name="Amina Haddad"), actor="test").versions.get()


def test_a_document_is_made_once_and_kept_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = document_of(issued())
    version = Version.objects.get()
    assert vault.fetch(version.document_path, version.document_key or "") == first
    assert ADDRESS[:20] not in text_of(first)
    monkeypatch.setattr(keeping, "paper", lambda *_args, **_known: pytest.fail("It was there."))
    assert document_of(version) == first


@pytest.mark.parametrize("lost", ["file", "key"])
def test_a_lost_document_is_made_anew(lost: str) -> None:
    first = document_of(issued())
    version = Version.objects.get()
    if lost == "file":
        vault.drop(version.document_path)
    else:
        Version.objects.update(document_key=None)
    assert document_of(Version.objects.get()) == first
    again = Version.objects.get()
    assert vault.fetch(again.document_path, again.document_key or "") == first


def test_a_document_without_its_picture_is_not_kept_since_the_picture_may_come_back() -> None:
    event = make.event(starts_at=now() - timedelta(days=1))
    picture = add_picture(event, LOGO, actor="team")
    set_design(event, {"logo": picture.pk}, actor="team")
    issue_by_hand(event, Role.SPEAKER, Named(full_name="Amina Haddad"), actor="test")
    content = vault.fetch(picture.path, picture.key)
    vault.drop(picture.path)
    pictures._fetched.cache_clear()
    bare = document_of(Version.objects.get())
    assert Version.objects.get().document_key is None
    vault.put(picture.path, content, picture.key)
    whole = document_of(Version.objects.get())
    assert len(whole) > len(bare)
    assert document_of(Version.objects.get()) == whole


def test_of_two_at_once_one_keeps_it_and_both_have_it() -> None:
    version = issued()
    late = Version.objects.get()
    assert document_of(version) == document_of(late)
    assert document_of(Version.objects.get()) == vault.fetch(version.document_path, version.document_key or "")


def test_an_erased_certificate_has_no_document() -> None:
    version = issued()
    Version.objects.update(snapshot=None)
    for read in (Version.objects.get(), version):  # the second just before it was erased
        with pytest.raises(GoneError) as refused:
            document_of(read)
        assert refused.value.code == "certificate_erased"
    assert Version.objects.get().document_key is None


def test_an_own_template_sets_the_same_values() -> None:
    own = add_template("Ours", OWN, actor="staff")
    one = made(looking(template=str(own.pk)), credential="{}")
    assert (one.standard, one.note) == ("PDF/A-3b", "")
    assert SAMPLE.name in text_of(one.pdf)
    assert [code.text for code in zxingcpp.read_barcodes(drawn(one.pdf))] == [ADDRESS]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("#nothing", "unknown variable"),
        ('#read("/etc/passwd")', "file not found"),
        ('#read("../../../../../../etc/passwd")', ""),
        ('#import "@preview/cetz:0.3.4": *', "cetz"),
        ('#import "@" + "preview/cetz:0.3.4": *', "cetz"),
        ("#while true {}", ""),
        ("#let f(n) = f(n + 1)\n#f(0)", "depth"),
        ('#let x = "a" * 100000000\n#range(100).map(i => x + str(i)).join()', ""),
    ],
)
def test_a_template_that_fails_or_reaches_out_is_refused(source: str, why: str) -> None:
    with pytest.raises(InvalidError) as refused:
        add_template("Theirs", source, actor="staff")
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.code) == ("/source", "template_broken")
    assert why in fault.detail
    assert not Template.objects.exists()


def test_a_template_sees_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor can it: what it is started with is all it has."""
    monkeypatch.setenv("SECRET_KEY", "x" * 50)
    content = confined.typeset("#sys.inputs.keys().join()", {"name": "x"})
    assert text_of(content) == ""


def test_a_template_that_fails_later_gives_way_to_the_classic_one() -> None:
    source = f'{OWN}\n#assert(says.name != "Nobody")'
    own = add_template("Picky", source, actor="staff")
    one = made(looking(replace(SAMPLE, name="Nobody"), template=str(own.pk)))
    assert "Nobody" in text_of(one.pdf)
    assert one.standard == "PDF/A-2b"
    assert "classic" in one.note
