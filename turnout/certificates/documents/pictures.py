"""Logos and signatures, as the templates get them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import structlog

from turnout.certificates.models import Picture
from turnout.certificates.snapshots import Looks
from turnout.media import vault

log = structlog.get_logger()

_KEPT = 16  # in each process: a thousand certificates of an event fetch its logo once


def of(looks: Looks) -> dict[str, Any]:
    """Return the logo and who signs, with those of their pictures that are still there."""
    return {
        "logo": _content(looks.logo),
        "signatures": [
            {"name": one.name, "position": one.position, "picture": _content(one.picture)} for one in looks.signatures
        ],
    }


def missing(looks: Looks, shown: Mapping[str, Any]) -> bool:
    """Tell whether a picture was asked for that is not among those shown."""
    wanted = (looks.logo, *(one.picture for one in looks.signatures))
    there = (shown["logo"], *(one["picture"] for one in shown["signatures"]))
    return any(each and content is None for each, content in zip(wanted, there, strict=True))


def _content(picture: str) -> bytes | None:
    if not picture:
        return None
    try:
        return _fetched(UUID(picture))
    except (Picture.DoesNotExist, vault.LostError):
        log.warning("picture_lost", picture=picture)
        return None


@lru_cache(_KEPT)
def _fetched(picture: UUID) -> bytes:
    row = Picture.objects.get(pk=picture)
    return vault.fetch(row.path, row.key)
