"""What the doctor says of databases: real ones, set as badly as a session can set them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.support.databases import (
    KINDS,
    MARIADB,
    POSTGRESQL,
    SQLITE,
    MissingError,
    as_default,
    fresh_database,
    give_up,
)
from turnout.core.clock import now
from turnout.reports.doctor import clock, database

Use = Callable[[str], None]
# What only a whole server can be set to. One for tests may be set for speed.
SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "log_bin": "ON", "sync_binlog": "1"}
SAFE |= {"innodb_flush_log_at_trx_commit": "1", "innodb_doublewrite": "ON"}


@pytest.fixture
def use(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Use]:
    """Return a function that lets the doctor look at a fresh database of a kind, empty and as we set it."""
    with ExitStack() as stack:

        def run(kind: str) -> None:
            try:
                url = stack.enter_context(fresh_database(kind, tmp_path))
            except MissingError as error:
                give_up(error)
            stack.enter_context(django_db_blocker.unblock())
            stack.enter_context(as_default(url))

        yield run


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def found() -> list[tuple[str, str]]:
    """Return the level of each finding on settings, and what it is about."""
    return [(finding.level, finding.says) for finding in database.settings_that_risk_loss()]


def levels() -> list[str]:
    return [level for level, _ in found()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_as_we_set_it_loses_nothing(use: Use, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(kind)
    _saying(monkeypatch, SAFE)
    assert [finding.level for finding in database.answers()] == ["ok"]
    assert found() == [("ok", "What is confirmed is kept, whatever happens to the machine.")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_without_our_tables_is_an_error(use: Use, kind: str) -> None:
    use(kind)
    (finding,) = database.migrations()
    assert (finding.level, finding.advice) == ("error", "Run manage.py migrate.")


@pytest.mark.long
def test_a_database_with_our_tables_is_well_and_one_migration_short_is_not(use: Use) -> None:
    use(SQLITE)
    call_command("migrate", verbosity=0)
    assert [finding.level for finding in database.migrations()] == ["ok"]
    execute("DELETE FROM django_migrations WHERE app = 'guard' AND name LIKE '0002%'")
    (finding,) = database.migrations()
    assert finding.says == "1 not applied: guard.0002_spent_challenges."


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("ours", "level"), [(0, "ok"), (5, "warning"), (-60, "error")])
def test_the_databases_clock_is_compared_with_ours(
    use: Use, kind: str, ours: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(kind)
    execute("SELECT 1")
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(seconds=ours))
    # SQLite has our clock, whatever it shows.
    assert [finding.level for finding in clock.database_clock()] == ["ok" if kind == SQLITE else level]


# --- SQLite --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pragma", "level"),
    [
        ("synchronous=OFF", "error"),
        ("synchronous=NORMAL", "warning"),
        ("synchronous=EXTRA", "ok"),
        ("journal_mode=DELETE", "warning"),
        ("journal_mode=OFF", "error"),
        ("journal_mode=MEMORY", "error"),
    ],
)
def test_sqlite_that_may_lose_is_said(use: Use, pragma: str, level: str) -> None:
    use(SQLITE)
    execute(f"PRAGMA {pragma}")
    assert levels() == [level]


def test_sqlite_on_a_network_file_system_is_an_error(use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(SQLITE)
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(database, "_MOUNTS", mounts)
    for kind, level in (("nfs4", "error"), ("ext4", "ok")):
        mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/home {tmp_path.resolve()} {kind} rw 0 0\n")
        assert levels() == [level]


MOUNTS = """/dev/vda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
server:/my\\040home /my\\040home cifs rw 0 0
/dev/vdb /home/turnout ext4 rw 0 0
/dev/sda /srv ext4 rw 0 0
server:/srv /srv nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/turnout.sqlite3", "ext4"),
        ("/home/amina/turnout.sqlite3", "nfs4"),
        ("/homes/turnout.sqlite3", "ext4"),
        ("/home/turnout/turnout.sqlite3", "ext4"),
        ("/my home/turnout.sqlite3", "cifs"),
        ("/srv/turnout.sqlite3", "nfs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_nearest_and_latest_mount(path: str, kind: str) -> None:
    assert database.file_system(Path(path), MOUNTS) == kind


# --- PostgreSQL, MariaDB -------------------------------------------------------------------------------------------


def test_postgresql_that_confirms_before_it_has_written_is_an_error(use: Use) -> None:
    use(POSTGRESQL)
    execute("SET synchronous_commit = off")
    assert any("synchronous_commit is off" in says for _level, says in found())
    execute("SET synchronous_commit = local")
    assert not any("synchronous_commit is off" in says for _level, says in found())


@pytest.mark.parametrize(
    ("kind", "setting", "level"),
    [
        (POSTGRESQL, ("fsync", "off"), "error"),
        (POSTGRESQL, ("full_page_writes", "off"), "error"),
        (MARIADB, ("innodb_flush_log_at_trx_commit", "2"), "error"),
        (MARIADB, ("innodb_doublewrite", "OFF"), "error"),
        (MARIADB, ("sync_binlog", "0"), "warning"),
    ],
)
def test_what_only_a_whole_server_can_be_set_to_is_said(
    use: Use, kind: str, setting: tuple[str, str], level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(kind)
    variable, value = setting
    _saying(monkeypatch, SAFE | {variable: value})
    ((said, words),) = found()
    assert (said, variable in words) == (level, True)


def test_mariadb_that_cuts_texts_off_is_an_error(use: Use) -> None:
    use(MARIADB)
    execute("SET sql_mode = ''")
    assert [level for level, says in found() if "sql_mode" in says] == ["error"]


def test_mariadb_that_blurs_letters_is_a_warning(use: Use) -> None:
    use(MARIADB)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE early (name varchar(9)) COLLATE utf8mb4_general_ci")
    (said,) = [says for _, says in found() if "collation" in says]
    assert "collation is utf8mb4_bin, and 1 of its tables have another" in said
    execute("DROP TABLE early")
    execute("ALTER DATABASE COLLATE utf8mb4_general_ci")
    assert [level for level, says in found() if "collation is utf8mb4_general_ci" in says] == ["warning"]


def _saying(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    """Let the server seem to be set so, which would be so for all others who use it."""
    ask = database._rows

    def rows(*arguments: Any) -> list[tuple[Any, ...]]:
        return [(row[0], values.get(row[0], row[1])) if len(row) == 2 else row for row in ask(*arguments)]

    monkeypatch.setattr(database, "_rows", rows)
