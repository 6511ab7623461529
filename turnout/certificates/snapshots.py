"""What a certificate says: fixed when it is issued, and all that its paper, its page and its credential are made of."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A session that was attended."""

    title: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signs on the paper."""

    name: str
    position: str = ""
    picture: str = ""  # the id of a `Picture`


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How the paper looks."""

    template: str = "classic"  # or modern, minimal; or the id of a `Template`, which staff brought
    paper: str = "a4"  # or letter
    orientation: str = "landscape"  # or portrait
    color: str = "#1f4e79"
    logo: str = ""  # the id of a `Picture`
    signatures: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one version of a certificate says."""

    name: str  # of the holder
    role: str  # a `Role`
    title: str  # what the paper is called: "Certificate of attendance"
    text: str  # what the holder did: "has taken part in"
    event: str  # its title
    issuer: str  # who gives it
    location: str  # "" where it was online
    starts_at: datetime
    ends_at: datetime
    timezone: str
    hours: Decimal | None  # credited; None: nothing is said of them
    language: str  # of the paper: en, fr or ar
    criteria: str  # by what it was earned, in that language
    sessions: tuple[Part, ...] = ()  # attended, in the programme's order
    looks: Looks = Looks()

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept: moments in RFC 3339, hours as a decimal text."""
        kept: dict[str, Any] = _plain(dataclasses.asdict(self))
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return what `as_json` wrote."""
        looks = kept["looks"]
        return cls(
            **{
                **kept,
                "starts_at": datetime.fromisoformat(kept["starts_at"]),
                "ends_at": datetime.fromisoformat(kept["ends_at"]),
                "hours": None if kept["hours"] is None else Decimal(kept["hours"]),
                "sessions": tuple(
                    Part(
                        title=part["title"],
                        starts_at=datetime.fromisoformat(part["starts_at"]),
                        ends_at=datetime.fromisoformat(part["ends_at"]),
                    )
                    for part in kept["sessions"]
                ),
                "looks": Looks(**{**looks, "signatures": tuple(Signature(**each) for each in looks["signatures"])}),
            }
        )


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case datetime():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return value
