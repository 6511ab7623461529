"""Making the document of a certificate from its snapshot."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import segno
import structlog
from django.utils import translation
from django.utils.translation import gettext as _

from turnout.certificates.documents import confined, pictures
from turnout.certificates.documents.colors import ink, over
from turnout.certificates.documents.words import words
from turnout.certificates.models import Design, Template
from turnout.certificates.snapshots import Looks, Snapshot
from turnout.core.clock import now
from turnout.core.pdf import GlyphError, Standard, typeset

log = structlog.get_logger()

PLAIN: Final = "PDF 1.7"
NAMES: Final[Mapping[Standard, str]] = {"a-2b": "PDF/A-2b", "a-3b": "PDF/A-3b"}
_FOLDER = Path(__file__).parent
_MASK = 2  # of the QR code: to look for the fairest of eight takes four times as long, and every reader reads each
_NOTHING_YET = "PROOF"  # what the code of a proof says


@dataclass(frozen=True, slots=True)
class Paper:
    """A document, what it keeps to, and what its maker should know of it, in the active language: mostly nothing."""

    pdf: bytes
    standard: str
    note: str
    is_whole: bool  # no picture is gone


def paper(
    says: Snapshot, *, address: str, number: int = 1, issued_at: datetime, credential: str | None = None
) -> Paper:
    """Return the document of a version of a certificate, whose page is at this address; the same bytes each time.

    With a credential it is embedded, and the document keeps to PDF/A-3b, since PDF/A-2b allows no such attachment;
    without one, to PDF/A-2b. Where no font has a glyph for some letter it keeps to neither, shows a box instead, and
    says so in its note; as it does where a picture is gone, or an own template fails and `classic` stands in.
    """
    data = data_of(says, address=address, number=number, at=issued_at, credential=credential)
    return _set(says.looks, data, "a-2b" if credential is None else "a-3b", issued_at, [])


def proof(says: Snapshot) -> bytes:
    """Return the document as it would be if it were issued now, marked as a proof, with a code that leads nowhere."""
    at = now()
    with translation.override(says.language):
        mark = {"proof": _("PROOF"), "verify": _("A proof: nothing is issued yet."), "address": ""}
    data = data_of(says, address=_NOTHING_YET, number=1, at=at, credential=None)
    return _set(says.looks, {**data, **mark}, None, at, []).pdf


def data_of(says: Snapshot, *, address: str, number: int, at: datetime, credential: str | None) -> Mapping[str, object]:
    """Return all that a template gets."""
    looks = says.looks
    return {
        **words(says, number=number, issued_at=at),
        **pictures.of(looks),
        "paper": looks.paper,
        "orientation": looks.orientation,
        "color": looks.color,
        "ink": ink(looks.color),
        "over": over(looks.color),
        "issued": at.astimezone(UTC).timetuple()[:6],
        "address": address,
        "code": _code(address),
        "credential": credential,
        "proof": "",
    }


def _set(looks: Looks, data: Mapping[str, object], standard: Standard | None, at: datetime, notes: list[str]) -> Paper:
    """Set it as asked; if that can't be, without the standard, or by another template."""
    try:
        pdf = _pdf(looks.template, data, standard, at)
    except GlyphError:
        note = _("Some letters have no glyph in any font: an administrator can add one to FONTS_DIR.")
        return _set(looks, data, None, at, [*notes, note])
    except confined.BrokenError as error:
        log.warning("template_failed", template=looks.template, reason=str(error))
        note = _("The template could not be set; this is the classic one.")
        return _set(replace(looks, template=Design.Base.CLASSIC.value), data, standard, at, [*notes, note])
    is_whole = not pictures.missing(looks, data)
    if not is_whole:
        notes = [*notes, _("A picture is gone.")]
    return Paper(pdf, NAMES[standard] if standard else PLAIN, " ".join(notes), is_whole)


def _pdf(template: str, data: Mapping[str, object], standard: Standard | None, at: datetime) -> bytes:
    if template in Design.Base.values:
        return typeset(_FOLDER / f"{template}.typ", data, standard=standard, at=at)
    own = Template.objects.filter(pk=template).first()
    if own is None:
        raise confined.BrokenError("It is gone.")
    return confined.typeset(own.source, data, standard=standard, at=at)


def _code(content: str) -> list[int]:
    """Return a QR code as the smallest PNG there is, a pixel a module."""
    out = io.BytesIO()
    segno.make_qr(content, error="m", mask=_MASK).save(out, kind="png", scale=1, border=0)
    return list(out.getvalue())
