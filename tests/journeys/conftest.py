"""What journeys begin with: the demo, and a browser."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.demo import Demo, running

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Yield what `make run` runs, on a fresh folder."""
    with running(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a browser. `make test` needs nothing but Python and make; `make browser` installs one, and CI has it."""
    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None and "CI" not in os.environ:
        pytest.skip("pages are walked with Chromium: `make browser` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
