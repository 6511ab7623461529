"""Pages as tests use them: forms are sent with their token, and what a page says is read without its tags."""

import re
from typing import Any

from django.test import Client


def send(browser: Client, path: str, *, on: str = "", **fields: Any) -> Any:
    """Open a page, that of another path if one is named, and send a form of it with its token."""
    return browser.post(path, {"csrfmiddlewaretoken": token_on(browser, on or path), **fields})


def token_on(browser: Client, path: str) -> str:
    """Return the token of a page's forms."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(path).content.decode())
    assert found, path
    return found[1]


def text(answer: Any) -> str:
    """Return what a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())
