"""The arithmetic of the benchmark: medians, percentiles, windows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import windows
from bench.figures import NANOSECONDS, per_day, percentile, rate, spread

SECOND = NANOSECONDS


def test_a_spread_is_the_least_the_median_and_the_greatest() -> None:
    found = spread([5.0, 1.0, 3.0])
    assert (found.low, found.median, found.high, found.count) == (1.0, 3.0, 5.0, 3)


def test_nothing_measured_has_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([float(n) for n in range(1, 101)], percent) == expected


def test_the_percentiles_of_one_value_are_that_value() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(1, 100))
def test_a_percentile_is_a_value_that_was_measured(values: list[float], percent: float) -> None:
    assert percentile(values, percent) in values


def test_a_rate_is_jobs_a_second_between_two_moments() -> None:
    assert rate(500, 3 * SECOND, 5 * SECOND) == 250


def test_what_happened_in_ten_minutes_happens_144_times_as_often_in_a_day() -> None:
    assert per_day(2, 600) == 288


def test_a_job_belongs_to_the_window_in_which_it_was_enqueued() -> None:
    called = {0: 0, 1: SECOND - 1, 2: SECOND, 3: 5 * SECOND}
    started = {0: 2_000_000, 1: 3 * SECOND, 2: SECOND + 4_000_000}
    first, second = windows.latencies(called, started, begin_ns=0, length_ns=SECOND, count=2)
    assert (first["enqueued_per_second"], second["enqueued_per_second"]) == (2, 1)
    assert first["latency_p50"] == 2.0
    assert second["latency_p99"] == 4.0


def test_a_window_without_starts_has_no_latency() -> None:
    (only,) = windows.latencies({0: 0}, {}, begin_ns=0, length_ns=SECOND, count=1)
    assert only == {"enqueued_per_second": 1}


def test_the_rate_of_a_window_is_what_was_added_in_it() -> None:
    samples = [(0, 10), (SECOND, 110), (2 * SECOND, 160)]
    found = windows.rates(samples, begin_ns=0, length_ns=SECOND, count=2)
    assert [window["jobs_per_second"] for window in found] == [100, 50]


def test_a_statement_belongs_to_the_window_in_which_it_ended() -> None:
    noted = [(SECOND // 2, 3_000_000), (SECOND + 1, 9_000_000)]
    first, second = windows.turns(noted, begin_ns=0, length_ns=SECOND, count=2)
    assert (first["claim_p99"], second["claim_p99"]) == (3.0, 9.0)
