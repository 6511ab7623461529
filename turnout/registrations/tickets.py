"""Tickets: a signed text that a scanner without network can tell from a false one, and its forms.

The text is `T1.<event id>.<ticket id>.<key id>.<signature>`. `docs/ticket-format.md` specifies it. It names nobody.
"""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import segno
from django.utils import translation
from django.utils.translation import gettext

from turnout.core import keys
from turnout.core.errors import ConflictError
from turnout.core.ids import decode_id, encode_id
from turnout.core.pdf import typeset
from turnout.events.models import AttendanceType
from turnout.events.when import when
from turnout.registrations.models import Registration

TICKET = "ticket"  # the purpose of the keys that sign
_SOURCE = Path(__file__).parent / "ticket.typ"
# Its last characters hold four bits that no byte needs: they are zero, so that a ticket has one text.
_ID = "[A-Za-z0-9_-]{21}[AQgw]"
_TEXT = re.compile(rf"(T1\.({_ID})\.({_ID})\.([A-Za-z0-9_-]{{1,8}}))\.([A-Za-z0-9_-]{{85}}[AQgw])")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says: it is this one, for this event."""

    event_id: UUID
    ticket_id: UUID


def read_ticket(text: str) -> Ticket | None:
    """Return what a text says that we signed; None for every other text.

    Whether the ticket was revoked, or is for the event whose door this is, is for the caller to look up.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    payload, event, ticket, key_id, signature = found.groups()
    # A signature whose S is not below the group's order is refused by the library (RFC 8032, 5.1.7).
    if not keys.verify(TICKET, key_id, payload.encode(), base64.urlsafe_b64decode(f"{signature}==")):
        return None
    return Ticket(decode_id(event), decode_id(ticket))


def ticket_text(registration: Registration) -> str:
    """Return the signed text of at most 150 characters; ConflictError `not_confirmed` for who holds no seat."""
    if registration.status != Registration.Status.CONFIRMED or registration.ticket_id is None:
        raise ConflictError("There is a ticket only for a confirmed registration.", "not_confirmed")
    ids = f"{encode_id(registration.event_id)}.{encode_id(registration.ticket_id)}"
    payload = f"T1.{ids}.{registration.ticket_key}"
    signature = keys.sign(TICKET, registration.ticket_key, payload.encode())
    return f"{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode('ascii')}"


def ticket_svg(registration: Registration) -> bytes:
    """Return the QR code (ISO/IEC 18004, level M) as SVG, dark on white so that it scans on any page."""
    out = io.BytesIO()
    _code(registration).save(out, kind="svg", light="white", omitsize=True)
    return out.getvalue()


def ticket_png(registration: Registration) -> bytes:
    """Return the QR code as PNG, eight pixels a module."""
    out = io.BytesIO()
    _code(registration).save(out, kind="png", scale=8)
    return out.getvalue()


def ticket_pdf(registration: Registration) -> bytes:
    """Return the ticket as a PDF of one page."""
    with translation.override(registration.language):
        data = {
            "title": registration.event.title,
            "name": registration.full_name,
            "when": when(registration.event),
            "where": where(registration),
            "language": registration.language,
            "code": ticket_svg(registration).decode(),
        }
    return typeset(_SOURCE, data)


def where(registration: Registration) -> str:
    """Return where this person goes."""
    on_site = registration.attendance_type == AttendanceType.ON_SITE
    return registration.event.location if on_site else gettext("Online")


def _code(registration: Registration) -> segno.QRCode:
    return segno.make_qr(ticket_text(registration), error="m")
