"""Turnout's processes as they run in production: the server and the worker, each in processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("manage.py",)
SABOTAGED = ("-m", "tests.races.sabotaged")  # knows the same two commands
NO_WORKER = ("--no-worker",)
_START_SECONDS = 60
_STOP_SECONDS = 20
_SCOPES = (
    "REGISTRATION",
    "CONFIRM",
    "LOGIN",
    "SIGNUP",
    "VERIFY",
    "PAIR",
    "MAILBOX",
    "ATTACK",
    "EVENT_MAIL",
    "SECOND_FACTOR",
)
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG")


@dataclass(frozen=True)
class Place:
    """A database and a folder: all that the processes of one installation share."""

    kind: str
    database_url: str
    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        """Return a production's environment, and nothing of the developer's own."""
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            "ENV_FILE": os.devnull,
            "SECRET_KEY": settings.SECRET_KEY,  # so that the test makes the same tokens
            "DEBUG": "False",
            "ALLOWED_HOSTS": "127.0.0.1",
            "PUBLIC_BASE_URL": "http://127.0.0.1",
            "DATABASE_URL": self.database_url,
            "DATA_DIR": str(self.folder),
            "LOG_LEVEL": "WARNING",
            **{f"THROTTLE_{scope}": "" for scope in _SCOPES},  # all visitors come from one address
            **more,
        }

    def start(self, words: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        """Start one of our commands in a process group of its own; what it says goes to the log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(  # the words are our own
                [sys.executable, *words],
                cwd=ROOT,
                env=self.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> Path:
        """Where all processes of this place write what they have to say."""
        return self.folder / "log"


@contextmanager
def serving(
    place: Place, entrance: Sequence[str] = PRODUCT, options: Sequence[str] = NO_WORKER, **environment: str
) -> Iterator[str]:
    """Run the server with two processes and, unless asked for, no worker; yield its base URL once it answers."""
    with free_port() as port:
        url = f"http://127.0.0.1:{port}"
        words = [*entrance, "serve", "--bind", f"127.0.0.1:{port}", "--workers", "2", *options]
        process = place.start(words, **{"PUBLIC_BASE_URL": url, "EMAIL_URL": "smtp://127.0.0.1:9", **environment})
        try:
            await_answer(url, process, place.log)
            _warm_up(url)
            yield url
        finally:
            kill(process)


@contextmanager
def working(
    place: Place, mail_port: int, entrance: Sequence[str] = PRODUCT, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker that delivers to this port, and stop it in the end as a service manager would."""
    process = place.start([*entrance, "worker"], EMAIL_URL=f"smtp://127.0.0.1:{mail_port}", **environment)
    try:
        yield process
        process.terminate()
        process.wait(_STOP_SECONDS)
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all it started as a power cut would; it may be gone already."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def free_port() -> Iterator[int]:
    """Yield a port that is kept for us: bound, but not listened on. Granian, too, sets SO_REUSEPORT."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def await_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server answers that all is well."""
    deadline = time.monotonic() + _START_SECONDS
    with _client() as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get(f"{url}/api/health/").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


def _warm_up(url: str) -> None:
    """Let each of its processes answer once: the first answer takes long, and is no race."""
    with _client() as client:
        for _ in range(12):  # each connection goes to either
            client.get(f"{url}/api/health/")


def _client() -> httpx.Client:
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)
