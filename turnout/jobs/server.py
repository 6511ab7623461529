"""The server: granian over WSGI, which for synchronous views is twice as fast as ASGI; over ASGI only streams."""

import errno
import gc
import os
import signal
import socket
import threading
import time
from typing import Any

from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from granian import Granian
from granian.constants import Interfaces

from turnout.jobs.worker import in_background

# How the command tells the processes it starts.
_WORKER_INSIDE = "TURNOUT_WORKER_INSIDE"
_DEMO = "TURNOUT_DEMO"
_OWN_MACHINE = "turnout.E001"  # of turnout/config/checks.py, where the rules are
_COLLECT_EVERY = 10_000, 20, 20  # objects, and collections of the younger generations
# A process. Four got a tenth less done, and made every twentieth request wait twice as long: for each other's core. One
# gets more done where all are short, such as scans; but then a sheet or a PDF holds up all others of its process.
THREADS = 2
_LEAVE_SECONDS = 10  # streams end at once; who hangs is not waited for


def serve(  # noqa: PLR0913  # each is an option of the command
    host: str,
    port: int,
    *,
    processes: int = 1,
    threads: int = THREADS,
    worker_inside: bool = True,
    demo: bool = False,
) -> None:
    """Serve until stopped; ImproperlyConfigured if that would be unsafe, OSError if nobody can listen there.

    With `worker_inside` each process does the work that is due, too.
    """
    os.environ[_WORKER_INSIDE] = str(int(worker_inside))
    os.environ[_DEMO] = str(int(demo))
    more = {"interface": Interfaces.WSGI, "workers": processes, "blocking_threads": threads}
    _run("turnout.config.wsgi:application", host, port, **more)


def live(host: str, port: int) -> None:
    """Serve streams that stay open until stopped, from one process; the same errors."""
    os.environ[_WORKER_INSIDE] = "0"
    more = {"interface": Interfaces.ASGI, "workers": 1, "workers_kill_timeout": _LEAVE_SECONDS}
    _run("turnout.config.asgi:application", host, port, **more)


def _run(application: str, host: str, port: int, **more: Any) -> None:
    refuse_unsafe()
    check_free(host, port)
    Granian(
        application,
        address=host,
        port=port,
        respawn_failed_workers=True,
        websockets=False,
        log_access=False,  # its lines would hold query strings, and those hold tokens
        **more,
    ).serve()


def begin() -> None:
    """Do what every server process does before its first request, whoever started it."""
    refuse_unsafe()
    if _WORKER_INSIDE in os.environ:
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), name="parent", daemon=True).start()
    if os.environ.get(_WORKER_INSIDE) == "1":
        in_background()
    # What is loaded by now stays. To look through it for garbage every few hundred objects took a quarter of a list's
    # CPU time, of which this leaves little.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_EVERY)


def refuse_unsafe() -> None:
    """Raise ImproperlyConfigured, saying what to set, unless this is a production configuration or the demo."""
    found = run_checks(tags=["production"], include_deployment_checks=True)
    meant = {_OWN_MACHINE} if os.environ.get(_DEMO) == "1" else set()
    errors = [message for message in found if message.is_serious() and message.id not in meant]
    if errors:
        message = "\n".join(f"{error.msg} {error.hint or ''}".rstrip() for error in errors)
        raise ImproperlyConfigured(f"This is the production server, and it will not start:\n{message}")


def check_free(host: str, port: int) -> None:
    """Raise OSError where somebody listens already: granian itself would share the port with them."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OverflowError as error:
        raise OSError(str(error)) from error
    except OSError:
        return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _end_with_parent(parent: int) -> None:
    """End this process when the one that started it was killed: else it would go on serving old code."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os._exit(1)
