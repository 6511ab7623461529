"""What a window cost beside time: CPU of processes from /proc, statements from PostgreSQL. Needs Linux."""

import os
from dataclasses import dataclass
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")

# Utility statements that only mark where a transaction begins and ends.
_FRAME = r"^\s*(begin|start transaction|commit|rollback|savepoint|release)\M"
_CALLS = f"""
    SELECT coalesce(sum(calls) FILTER (WHERE query !~* '{_FRAME}'), 0)::bigint,
           coalesce(sum(calls) FILTER (WHERE query ~* '{_FRAME}'), 0)::bigint
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND query NOT ILIKE '%pg_stat_statements%'
      -- Not sent by anybody: how PostgreSQL checks a deferred foreign key at the commit.
      AND query NOT LIKE '%FROM ONLY%FOR KEY SHARE OF x'
"""  # noqa: S608  # the pattern is our own


@dataclass(frozen=True, slots=True)
class Stat:
    """One process, from /proc/<pid>/stat. CPU is in clock ticks."""

    parent: int
    own: int
    of_the_dead: int  # of children that ended and were waited for


def read_stat(text: str) -> Stat:
    """Read the line; the second field, the name, may hold spaces and brackets, so count after its end."""
    fields = text.rpartition(")")[2].split()
    utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
    return Stat(parent=int(fields[1]), own=utime + stime, of_the_dead=cutime + cstime)


def busy_ticks(text: str) -> int:
    """Return the ticks in which the machine's cores were not idle, from /proc/stat; stolen ones count as busy."""
    user, nice, system, _idle, _waiting, irq, softirq, stolen = (int(field) for field in text.split()[1:9])
    return user + nice + system + irq + softirq + stolen


def family(stats: dict[int, Stat], ancestor: int) -> list[int]:
    """Return a process and all its descendants that are alive."""
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.parent, []).append(pid)
    found = [ancestor] if ancestor in stats else []
    for pid in found:  # grows while we walk it
        found += children.get(pid, [])
    return found


def family_ticks(stats: dict[int, Stat], ancestor: int) -> int:
    """Return the ticks of a process and all its descendants, the dead among them.

    A child's ticks move to its parent when it ends, so the sum only ever grows.
    """
    return sum(stats[pid].own + stats[pid].of_the_dead for pid in family(stats, ancestor))


def all_stats() -> dict[int, Stat]:
    """Return every process there is."""
    stats = {}
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            try:
                stats[int(folder.name)] = read_stat((folder / "stat").read_text(errors="replace"))
            except OSError:
                continue  # it ended meanwhile
    return stats


@dataclass(frozen=True, slots=True)
class Reading:
    """What the meters show; the difference of two readings is what happened in between. CPU is in seconds."""

    web_cpu: float
    database_cpu: float
    statements: int
    frames: int  # BEGIN, COMMIT and their like
    machine_cpu: float  # of everything that runs here, ours and others'


class Meters:
    """The meters of one server and its database."""

    def __init__(self, database: psycopg.Connection, postmaster: int, web: int) -> None:
        self._database, self._postmaster, self._web = database, postmaster, web
        database.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def read(self) -> Reading:
        """Read all of them. The connection must be in autocommit: a snapshot would stand still."""
        row = self._database.execute(_CALLS).fetchone()
        statements, frames = row or (0, 0)
        stats = all_stats()
        return Reading(
            web_cpu=family_ticks(stats, self._web) / _TICKS,
            database_cpu=family_ticks(stats, self._postmaster) / _TICKS,
            statements=statements,
            frames=frames,
            machine_cpu=busy_ticks((_PROC / "stat").read_text()) / _TICKS,
        )
