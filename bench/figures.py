"""From windows to figures: pure arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from statistics import median

from bench.load import Window

_MS = 1_000.0


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed (nearest rank)."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank), 1) - 1]


@dataclass(frozen=True, slots=True)
class Figures:
    """One window's, or the medians of several. Times and CPU are in milliseconds, CPU and statements per request."""

    rate: float  # requests a second
    p50: float
    p95: float
    p99: float
    web_cpu: float
    database_cpu: float
    client_cpu: float
    statements: float
    frames: float
    cores: float  # that web, database and clients kept busy, together
    others: float  # cores that anything else on the machine kept busy


def figures_of(window: Window) -> Figures:
    """Return the figures of one window; every request of it counts."""
    ordered = sorted(chain.from_iterable(client.latencies for client in window.clients))
    done = window.done
    web_cpu = window.after.web_cpu - window.before.web_cpu
    database_cpu = window.after.database_cpu - window.before.database_cpu
    ours = web_cpu + database_cpu + window.client_cpu
    return Figures(
        rate=done / window.seconds,
        p50=percentile(ordered, 50) * _MS,
        p95=percentile(ordered, 95) * _MS,
        p99=percentile(ordered, 99) * _MS,
        web_cpu=web_cpu / done * _MS,
        database_cpu=database_cpu / done * _MS,
        client_cpu=window.client_cpu / done * _MS,
        statements=(window.after.statements - window.before.statements) / done,
        frames=(window.after.frames - window.before.frames) / done,
        cores=ours / window.seconds,
        others=max(window.after.machine_cpu - window.before.machine_cpu - ours, 0) / window.seconds,
    )


def medians(several: Sequence[Figures]) -> Figures:
    """Return the median of each figure."""
    return Figures(*(median(getattr(one, field.name) for one in several) for field in fields(Figures)))


def spread(several: Sequence[Figures]) -> float:
    """Return how far the rates lie apart: greatest less smallest, as a share of their median."""
    rates = [one.rate for one in several]
    return (max(rates) - min(rates)) / median(rates)


def ratio(ours: Sequence[Figures], bare: Sequence[Figures]) -> float:
    """Return the median of the rates' ratios, each of two windows that followed one another.

    What slows the machine down for a while slows both of a pair.
    """
    return median(one.rate / other.rate for one, other in zip(ours, bare, strict=True))


def by_label(windows: Sequence[Window], label: Callable[[int, int], str]) -> dict[str, list[float]]:
    """Return the sorted latencies (seconds) of all windows by what was asked: `label(client, number of the deed)`."""
    found: dict[str, list[float]] = {}
    for window in windows:
        for number, client in enumerate(window.clients):
            for place, latency in enumerate(client.latencies, start=client.warmed):
                found.setdefault(label(number, place), []).append(latency)
    return {name: sorted(latencies) for name, latencies in found.items()}
