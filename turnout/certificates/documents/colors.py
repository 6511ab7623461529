"""An organiser's colour, and what can be read on it and beside it."""

import math

_ENOUGH = 4.5  # the contrast that WCAG 2 asks of text
_DARKER = 0.9  # a step


def over(color: str) -> str:
    """Return white, or where that could not be read on this colour, black."""
    return "#ffffff" if _contrast_with_white(_channels(color)) >= _ENOUGH else "#000000"


def ink(color: str) -> str:
    """Return the colour as it is, or as much darker as it takes to be read on white."""
    channels = _channels(color)
    while _contrast_with_white(channels) < _ENOUGH:
        channels = [value * _DARKER for value in channels]
    return "#" + "".join(f"{round(value * 255):02x}" for value in channels)


def _channels(color: str) -> list[float]:
    return [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]


def _contrast_with_white(channels: list[float]) -> float:
    # WCAG 2, relative luminance; a gamma of 2.2 is within a hundredth of its curve.
    red, green, blue = (math.pow(value, 2.2) for value in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
