"""The scanner's page, as a server sees it; `tests/journeys/test_scanner.py` uses it."""

import hashlib
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from tests.support.tools import NODE, ROOT, needs_node
from turnout.core.clock import now
from turnout.events.actions.teams import add_member
from turnout.web import scanning

SCRIPT = NODE / "scanner.test.mjs"


@needs_node
def test_the_parts_that_ask_nobody() -> None:
    done = subprocess.run(["node", "--test", SCRIPT], capture_output=True, text=True, check=False, timeout=60)  # noqa: S607
    assert done.returncode == 0, done.stdout


@pytest.mark.django_db
def test_the_page_is_the_same_for_everybody(browser: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        strange = browser.get("/scan/")
    browser.force_login(make.user("amina"))
    mine = browser.get("/scan/")
    assert mine.content == strange.content
    assert "Set-Cookie" not in strange.headers


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "allowed"), [("/scan/", True), ("/", False), ("/organise/", False)])
def test_only_this_page_may_run_the_reader_of_codes(browser: Client, path: str, *, allowed: bool) -> None:
    policy = browser.get(path)["Content-Security-Policy"]
    assert ("'wasm-unsafe-eval'" in policy, "'unsafe-eval'" in policy) == (allowed, False)


def test_the_worker_keeps_every_file_that_the_page_loads(browser: Client) -> None:
    page, worker = browser.get("/scan/"), browser.get("/scan/worker.js")
    assert worker["Content-Type"] == "text/javascript; charset=utf-8"
    kept = set(re.findall(r'"/static/([^"]+)"', worker.content.decode()))
    assert all(finders.find(name) for name in kept)
    loaded = set(re.findall(r'"/static/([^"]+)"', page.content.decode()))
    assert loaded <= kept
    for name in kept:
        if name.startswith("web/scan/") and name.endswith(".js"):
            source = finders.find(name)
            assert source is not None
            parts = re.findall(r'from "./([^"]+)"', Path(source).read_text())
            assert {f"web/scan/{part}" for part in parts} <= kept
    assert f'const VERSION = "{page["X-Scanner-Version"]}"' in worker.content.decode()


def test_the_version_changes_with_any_file(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {scanning._version.__wrapped__()}
    files = scanning._files()
    for left_out in files:
        monkeypatch.setattr(scanning, "_files", lambda left_out=left_out: [name for name in files if name != left_out])
        versions.add(scanning._version.__wrapped__())
    assert len(versions) == len(files) + 1


def test_files_of_others_are_as_they_were_published() -> None:
    vendor = ROOT / "turnout/web/static/web/vendor"
    rows = re.findall(r"^\| `([^`]+)` .* `([0-9a-f]{64})` \|$", (vendor / "README.md").read_text(), re.MULTILINE)
    found = [(name, hashlib.sha256((vendor / name).read_bytes()).hexdigest()) for name, _ in rows]
    assert found == rows
    assert {f"web/vendor/{name}" for name, _ in rows} == {name for name in scanning._files() if "/vendor/" in name}


@pytest.mark.django_db
def test_a_stranger_may_scan_nowhere(browser: Client) -> None:
    make.event()
    answer = browser.get("/scan/who/")
    assert (answer.json()["person"], answer.json()["events"]) == (None, [])
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_scanner_of_a_team_finds_the_events_at_whose_doors_they_stand(
    browser: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    volunteer = make.user("volunteer", role="seeker")
    soon, later = make.event(title="Soon"), make.event(title="Later", starts_at=now() + timedelta(days=9))
    over = make.event(starts_at=now() - timedelta(hours=3))
    make.event(title="Others'")
    for event in (later, soon, over):
        add_member(event, volunteer.email, "scanner")
    browser.force_login(volunteer)
    with django_assert_num_queries(3):
        answer = browser.get("/scan/who/").json()
    assert answer["person"] == "Volunteer"
    assert answer["events"] == [{"id": str(event.pk), "title": event.title} for event in (soon, later)]


@pytest.mark.django_db
def test_its_token_lets_the_browser_write(browser: Client) -> None:
    owner = make.user()
    event = make.event(owner=owner)
    browser.force_login(owner)
    token = browser.get("/scan/who/").json()["csrf"]
    sent = {"ticket": "no ticket", "scan_id": "1", "scanned_at": now().isoformat(), "event": str(event.pk)}
    path = "/api/attendance/check-in/"
    assert browser.post(path, sent, "application/json").status_code == 403
    answer = browser.post(path, sent, "application/json", headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json()["result"]) == (200, "invalid_ticket")
