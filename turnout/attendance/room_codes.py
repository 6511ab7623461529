"""The code on a room's screen: another every 30 seconds, so that who types it has been there just now.

It is derived and kept nowhere. The one before is valid as well: nobody types in no time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

from turnout.core.clock import now
from turnout.core.tokens import fits_code, make_code

EVERY = 30  # seconds
_ROOM = "room code"


@dataclass(frozen=True, slots=True)
class RoomCode:
    """What a screen shows now."""

    code: str  # six digits
    link: str  # for the QR code: a guest's phone opens it
    expires_at: datetime  # from then on the next is shown


def room_code(event: UUID, session: UUID | None = None) -> RoomCode:
    """Return the code of a place: of a session, or of the event as a whole."""
    step = _step()
    code = make_code(_ROOM, session or event, step)
    query = {"code": code} | ({"session": str(session)} if session else {})
    link = f"{settings.PUBLIC_BASE_URL}/here/{event}/?{urlencode(query)}"
    return RoomCode(code, link, datetime.fromtimestamp((step + 1) * EVERY, UTC))


def places_of(code: str, event: UUID, places: Iterable[UUID | None]) -> list[UUID | None]:
    """Return at which of these places of an event the code is shown, or was just before.

    Whoever asks counts the tries.
    """
    steps = (_step(), _step() - 1)
    # All are compared, so that the time it takes tells nothing.
    return [place for place in places if any([fits_code(_ROOM, place or event, step, code) for step in steps])]  # noqa: C419


def _step() -> int:
    return int(now().timestamp()) // EVERY
