"""Draw certificates for docs/certificates/: names of every kind, in the three templates.

    FONTS_DIR=... .venv/bin/python -m scripts.certificates

FONTS_DIR names a folder with NotoSansCJK-Regular.ttc and -Bold.ttc, for the Chinese name.
"""

import io
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import django
import pypdfium2
from PIL import Image, ImageDraw

TARGET = Path(__file__).resolve().parent.parent / "docs" / "certificates"
WIDTH, COLOURS = 1000, 64
ADDRESS = "https://turnout.example.org/certificates/3f6c0d9a-8f2b-4b6e-9c57-1d2e3f4a5b6c/"
NAMES = {
    "latin": "Maximiliana Wilhelmina Konstantinopolska-Featherstonehaugh I",
    "arabic": "محمد الأمين بن عبد القادر",
    "mixed": "Amina أمينة Haddad حداد",
    "chinese": "欧阳修",
    "source": r'#read("/etc/passwd") \input{x}',
}
ARABIC: dict[str, Any] = {
    "title": "شهادة مشاركة",
    "text": "شارك في",
    "event": "مقدمة في تعلم الآلة",
    "issuer": "مدرسة علوم البيانات",
    "location": "قصر الثقافة، الجزائر",
    "criteria": "تُمنح لمن حضر.",
    "language": "ar",
    "sessions": (),
}


def logo() -> Image.Image:
    """Return the logo of a school that does not exist."""
    picture = Image.new("RGBA", (360, 200))
    draw = ImageDraw.Draw(picture)
    for index, shade in enumerate(("#1f4e79", "#3d7ab0", "#9fc3e2")):
        draw.ellipse((10 + index * 95, 25, 160 + index * 95, 175), fill=shade)
    return picture


def signature() -> Image.Image:
    """Return a hand that nobody writes."""
    picture = Image.new("RGBA", (500, 160))
    points = [
        (20, 110),
        (60, 30),
        (85, 120),
        (130, 60),
        (160, 115),
        (205, 40),
        (215, 120),
        (290, 70),
        (330, 105),
        (470, 60),
    ]
    ImageDraw.Draw(picture).line(points, fill="#1a2a5e", width=6, joint="curve")
    return picture


def pixels(picture: str) -> list[int] | None:
    """Return what papers show where this picture is asked for."""
    shown = {"logo": logo, "signature": signature}.get(picture)
    if shown is None:
        return None
    out = io.BytesIO()
    shown().save(out, "PNG")
    return list(out.getvalue())


def main() -> int:
    """Draw them all; the exit status is for the shell."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "turnout.config.settings"}
        django.setup()
        draw_all()
    return 0


def draw_all() -> None:
    """Draw each name by each template, landscape on A4; the first upright, too."""
    from turnout.certificates.documents import paper, pictures  # noqa: PLC0415  # needs Django
    from turnout.certificates.documents.sample import SAMPLE  # noqa: PLC0415
    from turnout.certificates.snapshots import Looks, Signature  # noqa: PLC0415

    signed = tuple(
        Signature(name=name, position=position, picture="signature")
        for name, position in (("Dr. Karima Belkacem", "Head of programme"), ("Yacine Ould-Ali", "Scientific director"))
    )
    shapes = [(name, "landscape") for name in NAMES] + [("arabic", "portrait"), ("latin", "portrait")]
    with mock.patch.object(pictures, "_content", pixels):
        for template in ("classic", "modern", "minimal"):
            for kind, orientation in shapes:
                looks = Looks(template=template, orientation=orientation, logo="logo", signatures=signed)
                words: dict[str, Any] = ARABIC if kind == "arabic" else {}
                says = replace(SAMPLE, name=NAMES[kind], looks=looks, **words)
                made = paper(says, address=ADDRESS, number=1, issued_at=SAMPLE.ends_at, credential=None)
                print(template, kind, orientation, made.standard, made.note)
                upright = "-upright" if orientation == "portrait" else ""
                keep(made.pdf, TARGET / f"{template}-{kind}{upright}.png")


def keep(pdf: bytes, path: Path) -> None:
    """Keep a picture of a document's first page."""
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[0]
        scale = WIDTH / max(page.get_size())
        page.render(scale=scale).to_pil().convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
