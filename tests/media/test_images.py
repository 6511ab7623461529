"""Pictures are written anew: nothing of what was sent is kept but what can be seen."""

import io
import os
import struct
import zlib

import pytest
from PIL import Image

from turnout.core.errors import TooLargeError, UnsupportedTypeError
from turnout.media.images import LARGEST, MOST_KEPT, SIDE, redraw


def sent(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """Return the head of a PNG that says it is so large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")))
    packed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_we_take_becomes_a_png(kind: str) -> None:
    drawn = redraw(sent(Image.new("RGB", (30, 20), "navy"), kind))
    assert drawn.png.startswith(b"\x89PNG")
    assert (drawn.width, drawn.height) == (30, 20)


def test_a_large_one_is_made_smaller_and_a_small_one_stays() -> None:
    drawn = redraw(sent(Image.new("RGB", (4000, 1000)), "PNG"))
    assert (drawn.width, drawn.height) == (SIDE, 300)


def test_what_would_make_every_paper_large_and_slow_is_made_smaller_until_it_does_not() -> None:
    noise = Image.frombytes("RGB", (SIDE, 600), os.urandom(SIDE * 600 * 3))
    drawn = redraw(sent(noise, "WEBP"))
    assert len(drawn.png) <= MOST_KEPT
    assert drawn.width in (2 * drawn.height - 1, 2 * drawn.height, 2 * drawn.height + 1)


def test_a_photograph_is_turned_upright_and_says_no_more_where_it_was_taken() -> None:
    photo = Image.new("RGB", (30, 20), "navy")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"
    drawn = redraw(sent(photo, "JPEG", exif=exif, comment=b"secret"))
    assert (drawn.width, drawn.height) == (20, 30)
    assert Image.open(io.BytesIO(drawn.png)).info == {}
    assert b"home" not in drawn.png


def test_what_is_transparent_stays_so() -> None:
    drawn = redraw(sent(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), "PNG"))
    assert Image.open(io.BytesIO(drawn.png)).getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        sent(Image.new("RGB", (9, 9)), "GIF"),
        sent(Image.new("RGB", (9, 9)), "PNG")[:40],
        png_of(10, 10),
    ],
)
def test_what_is_no_such_picture_is_refused(content: bytes) -> None:
    with pytest.raises(UnsupportedTypeError):
        redraw(content)


@pytest.mark.parametrize("content", [b"x" * (LARGEST + 1), png_of(6000, 6000), png_of(60_000, 60_000)])
def test_what_would_take_too_much_memory_is_refused_before_it_is_decoded(content: bytes) -> None:
    with pytest.raises(TooLargeError):
        redraw(content)
