"""Numbers as bars."""

from collections.abc import Sequence
from dataclasses import dataclass

_FEW = 14  # a chart of fewer would have bars as broad as walls


@dataclass(frozen=True, slots=True)
class Chart:
    """How many bars wide and how high it is, and each bar's left, top and height."""

    width: int
    most: int
    bars: list[tuple[int, int, int]]


def chart_of(counts: Sequence[int]) -> Chart:
    """Return the chart of some counts."""
    most = max(counts, default=0)
    return Chart(max(len(counts), _FEW), most, [(at, most - count, count) for at, count in enumerate(counts)])
