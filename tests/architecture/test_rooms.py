"""The rules of the house that a linter of imports can't see (docs/map.md)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "turnout"
MODULES = sorted(path for path in PRODUCT.rglob("*.py") if "migrations" not in path.parts)
DOMAIN = {"core", "guard", "media", "notifications", "accounts", "events", "registrations"} | {
    "attendance",
    "certificates",
    "privacy",
    "reports",
}
# Rows of core that belong to no deed of their own: each has one module that writes it.
CORE_WRITERS = {"core/audit.py", "core/idempotency.py", "core/keys.py", "core/rotation.py"}
WRITES = {"save", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "delete", "update"}
MOST_LINES = 400


def room(path: Path) -> str:
    return path.relative_to(PRODUCT).parts[0]


def name(path: Path) -> str:
    return path.relative_to(PRODUCT).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def imports(path: Path) -> set[str]:
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 50


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) in DOMAIN], ids=name)
def test_below_api_web_and_jobs_nobody_knows_http(path: Path) -> None:
    if path.name == "admin.py":
        return  # Django's own HTTP: its classes are called with requests
    known = {module for module in imports(path) if module.startswith(("django.http", "django.shortcuts"))}
    assert known == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_rows_are_written_in_actions_only(path: Path) -> None:
    if path.name == "actions.py" or path.parent.name == "actions" or name(path) in CORE_WRITERS:
        return
    writes = [
        ast.unparse(node)
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
        and _is_about_rows(node.func.value)
    ]
    assert writes == []


def _is_about_rows(owner: ast.expr) -> bool:
    """Tell a queryset or a row from a dict, a set or a QR code by how it was come by."""
    text = ast.unparse(owner)
    return ".objects" in text or (
        "super()" not in text
        and text.split(".")[-1]
        in {
            "instance",
            "event",
            "registration",
            "pool",
            "session",
            "message",
            "user",
            "speaker",
            "partner",
            "obj",
        }
    )


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nobody_sends_signals(path: Path) -> None:
    signals = ("django.dispatch", "django.db.models.signals")
    assert {module for module in imports(path) if module.startswith(signals)} == set()


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_import_hides_a_circle_in_a_function(path: Path) -> None:
    hidden = [
        ast.unparse(inner)
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("turnout")
    ]
    # Django's createsuperuser calls the manager, and what it calls needs the model.
    assert hidden in ([], ["from turnout.accounts.actions import create_staff"])


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_file_is_read_at_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", sorted((PRODUCT / "jobs/management/commands").glob("[!_]*.py")), ids=name)
def test_a_command_only_reads_its_arguments_and_calls(path: Path) -> None:
    bodies = [
        (node.end_lineno or 0) - node.lineno
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and node.name in {"handle", "inner_run"}
    ]
    assert all(lines <= 20 for lines in bodies)


def test_no_file_names_a_registry_or_a_machine() -> None:
    listed = [ROOT / "requirements/base.txt", ROOT / "requirements/dev.txt"]
    assert [path.name for path in listed if "://" in path.read_text()] == []


@pytest.mark.parametrize("lock", ["base", "dev"])
def test_a_lock_holds_what_is_asked_for(lock: str) -> None:
    # A part that is only in somebody's environment is missing from everybody else's: `make lock` writes it down.
    asked = re.findall(r"^[\w-]+", (ROOT / f"requirements/{lock}.in").read_text(), re.MULTILINE)
    held = re.findall(r"^[\w-]+(?=.*==)", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE)
    assert {part.lower() for part in asked if not part.startswith("-")} - set(held) == set()
