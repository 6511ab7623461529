"""How much tests try."""

import os

# As many people, rounds and examples as it takes to be sure: `make test-races`. Else as many as a minute allows.
FULL = os.environ.get("RACES") == "full"
