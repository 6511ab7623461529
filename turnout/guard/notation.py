"""How limits are written: `5/minute,20/hour,100/day`."""

from dataclasses import dataclass

from limits import parse_many


@dataclass(frozen=True, slots=True)
class Window:
    """So many in so many seconds, counted from the first."""

    amount: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.amount} in {self.seconds} seconds"


def windows(text: str) -> tuple[Window, ...]:
    """Return the windows a text names, none for an empty one; ValueError for one that is malformed."""
    if not text.strip():
        return ()
    return tuple(Window(item.amount, item.get_expiry()) for item in parse_many(text))
