"""The database: whether it answers, keeps what it has confirmed, and has all our tables."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from turnout.reports.doctor.findings import Remark, check, error, in_words, ok, warning

_MOUNTS = Path("/proc/mounts")
_NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ncpfs"}
_NETWORK_FILE_SYSTEMS |= {f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph", "rclone", "s3fs", "davfs2")}
_COLLATION = "utf8mb4_bin"
_OFF = {"OFF", "0"}


@check("Database")
def answers() -> Iterator[Remark]:
    """Ask it anything."""
    try:
        _rows("SELECT 1")
    except Exception as fault:  # noqa: BLE001  # each driver and its pool have errors of their own
        yield error(f"The database does not answer: {in_words(fault)}", "Start it, or correct DATABASE_URL.")
    else:
        yield ok(f"The database answers: {connection.vendor}.")


@check("Database settings")
def settings_that_risk_loss() -> Iterator[Remark]:
    """Look at how this connection's database keeps what it has confirmed."""
    faults = list({"sqlite": _sqlite, "postgresql": _postgres, "mysql": _mysql}[connection.vendor]())
    yield from faults
    if not faults:
        yield ok("What is confirmed is kept, whatever happens to the machine.")


@check("Migrations")
def migrations() -> Iterator[Remark]:
    """Look whether the database has all our tables as this release wants them."""
    executor = MigrationExecutor(connection)
    missing = [str(step) for step, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        yield error(
            f"{len(missing)} not applied: {', '.join(missing[:5])}{', ...' if missing[5:] else ''}.",
            "Run manage.py migrate.",
        )
    else:
        yield ok("All migrations are applied.")


def file_system(path: Path, mounts: str) -> str:
    """Return the type of the file system that a path is on, by the text of /proc/mounts; empty if that is unknown."""
    found = ("", "")
    for line in mounts.splitlines():
        _device, point, kind, *_ = line.split()
        place = point.encode().decode("unicode_escape")  # a space in it is \040
        # Of two on the same place the later lies on top.
        if path.is_relative_to(place) and len(place) >= len(found[0]):
            found = place, kind
    return found[1]


def _sqlite() -> Iterator[Remark]:
    (journal,), (synchronous,) = _rows("PRAGMA journal_mode"), _rows("PRAGMA synchronous")
    if journal[0] in {"off", "memory"}:
        yield error(
            f"SQLite keeps no journal on the disk (journal_mode={journal[0]}): a crash can destroy the database.",
            "Let DATABASE_URL name a file, and leave OPTIONS as they are.",
        )
    elif journal[0] != "wal":
        yield warning(
            f"SQLite's journal_mode is {journal[0]}: whoever reads and whoever writes wait for each other.",
            "Put the file where write-ahead logs work, on a disk of this machine.",
        )
    if synchronous[0] == 0:
        yield error("SQLite's synchronous is OFF: a power cut can destroy the database.", "Set it to FULL.")
    elif synchronous[0] == 1:
        yield warning("SQLite's synchronous is NORMAL: a power cut takes the last registrations.", "Set it to FULL.")
    kind = file_system(Path(os.path.realpath(str(connection.settings_dict["NAME"]))), _mounts())
    if kind in _NETWORK_FILE_SYSTEMS:
        yield error(
            f"The database file is on a network file system ({kind}): its locks and write-ahead log don't work there.",
            "Move it to a disk of this machine, or use PostgreSQL or MariaDB.",
        )


def _postgres() -> Iterator[Remark]:
    risks = {
        "fsync": "a power cut can destroy the database",
        "full_page_writes": "a power cut can destroy pages of the database",
        "synchronous_commit": "a crash takes the last registrations, which people were told they had",
    }
    for name, setting in _rows(
        "SELECT name, setting FROM pg_settings WHERE name = ANY(%s) ORDER BY name", [list(risks)]
    ):
        if setting == "off":
            yield error(
                f"PostgreSQL's {name} is off: {risks[name]}.",
                f"Set {name} = on in postgresql.conf, and wherever ALTER DATABASE or ALTER ROLE says otherwise.",
            )


def _mysql() -> Iterator[Remark]:
    names = ("innodb_flush_log_at_trx_commit", "innodb_doublewrite", "log_bin", "sync_binlog", "sql_mode")
    found = {str(name): str(value) for name, value in _rows("SHOW VARIABLES WHERE Variable_name IN %s", [names])}
    if found.get("innodb_flush_log_at_trx_commit", "1") != "1":
        yield error(
            "innodb_flush_log_at_trx_commit is not 1: a crash takes the last registrations, which people were told "
            "they had.",
            "Set innodb_flush_log_at_trx_commit = 1 in the server's configuration.",
        )
    if found.get("innodb_doublewrite", "ON").upper() in _OFF:
        yield error(
            "innodb_doublewrite is off: a power cut can destroy pages of the database.",
            "Set innodb_doublewrite = ON in the server's configuration.",
        )
    if found.get("log_bin") == "ON" and found.get("sync_binlog") != "1":
        yield warning(
            "There is a binary log, and sync_binlog is not 1: after a power cut replicas and backups lack the last "
            "registrations.",
            "Set sync_binlog = 1 in the server's configuration.",
        )
    if "STRICT_" not in found.get("sql_mode", ""):
        yield error("sql_mode is not strict: what is too long is cut off silently.", "Set STRICT_ALL_TABLES.")
    yield from _collation()


def _collation() -> Iterator[Remark]:
    ((collation,),) = _rows("SELECT @@collation_database")
    ((others,),) = _rows(
        "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() "
        "AND table_type = 'BASE TABLE' AND table_collation <> %s",
        [_COLLATION],
    )
    if (collation, others) != (_COLLATION, 0):
        yield warning(
            f"The database's collation is {collation}, and {others} of its tables have another than "
            f"{_COLLATION}: José is taken for Jose.",
            f"ALTER DATABASE ... COLLATE {_COLLATION}, and ALTER TABLE ... CONVERT TO CHARACTER SET utf8mb4 COLLATE "
            f"{_COLLATION} for each table, while nothing runs.",
        )


def _rows(statement: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _mounts() -> str:
    return _MOUNTS.read_text() if _MOUNTS.exists() else ""
