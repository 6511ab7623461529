"""An installation in use: a database, servers on it that can die, and the product's own actions beside them."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from django.test import Client

from tests.races.processes import PRODUCT, Place, await_answer, free_port, kill
from turnout.accounts.models import User

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Installation:
    """Where everything is kept, and the thread in which the test works there: its own belongs to the browser."""

    place: Place
    thread: ThreadPoolExecutor

    def do(self, deed: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.thread.submit(deed, *args, **kwargs).result()


class Server:
    """One that can die and come back at the same address."""

    def __init__(self, place: Place, command: str, port: int, **environment: str) -> None:
        self.environment = environment
        self.place, self.words, self.address = place, [*PRODUCT, command, "--bind"], f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        self.process = self.place.start([*self.words, self.address], PUBLIC_BASE_URL=self.url, **self.environment)
        await_answer(self.url, self.process, self.place.log)

    def die(self) -> None:
        kill(self.process)


@contextmanager
def running(place: Place, command: str, **environment: str) -> Iterator[Server]:
    with free_port() as port:
        server = Server(place, command, port, **environment)
        server.start()
        try:
            yield server
        finally:
            server.die()


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
