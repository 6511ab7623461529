"""`python -m bench.certificates` measures certificates a second on one core, from snapshot to PDF, beside WeasyPrint.

Each is another person's at another address, so another name, QR code and credential. The same content is set by
WeasyPrint from HTML, with the same fonts and pictures. The two take turns, round by round.
"""

import base64
import io
import json
import logging
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from html import escape
from time import perf_counter, process_time
from unittest import mock
from uuid import uuid4

os.environ["RAYON_NUM_THREADS"] = "1"  # of typst, read when it begins

import django
import segno
from PIL import Image, ImageDraw

ROUNDS, EACH = 9, 40
_GOAL = 100  # a second


def main() -> int:
    """Measure, print the table, and return whether the goal was reached."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "turnout.config.settings"}
        django.setup()
        logging.disable()  # WeasyPrint tells each of its steps
        return _compare()


def _compare() -> int:
    from turnout.certificates.documents import paper, pictures  # noqa: PLC0415  # needs Django
    from turnout.certificates.documents.sample import SAMPLE  # noqa: PLC0415
    from turnout.certificates.snapshots import Looks, Signature  # noqa: PLC0415

    logo, signature = _picture((600, 200)), _picture((500, 160))
    signed = tuple(Signature(name=name, position="Head of programme", picture="s") for name in ("Amina", "Yacine"))

    def turnout(template: str, credential: str | None, *, plain: bool = False) -> Callable[[int], bytes]:
        looks = Looks(template=template) if plain else Looks(template=template, logo="l", signatures=signed)

        def make(number: int) -> bytes:
            says = replace(SAMPLE, name=f"Amina Haddad {number}", looks=looks)
            own = credential and credential.replace("NUMBER", str(number))
            return paper(says, address=_address(), issued_at=SAMPLE.ends_at, credential=own).pdf

        return make

    makers: dict[str, Callable[[int], bytes]] = {"Turnout, text alone": turnout("classic", None, plain=True)}
    for template in ("classic", "modern", "minimal"):
        makers[f"Turnout, {template}"] = turnout(template, None)
        makers[f"Turnout, {template}, credential"] = turnout(template, _CREDENTIAL)
    makers["the QR code alone"] = lambda _number: _code(_address())
    makers |= _weasyprint(logo, signature)
    shown = {"l": logo, "s": signature, "": None}
    with mock.patch.object(pictures, "_content", shown.__getitem__):
        return _measure(makers)


def _measure(makers: dict[str, Callable[[int], bytes]]) -> int:
    walls: dict[str, list[float]] = {name: [] for name in makers}
    cpus: dict[str, list[float]] = {name: [] for name in makers}
    sizes = {name: len(make(0)) for name, make in makers.items()}  # and warm
    for turn in range(ROUNDS):
        for name, make in makers.items():
            count = EACH if "Turnout" in name or "QR" in name else EACH // 8
            wall, cpu = perf_counter(), process_time()
            for number in range(count):
                make(turn * EACH + number)
            walls[name].append((perf_counter() - wall) / count)
            cpus[name].append((process_time() - cpu) / count)
    _say("| what | a second | of them on this core alone | ms | CPU ms | spread | kB |")
    _say("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in makers:
        wall, cpu = statistics.median(walls[name]), statistics.median(cpus[name])
        spread = (max(cpus[name]) - min(cpus[name])) / cpu
        rates = f"{1 / wall:,.0f} | {1 / cpu:,.0f} | {wall * 1000:.1f} | {cpu * 1000:.1f}"
        _say(f"| {name} | {rates} | {spread:.0%} | {sizes[name] / 1000:.0f} |")
    return int(1 / statistics.median(cpus["Turnout, classic, credential"]) < _GOAL)


def _weasyprint(logo: bytes, signature: bytes) -> dict[str, Callable[[int], bytes]]:
    """Return the same by WeasyPrint, where its libraries are there."""
    try:
        import weasyprint  # noqa: PLC0415  # looks for pango as it is imported
        from weasyprint.text.fonts import FontConfiguration  # noqa: PLC0415
    except (ImportError, OSError) as error:
        _say(f"WeasyPrint can't be imported: {error}")
        return {}
    fonts = FontConfiguration()
    style = weasyprint.CSS(string=_STYLE, font_config=fonts)
    pictures = {name: _data(content) for name, content in (("logo", logo), ("signature", signature))}

    def make(number: int, variant: str | None = None) -> bytes:
        address = _address()
        html = _PAGE.format(
            name=escape(f"Amina Haddad {number}"), address=address, code=_data(_code(address)), **pictures
        )
        attached = []
        if variant:
            credential = _CREDENTIAL.replace("NUMBER", str(number)).encode()
            attached = [weasyprint.Attachment(string=credential, name="credential.json", relationship="Alternative")]
        document = weasyprint.HTML(string=html)
        pdf = document.write_pdf(stylesheets=[style], font_config=fonts, pdf_variant=variant, attachments=attached)
        assert pdf is not None  # noqa: S101  # without a target it is bytes
        return bytes(pdf)

    return {"WeasyPrint": make, "WeasyPrint, credential": lambda number: make(number, "pdf/a-3b")}


def _picture(size: tuple[int, int]) -> bytes:
    picture = Image.new("RGBA", size)
    ImageDraw.Draw(picture).ellipse((10, 10, size[0] // 2, size[1] - 10), fill="#1f4e79")
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _address() -> str:
    return f"https://turnout.example.org/certificates/{uuid4()}/"


def _code(address: str) -> bytes:
    out = io.BytesIO()
    segno.make_qr(address, error="m", mask=2).save(out, kind="png", scale=1, border=0)
    return out.getvalue()


def _data(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


_CREDENTIAL = json.dumps(
    {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "credentialSubject": {"name": "Amina Haddad NUMBER", "evidence": ["a session with its title and hours"] * 60},
        "proof": {"type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022", "proofValue": "z" + "3" * 87},
    }
)
_STYLE = """
@page { size: A4 landscape; margin: 12mm }
body { font-family: "Noto Serif", "Noto Naskh Arabic"; text-align: center; border: 2pt solid #1f4e79; height: 150mm }
h1 { color: #1f4e79; font-size: 30pt; font-weight: normal; margin: 3mm }
p { margin: 2mm } .name { font-size: 38pt } .event { font-size: 19pt }
.logo { height: 14mm; margin-top: 6mm } .signature { height: 15mm } .code { height: 23mm; image-rendering: pixelated }
td { width: 62mm; text-align: center } table { margin: auto } .small { font-size: 8.5pt; color: #5a5f66 }
"""
_SIGNED = '<td><img class=signature src="{signature}"><hr>Amina<br><span class=small>Head of programme</span></td>'
_PAGE = f"""<!doctype html><html lang=en><title>Certificate of participation</title>
<img class=logo src="{{logo}}"><p class=small>School of Data Science<h1>Certificate of participation</h1>
<p class=small>This certifies that<p class=name>{{name}}<p class=small>has taken part in
<p class=event>An introduction to machine learning<p>12 March 2026 · Palais de la Culture, Algiers · 5.5 hours
<p class=small>Earned by being there.<br>Sessions attended: Data and its sources · Models that learn
<table><tr>{_SIGNED}{_SIGNED}<td><img class=code src="{{code}}"></td></tr></table>
<p class=small>Issued on 12 March 2026 · Verify at {{address}}"""

if __name__ == "__main__":
    sys.exit(main())
