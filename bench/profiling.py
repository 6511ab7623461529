"""Where the time of a registration and of a list goes, in one process: the application called as its server calls it.

Two looks at the same work. A sampler, which costs nothing worth mentioning, tells the shares: every few milliseconds
of CPU it notes which layer is at work. cProfile, which makes calls of small functions look dearer than they are, tells
the functions.
"""

import cProfile
import io
import itertools
import json
import pstats
import signal
import sysconfig
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

from bench.options import ROOT
from bench.report import table
from bench.server import HOST
from turnout.config.wsgi import application
from turnout.core.clock import now
from turnout.events.actions import Capacity, Parts, create_event
from turnout.events.models import Event

_INTRODUCTION = """\
Made by `make bench-profile`: one process with one thread calls the WSGI application, on PostgreSQL with durable
settings. The first table's CPU comes from sampling; what the standard library and Django's utilities do counts to the
layer that calls them. Its last column is time as cProfile counts it: with waiting for the database, and with the
overhead of every call, as in the other two tables."""
_WARM_UP, _PLAIN, _SAMPLED, _PROFILED = 2.0, 5.0, 15.0, 8.0  # seconds
_INTERVAL = 0.004  # seconds of CPU: the kernel's tick; a shorter one would not come oftener
_TOP = 30
_ID = uuid.UUID(int=0)
_PACKAGES = sysconfig.get_path("purelib")
_LIBRARY = sysconfig.get_path("stdlib")
# The first that fits names the layer.
_LAYERS = (
    ("turnout/config/", "middleware and handlers"),
    ("turnout/", "our own code"),
    ("bench/", "the bench itself"),
    ("rest_framework/", "Django REST framework"),
    ("django/db/models/", "ORM: models and SQL compiler"),
    ("django/db/", "Django's connection and transactions"),
    ("psycopg_pool/", "connection pool"),
    ("psycopg", "psycopg and waiting for the database"),
    ("corsheaders/", "middleware and handlers"),
    ("whitenoise/", "middleware and handlers"),
    ("django_otp/", "middleware and handlers"),
    ("django/middleware/", "middleware and handlers"),
    ("django/contrib/", "middleware and handlers"),
    ("django/core/handlers/", "middleware and handlers"),
    ("django/http/", "request and response"),
    ("django/urls/", "routing"),
    ("django/utils/", "Django's utilities"),
    ("django/", "the rest of Django"),
    ("structlog/", "logging"),
    ("logging/", "logging"),
    ("email_validator/", "checking address and phone"),
    ("phonenumbers/", "checking address and phone"),
    ("idna/", "checking address and phone"),
)
_Function: TypeAlias = tuple[str, int, str]  # file, line, name: as pstats has them


@dataclass(frozen=True, slots=True)
class Entry:
    """What cProfile tells of a function. Times are in seconds, over all requests."""

    function: _Function
    calls: int
    own: float
    in_all: float
    callers: dict[_Function, float]  # who called it, and its own time on their behalf


def profile() -> str:
    """Return the document: of each deed its CPU, the layers' shares, and the dearest functions."""
    events = _make_events()
    numbers = itertools.count()

    def register() -> None:
        number = next(numbers)
        body = {
            "event": events[number % len(events)],
            "full_name": "Amina Haddad",
            "email": f"guest{number}@example.org",
            "phone": "+213 555 12 34 56",
            "attendance_type": "on_site",
        }
        _call(_environ("POST", "/api/registrations/", json.dumps(body).encode()), "201")

    deeds = {
        "`POST /api/registrations/`, over 100 events": register,
        "`GET /api/events/`, a page of 20": lambda: _call(_environ("GET", "/api/events/", b""), "200"),
    }
    return "\n\n".join(["# Where the time goes", _INTRODUCTION, *itertools.starmap(_profile, deeds.items())]) + "\n"


def _profile(name: str, call: Callable[[], None]) -> str:
    _times(call, _WARM_UP)
    _, wall, cpu = _times(call, _PLAIN)
    samples = _sample(call)
    entries, requests = _profiled(call)
    total = sum(samples.values())
    layers = _by_layer(entries)
    traced = sum(layers.values())
    parts = [
        f"## {name}",
        f"A request takes {wall * 1000:.2f} ms: {cpu * 1000:.2f} ms of this process's CPU, then the database.",
        table(
            ["layer", "CPU, sampled", "ms a request", "time, cProfile"],
            (
                [layer, f"{share / total:.1%}", f"{share / total * cpu * 1000:.3f}", f"{layers[layer] / traced:.1%}"]
                for layer, share in samples.most_common()
            ),
        ),
        "By own time:",
        _top(entries, requests, lambda entry: entry.own),
        "By time with all it calls:",
        _top(entries, requests, lambda entry: entry.in_all),
    ]
    return "\n\n".join(parts)


