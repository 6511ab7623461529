"""Programs of others that tests call."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = ROOT / "tests/node"  # programs for Node, with their lock

# `make test` needs nothing but Python and make; CI has what else is called, and there its absence is a failure.
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ,
    reason="this story is told with curl, as its reader would: install curl to run it; in CI its absence fails",
)
needs_node = pytest.mark.skipif(
    not (NODE / "node_modules").is_dir() and "CI" not in os.environ,
    reason="this is checked by programs for Node: `make node` installs them; in CI their absence fails",
)
