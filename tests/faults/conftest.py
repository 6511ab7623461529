"""The places of the races, and what happens there to an event under attack."""

from tests.races.conftest import place, rows

__all__ = ["place", "rows"]
