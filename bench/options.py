"""What a run can be told."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured, and how long. Times are in seconds."""

    sizes: tuple[int, ...] = (1_000, 100_000, 1_000_000)  # events, growing
    clients: int = 8
    workers: int = os.cpu_count() or 1  # processes of the server
    threads: int = 2  # in each, as `serve` has it
    warm_up: float = 1.0
    duration: float = 3.0
    repetitions: int = 5
    only: tuple[str, ...] = ()  # parts of scenarios' names; none: all of them
    profile: bool = False
    output: Path | None = HERE / "RESULTS.md"  # None: printed and not kept


# Enough to see that everything works; its figures are noisy, so they are not kept.
_QUICK = {"sizes": [1_000, 20_000], "warm_up": 0.3, "duration": 0.7, "repetitions": 2, "output": None}


def read_options(words: Sequence[str]) -> Options:
    """Read the command line."""
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Turnout beside its bare database.")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(usual.sizes), help="numbers of events")
    parser.add_argument("--clients", type=int, default=usual.clients)
    parser.add_argument("--workers", type=int, default=usual.workers, help="processes of the server")
    parser.add_argument("--threads", type=int, default=usual.threads, help="in each of them")
    parser.add_argument("--warm-up", type=float, default=usual.warm_up, help="seconds")
    parser.add_argument("--duration", type=float, default=usual.duration, help="seconds of each window")
    parser.add_argument("--repetitions", type=int, default=usual.repetitions)
    parser.add_argument("--only", nargs="+", default=[], metavar="PART", help="scenarios whose name holds one of these")
    parser.add_argument("--output", type=Path, default=usual.output, help="where the tables are kept")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes, and nothing else")
    parser.add_argument("--quick", action="store_true", help="a minute or two; other options still count")
    if "--quick" in words:
        parser.set_defaults(**_QUICK)
    given = parser.parse_args(words)
    return Options(
        sizes=tuple(sorted(set(given.sizes))),
        clients=given.clients,
        workers=given.workers,
        threads=given.threads,
        warm_up=given.warm_up,
        duration=given.duration,
        repetitions=given.repetitions,
        only=tuple(given.only),
        profile=given.profile,
        output=given.output,
    )
