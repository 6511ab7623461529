"""`manage.py test`, for those whose fingers know it: the same tests by the same runner."""

from collections.abc import Sequence
from typing import Any


class PytestRunner:
    """Hands over to pytest."""

    def __init__(self, *, verbosity: int = 1, failfast: bool = False, keepdb: bool = False, **_: Any) -> None:
        self.options = [*(["-q"] if verbosity == 0 else []), *(["-x"] if failfast else [])]
        if keepdb:
            self.options.append("--reuse-db")

    def run_tests(self, test_labels: Sequence[str]) -> int:
        """Run the tests at these paths, or all, and return 0 if they passed."""
        import pytest  # noqa: PLC0415  # only there where tests are run

        return int(pytest.main([*self.options, *test_labels]))
