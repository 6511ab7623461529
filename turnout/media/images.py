"""Pictures that people send: decoded, and written anew as PNG with nothing but their pixels."""

import io
import warnings
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from turnout.core.errors import TooLargeError, UnsupportedTypeError

LARGEST: Final = 2 * 1024 * 1024  # bytes
SIDE: Final = 1200  # pixels of the longer side that are kept: 10 cm in print
MOST_KEPT: Final = 256 * 1024  # bytes: every paper that shows it carries it, and takes as long as it is large
_SMALLER = 0.8  # a step
_MOST_PIXELS = 25_000_000  # as the file says itself: 100 MB of memory
_FORMATS = ("PNG", "JPEG", "WEBP")  # no SVG, which is a program


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as it is kept."""

    png: bytes
    width: int
    height: int


def redraw(content: bytes) -> Drawn:
    """Return a PNG, JPEG or WebP as a PNG of at most 1,200 pixels, upright, without what the camera wrote into it.

    Of a photograph, or of noise, as many fewer pixels as let it take 256 kB.

    TooLargeError for more than 2 MB or 25 megapixels; UnsupportedTypeError for what is no such picture.
    """
    if len(content) > LARGEST:
        message = _("A picture has at most %d MB.") % (LARGEST // 1024**2)
        raise TooLargeError(message)
    picture = _opened(content)
    if picture.width * picture.height > _MOST_PIXELS:
        raise TooLargeError(_("This picture has too many pixels. Make it smaller."))
    try:
        return _drawn(ImageOps.exif_transpose(picture))
    except Exception as error:  # the library raises whatever a broken picture makes it stumble over
        raise UnsupportedTypeError(_("Send a picture: PNG, JPEG or WebP.")) from error


def _opened(content: bytes) -> Image.Image:
    """Return a picture of which no more was read than what it is, and how large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            return Image.open(io.BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise TooLargeError(_("This picture has too many pixels. Make it smaller.")) from error
    except Exception as error:
        raise UnsupportedTypeError(_("Send a picture: PNG, JPEG or WebP.")) from error


def _drawn(picture: Image.Image) -> Drawn:
    plain, side = picture.convert("RGBA" if picture.has_transparency_data else "RGB"), SIDE
    plain.thumbnail((side, side))
    while len(png := _png(plain)) > MOST_KEPT:
        side = int(side * _SMALLER)
        plain.thumbnail((side, side))
    return Drawn(png, *plain.size)


def _png(picture: Image.Image) -> bytes:
    bare = Image.new(picture.mode, picture.size)  # its pixels, and nothing else that it carried
    bare.paste(picture)
    out = io.BytesIO()
    bare.save(out, "PNG", optimize=True)
    return out.getvalue()
