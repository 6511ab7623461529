"""Who may do what with an event. Pure: what somebody is to it is asked in `turnout.events.queries`."""

from enum import Enum, auto


class Standing(Enum):
    """What somebody is to an event."""

    STRANGER = auto()
    SCANNER = auto()
    MANAGER = auto()
    OWNER = auto()
    STAFF = auto()  # runs the platform, in a session signed in with a second factor


class Right(Enum):
    """What somebody may do with an event."""

    CHECK_IN = auto()  # let people in
    EDIT = auto()  # change it, and see and change who is registered
    OWN = auto()  # cancel it, and say who else may


_GRANTED = {
    Standing.STRANGER: frozenset[Right](),
    Standing.SCANNER: frozenset({Right.CHECK_IN}),
    Standing.MANAGER: frozenset({Right.CHECK_IN, Right.EDIT}),
    Standing.OWNER: frozenset(Right),
    Standing.STAFF: frozenset(Right),
}


def may(standing: Standing, right: Right) -> bool:
    """Tell whether who stands so to an event has this right there."""
    return right in _GRANTED[standing]
