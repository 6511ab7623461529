"""HTTP/1.1 over one kept connection, with as little work as can be."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from bench.server import HOST, Site

_CHUNK = 1 << 18
_TIMEOUT = 60.0
_TRIES = 400
_SETTLE = 5.0
_SHOWN = 300
_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = b"content-length:"


def get(path: str) -> bytes:
    """Return a whole request for this path."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: */*\r\n\r\n".encode()


def post(path: str, body: bytes, **headers: str) -> bytes:
    """Return a whole request that sends JSON."""
    named = {"Host": HOST, "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def ask(connection: socket.socket, requests: Iterable[bytes], status: bytes) -> Iterator[str]:
    """Send one request after the other; give "" for an answer with this status, else what it was."""
    for request in requests:
        connection.sendall(request)
        answer = receive(connection)
        yield "" if answer[9:12] == status else _first_of(answer)


def receive(connection: socket.socket) -> bytes:
    """Return one whole answer, head and body."""
    data = connection.recv(_CHUNK)
    while (end := data.find(_HEAD_ENDS)) < 0:
        data += _more(connection)
    head = data[:end].lower()
    at = head.find(_LENGTH)
    if at < 0:
        raise ConnectionError("an answer does not say its length")
    total = end + len(_HEAD_ENDS) + int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
    while len(data) < total:
        data += _more(connection)
    return data


def _first_of(answer: bytes) -> str:
    return f"{answer[9:12].decode()}: {answer.partition(_HEAD_ENDS)[2][:_SHOWN].decode(errors='replace')}"


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(_CHUNK)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


@contextmanager
def connected(site: Site, workers: tuple[int, ...], number: int) -> Iterator[socket.socket]:
    """Connect to the worker whose turn it is.

    Whichever worker is quicker takes a new connection, and keeps it: left to chance, one of two workers would now and
    then have most of the clients, and a window would measure that. So connect until it is the right one.
    """
    wanted = workers[number % len(workers)]
    for _ in range(_TRIES):
        connection = socket.create_connection((HOST, site.port), timeout=_TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _owner(connection, site.port, (wanted,)) == wanted:
            break
        connection.close()
    else:
        raise ConnectionError(f"worker {number % len(workers)} takes no connections")
    with connection:
        yield connection


def find_workers(site: Site, candidates: Iterable[int], count: int) -> tuple[int, ...]:
    """Return the processes that take connections: all that are there, in order."""
    known, found = tuple(candidates), set[int]()
    for _ in range(_TRIES):
        with socket.create_connection((HOST, site.port), timeout=_TIMEOUT) as connection:
            found.add(_owner(connection, site.port, known))
        if len(found - {0}) == count:
            return tuple(sorted(found - {0}))
    raise ConnectionError(f"{len(found - {0})} of {count} workers take connections")


def _owner(connection: socket.socket, port: int, candidates: tuple[int, ...]) -> int:
    """Return which of the processes has the other end of a connection; 0 if none has."""
    inode = _inode(connection.getsockname()[1], port)
    return next((pid for pid in candidates if f"socket:[{inode}]" in _descriptors(pid)), 0)


def _descriptors(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.add(os.readlink(link))  # noqa: PTH115  # Path.readlink makes a Path of what is none
    return found


def _inode(client: int, server: int) -> str:
    """Return the inode of the server's end; until somebody has accepted the connection it is 0."""
    ends = f"{_address(server)} {_address(client)}"
    deadline = monotonic() + _SETTLE
    while monotonic() < deadline:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if f"{fields[1]} {fields[2]}" == ends and fields[9] != "0":
                return fields[9]
        sleep(0.001)
    raise ConnectionError("nobody accepts connections")


def _address(port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(HOST), 'little'):08X}:{port:04X}"