def layer_of(file: str) -> str:
    """Name the layer a file belongs to."""
    short = _short(file)
    return next((layer for start, layer in _LAYERS if short.startswith(start)), "standard library and the rest")


def _short(file: str) -> str:
    """Return a file's place within its package, the same on every machine."""
    if file == "~":
        return file  # a built-in
    for folder in (_PACKAGES, str(ROOT), _LIBRARY):
        if file.startswith(folder):
            return file[len(folder) + 1 :]
    return Path(file).name


def _make_events() -> list[str]:
    start = now() + timedelta(days=30)
    made = []
    for number in range(100):
        event = Event(title=f"Event {number}", starts_at=start, ends_at=start + timedelta(hours=2))
        made.append(str(create_event(event, Capacity(1_000_000), Parts(languages=["en"])).pk))
    return made


def _call(environ: dict[str, Any], status: str) -> None:
    """Let the application answer, as a server would; AssertionError for another status."""
    statuses: list[str] = []

    def start(line: str, _headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], object]:
        statuses.append(line)
        return io.BytesIO().write

    answer: Any = application(environ, start)
    content = b"".join(answer)
    answer.close()
    if not statuses[0].startswith(status):
        raise AssertionError(f"{statuses[0]}: {content.decode()}")


def _environ(method: str, path: str, body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": HOST,
        "HTTP_HOST": HOST,
        "HTTP_ACCEPT": "*/*",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _times(call: Callable[[], None], seconds: float) -> tuple[int, float, float]:
    """Call for so long; return how often, and seconds by the clock and of this process's CPU, a request."""
    wall, cpu, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() < wall + seconds:
        call()
        count += 1
    return count, (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


def _sample(call: Callable[[], None]) -> Counter[str]:
    """Return how often each layer was found at work."""
    found: Counter[str] = Counter()

    def note(_number: int, frame: FrameType | None) -> None:
        # Of the standard library and Django's utilities nobody asks for itself: whoever called them counts.
        while frame is not None and _serves(layer_of(frame.f_code.co_filename)):
            frame = frame.f_back
        if frame is not None:
            found[layer_of(frame.f_code.co_filename)] += 1

    before = signal.signal(signal.SIGPROF, note)
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
    try:
        _times(call, _SAMPLED)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return found


def _serves(layer: str) -> bool:
    return layer in {"standard library and the rest", "Django's utilities"}


def _profiled(call: Callable[[], None]) -> tuple[list[Entry], int]:
    profile = cProfile.Profile()
    profile.enable()
    requests, _, _ = _times(call, _PROFILED)
    profile.disable()
    raw: dict[_Function, tuple[int, int, float, float, dict[_Function, Any]]]
    raw = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # set at run time
    entries = [
        Entry(function, calls, own, in_all, {caller: part[2] for caller, part in callers.items()})
        for function, (_, calls, own, in_all, callers) in raw.items()
    ]
    return entries, requests


def _by_layer(entries: Sequence[Entry]) -> Counter[str]:
    """Return own seconds by layer; what has no layer of its own is shared out among its callers' layers."""
    found: Counter[str] = Counter()
    for entry in entries:
        layer = layer_of(entry.function[0])
        shares = entry.callers if _serves(layer) and entry.callers else {entry.function: entry.own}
        for caller, seconds in shares.items():
            found[layer_of(caller[0])] += seconds  # type: ignore[assignment]  # a Counter of seconds
    return found


def _top(entries: Sequence[Entry], requests: int, order: Callable[[Entry], float]) -> str:
    ours = [entry for entry in entries if not _short(entry.function[0]).startswith("bench/")]
    return table(
        ["function", "calls a request", "own ms", "ms with all it calls"],
        (
            [
                _name(entry.function),
                f"{entry.calls / requests:.1f}",
                f"{entry.own / requests * 1000:.3f}",
                f"{entry.in_all / requests * 1000:.3f}",
            ]
            for entry in sorted(ours, key=order, reverse=True)[:_TOP]
        ),
    )


def _name(function: _Function) -> str:
    file, line, name = function
    clean = name.replace("|", "\\|")
    return f"`{clean}`" if file == "~" else f"`{_short(file)}:{line}` {clean}"
