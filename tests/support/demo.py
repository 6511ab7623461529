"""What `make run` runs, on a fresh folder."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.races.processes import kill

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 60


@dataclass(frozen=True)
class Demo:
    """A running demo: its address, and the environment in which commands reach its database."""

    address: str
    environment: dict[str, str]

    def manage(self, *words: str) -> str:
        """Run a management command beside it, and return what it said."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=_ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Demo]:
    """Run the demo, with these settings; yield it once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    environment = kept | {"ENV_FILE": os.devnull, "DATA_DIR": str(folder), "PORT": str(port)} | settings
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", str(port)],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _await_answer(f"{address}/api/health/")
        yield Demo(address, environment)
    finally:
        kill(process)


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(url, trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(url)
