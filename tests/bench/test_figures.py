from array import array

import pytest

from bench import secrecy
from bench.figures import by_label, figures_of, medians, percentile, ratio, spread
from bench.load import Client, Window
from bench.meters import Reading, Stat, busy_ticks, family, family_ticks, read_stat


def window(*latencies: float, warmed: int = 0, seconds: float = 1) -> Window:
    client = Client(warmed, array("d", latencies), started=5, ended=5 + seconds, cpu=0.002, errors=(), failed=0)
    before = Reading(web_cpu=1, database_cpu=2, statements=10, frames=0, machine_cpu=50)
    after = Reading(web_cpu=1.4, database_cpu=2.2, statements=26, frames=8, machine_cpu=51)
    return Window((client,), before, after)


@pytest.mark.parametrize(("percent", "value"), [(50, 5), (95, 10), (90, 9), (1, 1), (100, 10)])
def test_a_percentile_is_a_value_that_occurred(percent: float, value: float) -> None:
    assert percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], percent) == value


def test_the_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7], 99) == 7


def test_figures_are_per_request_and_in_milliseconds() -> None:
    found = figures_of(window(0.001, 0.004, 0.002, 0.003))
    assert (found.rate, found.p50, found.p99) == (4, 2, 4)
    assert [found.web_cpu, found.database_cpu, found.client_cpu] == pytest.approx([100, 50, 0.5])
    assert (found.statements, found.frames) == (4, 2)
    assert [found.cores, found.others] == pytest.approx([0.602, 0.398])


def test_medians_spread_and_ratio_of_windows() -> None:
    slow, usual, fast = (figures_of(window(*[0.001] * count)) for count in (8, 10, 12))
    assert medians([fast, slow, usual]).rate == 10
    assert spread([fast, slow, usual]) == pytest.approx(0.4)
    assert ratio([slow, usual], [usual, figures_of(window(*[0.001] * 20))]) == pytest.approx(0.65)


def test_latencies_are_told_apart_by_what_was_asked_after_the_warm_up() -> None:
    found = by_label([window(0.3, 0.1, 0.2, warmed=1)], lambda client, deed: f"{client}:{deed % 2}")
    assert found == {"0:1": [0.2, 0.3], "0:0": [0.1]}


def test_a_process_may_be_named_anything() -> None:
    line = "42 (a ) b (c) S 7 42 42 0 -1 4194304 99 0 0 0 11 5 300 20 20 0 1 0 1166019 3133440 409"
    assert read_stat(line) == Stat(parent=7, own=16, of_the_dead=320)


def test_the_machine_is_busy_where_it_is_neither_idle_nor_waiting() -> None:
    assert busy_ticks("cpu  1 2 4 1000 2000 8 16 32 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n") == 63


def test_a_family_is_counted_whole_and_without_strangers() -> None:
    stats = {1: Stat(0, 1000, 1000), 5: Stat(1, 10, 3), 6: Stat(5, 20, 0), 7: Stat(6, 40, 5), 8: Stat(1, 500, 0)}
    assert (family(stats, 5), family_ticks(stats, 5)) == ([5, 6, 7], 78)
    assert family(stats, 99) == []


def test_the_area_is_a_half_where_nothing_tells_two_sets_apart_and_one_where_all_of_one_are_greater() -> None:
    assert secrecy.area([1, 2, 3], [1, 2, 3]) == 0.5
    assert secrecy.area([4, 5], [1, 2, 3]) == 1
    assert secrecy.area([1, 4], [2, 3]) == 0.5
