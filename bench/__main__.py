"""`python -m bench`: measure, print the tables, keep them."""

import logging
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import django
import psycopg
from django.core.management import call_command

from bench import postgres
from bench.load import BenchError
from bench.meters import Meters
from bench.options import Options, read_options
from bench.server import ServerError, held_port, production, serving
from scripts.services import ServiceError


def main() -> int:
    """Run the command line; the result is the exit status."""
    options = read_options(sys.argv[1:])
    signal.signal(signal.SIGTERM, _end)
    try:
        with tempfile.TemporaryDirectory() as folder, postgres.running() as (server, url), held_port() as port:
            environment = production(url, Path(folder), port)
            os.environ.update(environment)
            django.setup()
            logging.disable()  # what this process asks in order to see what there is, is nobody's concern
            text = _profile() if options.profile else _measure(options, server, url, port, environment)
    except (ServiceError, ServerError, BenchError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    """Let a `kill` take the servers along, too."""
    raise SystemExit(143)


def _measure(options: Options, server: postgres.Durable, url: str, port: int, environment: dict[str, str]) -> str:
    # What follows knows the models, and those the settings, which now know the database's address.
    from bench import report, run  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with (
        psycopg.connect(url, autocommit=True) as database,
        serving(environment, port, options.workers, options.threads) as site,
    ):
        meters = Meters(database, server.pid, site.pid)
        results = run.Bench(options, url, database, site, meters).run()
        return report.report(options, results, report.facts_of(options, database))


def _profile() -> str:
    from bench import profiling  # noqa: PLC0415  # as above

    call_command("migrate", verbosity=0)
    return profiling.profile()


if __name__ == "__main__":
    sys.exit(main())
