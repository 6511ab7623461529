"""Turnout's production server, as `manage.py serve` starts it."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.options import ROOT

HOST = "127.0.0.1"
_SCOPES = ("REGISTRATION", "CONFIRM", "LOGIN", "SIGNUP", "VERIFY", "MAILBOX")
_START_SECONDS = 60
_STOP_SECONDS = 20
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG")


class ServerError(Exception):
    """The server did not start; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Site:
    """A running server."""

    port: int
    pid: int  # the process that started all the others


def production(database_url: str, folder: Path, port: int) -> dict[str, str]:
    """Return the environment of a production, and nothing of the developer's own."""
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "turnout.config.settings",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DEBUG": "False",
        "ALLOWED_HOSTS": HOST,
        "PUBLIC_BASE_URL": f"http://{HOST}:{port}",
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        **{f"THROTTLE_{scope}": "" for scope in _SCOPES},  # all clients have one address
    }


@contextmanager
def held_port() -> Iterator[int]:
    """Yield a port that is kept for us: bound, but not listened on. Granian, too, sets SO_REUSEPORT."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((HOST, 0))
        yield holder.getsockname()[1]


@contextmanager
def serving(environment: dict[str, str], port: int, workers: int, threads: int = 2) -> Iterator[Site]:
    """Run the server without a worker, whose sweeps would be measured too; yield it once it answers."""
    words = ["manage.py", "serve", "--bind", f"{HOST}:{port}", "--workers", str(workers), "--no-worker"]
    words += ["--threads", str(threads)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603  # the words are our own
            [sys.executable, *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            if not _answers(port, process):
                log.seek(0)
                raise ServerError(log.read().decode(errors="replace"))
            yield Site(port, process.pid)
        finally:
            _stop(process)


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until it answers; False if it ends instead, or takes too long."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=_START_SECONDS)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/api/health/")
            if connection.getresponse().status == http.client.OK:
                return True
        connection.close()
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it as a service manager would, and by force if that takes too long."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
