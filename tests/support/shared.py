"""Real data that lies beside the checkout, not in it."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("TURNOUT_SHARED", Path(__file__).parents[3] / "shared"))
CAMP = SHARED / "data" / "camp2019.schedule.json"

needs_camp = pytest.mark.skipif(
    not CAMP.exists(),
    reason="the camp's texts are its organisers', not ours to ship: they lie beside the checkout, in shared/data",
)
