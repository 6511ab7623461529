"""The tables."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

from bench.options import Options
from bench.run import Result, Results, Side

_SHOWN = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "work_mem",
    "random_page_cost",
    "max_wal_size",
    "autovacuum",
    "jit",
    "shared_preload_libraries",
)
_INTRODUCTION = """\
Made by `make bench`; `README.md` here says how to read them. Times and CPU are in milliseconds, CPU and statements per
request. Each figure is the median of the windows'."""
_COSTS = ["web CPU", "database CPU", "client CPU", "statements", "cores", "others"]
_TIMES = ["a second", "spread", "p50", "p95", "p99"]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """Return a Markdown table: the first columns are texts, all others figures, which stand on the right."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def report(options: Options, results: Results, facts: Sequence[str]) -> str:
    """Return the whole document."""
    smallest = {one.name: one for one in results.reads if one.size == options.sizes[0]}
    by_kind = [one for one in results.reads if one.labels]
    parts = [
        "# Results",
        _INTRODUCTION,
        "\n".join(f"- {fact}" for fact in facts),
        "## Writing",
        table(["deed", "by", *_TIMES, *_COSTS, "of bare"], _sides(results.writes), texts=2),
        "## Reading",
        table(["what", "events", *_TIMES, *_COSTS, "of bare", "p95 to smallest"], _reads(results.reads, smallest)),
        "## The same reads as bare SQL",
        table(
            ["what", "events", *_TIMES, *_COSTS, "p95 to smallest"],
            (
                [one.name, f"{one.size:,}", *_side(one.bare), _times(one.bare, smallest[one.name].bare)]
                for one in results.reads
            ),
        ),
        "## Searches by kind",
        table(
            ["what", "of which", "events", "p50", "p95", "rows"],
            (
                [one.name, label, f"{one.size:,}", f"{p50:.1f}", f"{p95:.1f}", rows]
                for one in by_kind
                for label, (p50, p95, rows) in one.labels.items()
            ),
            texts=2,
        ),
        "## Notes",
        "\n".join(f"- {note}" for note in [*results.notes, f"{results.requests:,} requests, 0 errors."]),
    ]
    return "\n\n".join(parts) + "\n"


def _how(options: Options) -> str:
    return f"--workers {options.workers} --threads {options.threads}"


def facts_of(options: Options, database: psycopg.Connection) -> list[str]:
    """Return what the figures depend on."""
    programs = ", ".join(f"{name} {version(name)}" for name in ("Django", "granian", "psycopg"))
    machine = f"{os.cpu_count()} cores ({_processor()}), {_memory():.0f} GiB of RAM"
    number = database.info.server_version
    settings = database.execute(
        "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [list(_SHOWN)]
    ).fetchall()
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Linux {platform.release()}",
        f"Python {platform.python_version()}, {programs}, PostgreSQL {number // 10_000}.{number % 10_000}",
        f"server: `manage.py serve {_how(options)} --no-worker`, production settings",
        f"{options.clients} clients, each with one kept connection, the next request as soon as the answer is there",
        f"{options.repetitions} windows of {options.duration:g} s, each after {options.warm_up:g} s of warm-up",
        f"PostgreSQL: {', '.join(f'{name}={value}' for name, value in settings)}",
    ]


def _sides(results: Iterable[Result]) -> Iterable[list[str]]:
    for one in results:
        yield [one.name, "Turnout", *_side(one.turnout), f"{one.ratio:.0%}"]
        yield [one.name, "bare SQL", *_side(one.bare), ""]


def _reads(results: Iterable[Result], smallest: dict[str, Result]) -> Iterable[list[str]]:
    for one in results:
        times = _times(one.turnout, smallest[one.name].turnout)
        yield [one.name, f"{one.size:,}", *_side(one.turnout), f"{one.ratio:.0%}", times]


def _side(side: Side) -> list[str]:
    one = side.figures
    return [
        f"{one.rate:,.0f}",
        f"{side.spread:.0%}",
        *(f"{value:.2f}" for value in (one.p50, one.p95, one.p99)),
        *(f"{value:.2f}" for value in (one.web_cpu, one.database_cpu, one.client_cpu)),
        f"{one.statements:.1f}" + (f" + {one.frames:.1f}" if round(one.frames, 1) else ""),
        f"{one.cores:.1f}",
        f"{one.others:.1f}",
    ]


def _times(side: Side, smallest: Side) -> str:
    return f"{side.figures.p95 / smallest.figures.p95:.1f}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
