"""A long measure cut into windows of equal length, so that its end can be held to its start."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from bench.figures import MILLISECOND, NANOSECONDS, percentile


def window_of(at_ns: int, begin_ns: int, length_ns: int, count: int) -> int | None:
    """Return the number of the window that a moment falls into, if any."""
    index = (at_ns - begin_ns) // length_ns
    return int(index) if 0 <= index < count else None


def latencies(
    called: Mapping[int, int],
    started: Mapping[int, int],
    *,
    begin_ns: int,
    length_ns: int,
    count: int,
) -> list[dict[str, Any]]:
    """Return for each window how many were enqueued, and how long they waited.

    `called` says when the call began that enqueued a job, `started` when its handler did.
    """
    enqueued = [0] * count
    waits: list[list[float]] = [[] for _ in range(count)]
    for n, call_ns in called.items():
        window = window_of(call_ns, begin_ns, length_ns, count)
        if window is None:
            continue
        enqueued[window] += 1
        if n in started:
            waits[window].append((started[n] - call_ns) / MILLISECOND)
    seconds = length_ns / NANOSECONDS
    return [
        {
            "enqueued_per_second": enqueued[window] / seconds,
            **_ends(waits[window], "latency"),
        }
        for window in range(count)
    ]


def rates(
    samples: Sequence[tuple[int, int]], *, begin_ns: int, length_ns: int, count: int
) -> list[dict[str, Any]]:
    """Return the rate in each window from samples of (moment, runs so far), in order."""
    moments = [moment for moment, _ in samples]

    def runs_at(moment: int) -> int:
        index = bisect_left(moments, moment)
        return samples[min(index, len(samples) - 1)][1]

    edges = [runs_at(begin_ns + window * length_ns) for window in range(count + 1)]
    seconds = length_ns / NANOSECONDS
    return [
        {"jobs_per_second": (edges[window + 1] - edges[window]) / seconds}
        for window in range(count)
    ]


def turns(
    noted: Sequence[tuple[int, int]], *, begin_ns: int, length_ns: int, count: int
) -> list[dict[str, Any]]:
    """Return the percentiles of the statements that ended in each window."""
    found: list[list[float]] = [[] for _ in range(count)]
    for end_ns, turn_ns in noted:
        window = window_of(end_ns, begin_ns, length_ns, count)
        if window is not None:
            found[window].append(turn_ns / MILLISECOND)
    return [_ends(values, "claim") for values in found]


def _ends(values: Sequence[float], name: str) -> dict[str, float]:
    if not values:
        return {}
    return {f"{name}_p50": percentile(values, 50), f"{name}_p99": percentile(values, 99)}
