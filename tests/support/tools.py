"""Programs of others that tests call."""

import os
import shutil

import pytest

# `make test` needs nothing but Python and make; CI has curl, and there its absence is a failure.
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ,
    reason="this story is told with curl, as its reader would: install curl to run it; in CI its absence fails",
)
