"""A browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def opened(*arguments: str) -> Iterator[Browser]:
    """Yield Chromium. `make test` needs nothing but Python and make; `make browser` installs one, and CI has it."""
    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None and "CI" not in os.environ:
        pytest.skip("pages are walked with Chromium: `make browser` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
        yield browser
        browser.close()
