import base64
import io

import pypdfium2
import pytest
import zxingcpp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from PIL import Image

from tests.support import make
from turnout.core.models import SigningKey
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_pdf, ticket_png, ticket_svg, ticket_text

pytestmark = pytest.mark.django_db


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def mine() -> Registration:
    return make.confirmed(make.event(title="ورشة عمل: Go & <b>C++</b>"), full_name="#let x = 1")


def test_a_ticket_is_verified_with_the_public_key_alone(mine: Registration) -> None:
    text = ticket_text(mine)
    version, event, ticket, key_id, signature = text.split(".")
    assert (version, decoded(event), decoded(ticket)) == (
        "T1",
        mine.event_id.bytes,
        mine.ticket_id and mine.ticket_id.bytes,
    )
    public = Ed25519PublicKey.from_public_bytes(bytes(SigningKey.objects.get(pk=key_id).public))
    signed = text.rpartition(".")[0].encode()
    public.verify(decoded(signature), signed)
    with pytest.raises(InvalidSignature):
        public.verify(decoded(signature), signed.replace(b"T1", b"T2"))


def test_a_ticket_is_short_names_nobody_and_stays_the_same(mine: Registration) -> None:
    text = ticket_text(mine)
    assert len(text) <= 150
    assert mine.email not in text
    mine.refresh_from_db()
    assert ticket_text(mine) == text


def test_private_keys_are_stored_encrypted(mine: Registration) -> None:
    key = SigningKey.objects.get(pk=mine.ticket_key)
    assert bytes(key.private).startswith(b"gAAAA")  # a Fernet token


def test_the_png_decodes_to_the_signed_text(mine: Registration) -> None:
    found = zxingcpp.read_barcode(Image.open(io.BytesIO(ticket_png(mine))))
    assert found is not None
    assert (found.text, found.format) == (ticket_text(mine), zxingcpp.BarcodeFormat.QRCode)


def test_the_pdf_is_one_page_with_the_code_and_the_name(mine: Registration) -> None:
    document = pypdfium2.PdfDocument(ticket_pdf(mine))
    assert len(document) == 1
    found = zxingcpp.read_barcode(document[0].render(scale=3).to_pil())
    assert found is not None
    assert found.text == ticket_text(mine)
    text = document[0].get_textpage().get_text_bounded()
    assert "Go & <b>C++</b>" in text
    assert "#let x = 1" in text  # data, not source


@pytest.mark.parametrize("text", ["word " * 40, "W" * 200, "كلمة " * 40])
def test_the_pdf_is_one_page_however_long_its_texts_are(text: str) -> None:
    long = make.confirmed(make.event(title=text[:200], location=text[:200]), full_name=text[:200])
    document = pypdfium2.PdfDocument(ticket_pdf(long))
    assert len(document) == 1
    found = zxingcpp.read_barcode(document[0].render(scale=3).to_pil())
    assert found is not None
    assert found.text == ticket_text(long)


def test_the_svg_is_small_and_holds_no_script(mine: Registration) -> None:
    svg = ticket_svg(mine).decode()
    assert svg.startswith("<?xml")
    assert "<script" not in svg
    assert len(svg) < 10_000
