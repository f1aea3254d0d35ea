"""The arithmetic of the tables: medians, percentiles, ratios, rates."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

NANOSECONDS = 1_000_000_000
MILLISECOND = 1_000_000
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Spread:
    """Several repeats of one measure."""

    low: float
    median: float
    high: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """Return the least, the median and the greatest; raises ValueError where there is none."""
    if not values:
        raise ValueError("nothing was measured")
    return Spread(min(values), statistics.median(values), max(values), len(values))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the least value that at least `percent` of all do not exceed (nearest rank)."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the percentiles that the tables show."""
    return {
        "p50": percentile(values, 50),
        "p95": percentile(values, 95),
        "p99": percentile(values, 99),
        "max": max(values),
    }


def per_day(count: float, seconds: float) -> float:
    """Return how often in a day, for what happened `count` times in `seconds`."""
    return count * DAY_SECONDS / seconds


def rate(count: int, begin_ns: int, end_ns: int) -> float:
    """Return how many a second, between two readings of CLOCK_MONOTONIC."""
    return count * NANOSECONDS / max(1, end_ns - begin_ns)
