"""Clients that do one deed after the other, each in a process of its own, and how long each deed took.

A client is to cost as little as it can, since it runs on the cores of what is measured: one blocking socket, bytes made
beforehand, no library in between. What it costs all the same is measured and printed.
"""

import gc
import multiprocessing
import resource
import signal
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from time import perf_counter

from bench.meters import Meters, Reading

# Given a client's number, its deeds: each `next()` does one and gives "", or what went wrong. What it takes to begin,
# such as connecting, happens in the first. One that ends has used up what was prepared for it.
Work = Callable[[int], Iterator[str]]

_PATIENCE = 120  # seconds beyond the window
_ERRORS_KEPT = 5
# Processes that were forked share what was prepared instead of copying it.
_fork = multiprocessing.get_context("fork")


class BenchError(Exception):
    """Something went wrong, or was answered or counted wrongly: the figures are worth nothing. The text says what."""


@dataclass(frozen=True, slots=True)
class Client:
    """What one client did in the window."""

    warmed: int  # deeds before the window
    latencies: "array[float]"  # seconds, in order
    started: float
    ended: float
    cpu: float  # seconds
    errors: tuple[str, ...]
    failed: int


@dataclass(frozen=True, slots=True)
class Window:
    """One measured window. Times are in seconds."""

    clients: tuple[Client, ...]
    before: Reading
    after: Reading

    @property
    def seconds(self) -> float:
        """From the first client's start to the last one's end."""
        return max(client.ended for client in self.clients) - min(client.started for client in self.clients)

    @property
    def done(self) -> int:
        """How many deeds the window holds."""
        return sum(len(client.latencies) for client in self.clients)

    @property
    def warmed(self) -> int:
        """How many deeds were done before it."""
        return sum(client.warmed for client in self.clients)

    @property
    def client_cpu(self) -> float:
        """What the clients themselves took."""
        return sum(client.cpu for client in self.clients)

    @property
    def failed(self) -> int:
        """How many deeds went wrong, in the warm-up too."""
        return sum(client.failed for client in self.clients)

    @property
    def errors(self) -> list[str]:
        """Some of what went wrong."""
        return [error for client in self.clients for error in client.errors][:_ERRORS_KEPT]


def measure(work: Work, clients: int, warm_up: float, duration: float, meters: Meters) -> Window:
    """Let so many clients work at once, and read the meters just before and just after the window.

    All clients rest while the meters are read, so that what they show belongs to the window's deeds and to no other.
    As soon as one client has used up what was prepared, all stop: a window always has all its clients.
    """
    gate, stop = _fork.Barrier(clients + 1), _fork.Value("b", 0, lock=False)
    pipes, processes = [], []
    for number in range(clients):
        mine, theirs = _fork.Pipe(duplex=False)
        process = _fork.Process(target=_client, args=(work, number, warm_up, duration, gate, stop, theirs), daemon=True)
        process.start()
        theirs.close()
        pipes.append(mine)
        processes.append(process)
    try:
        gate.wait(_PATIENCE + warm_up)
        before = meters.read()
        gate.wait(_PATIENCE)
        done = [_result(pipe, _PATIENCE + duration) for pipe in pipes]
        after = meters.read()
    except (RuntimeError, EOFError) as error:  # a broken barrier is a RuntimeError
        told = [text for pipe in pipes if pipe.poll(1) and isinstance(text := _read(pipe), str)]
        raise BenchError("; ".join(dict.fromkeys(told)) or f"clients hang: {error!r}") from error
    finally:
        for process in processes:
            process.join(1)
            process.kill()
    return Window(tuple(done), before, after)


def _read(pipe: "Connection[object, Client | str]") -> Client | str | None:
    try:
        return pipe.recv()
    except EOFError:
        return None


def _result(pipe: "Connection[object, Client | str]", patience: float) -> Client:
    if not pipe.poll(patience):
        raise BenchError(f"a client has not ended after {patience:.0f} s")
    result = pipe.recv()
    if isinstance(result, str):
        raise BenchError(result)
    return result


def _client(  # noqa: PLR0913, PLR0917  # a process takes what it needs as arguments
    work: Work,
    number: int,
    warm_up: float,
    duration: float,
    gate: Barrier,
    stop: "Synchronized[int]",
    pipe: "Connection[Client | str, object]",
) -> None:
    """Be one client, and send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's business
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()  # a collection would be somebody's latency
    try:
        deeds = work(number)
        errors: list[str] = []
        warmed = _warm(deeds, warm_up, errors)
        gate.wait(_PATIENCE)
        gate.wait(_PATIENCE)
        pipe.send(_work(deeds, duration, stop, warmed, errors))
    except Exception as error:  # noqa: BLE001  # whatever it is, the run must hear of it
        pipe.send(f"client {number}: {type(error).__name__}: {error}")
        gate.abort()


def _warm(deeds: Iterator[str], seconds: float, errors: list[str]) -> int:
    end, done = perf_counter() + seconds, 0
    while not done or perf_counter() < end:
        error = next(deeds, None)
        if error is None:
            raise BenchError("what was prepared is used up before the window begins")
        if error:
            errors.append(error)
        done += 1
    return done


def _work(deeds: Iterator[str], seconds: float, stop: "Synchronized[int]", warmed: int, errors: list[str]) -> Client:
    latencies = array("d")
    cpu = _own_cpu()
    started = before = perf_counter()
    end = started + seconds
    while before < end and not stop.value:
        error = next(deeds, None)
        after = perf_counter()
        if error is None:
            stop.value = 1
            break
        latencies.append(after - before)
        if error:
            errors.append(error)
        before = after
    return Client(warmed, latencies, started, before, _own_cpu() - cpu, tuple(errors[:_ERRORS_KEPT]), len(errors))


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
