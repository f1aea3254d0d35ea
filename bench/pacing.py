"""Calls to a producer, timed and paced alike for every system. Standard library only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench import tally
from bench.payload import payload

Timed = list[tuple[int, int]]


def each(
    enqueue: Callable[[dict[str, Any]], object],
    first: int,
    count: int,
    *,
    every_seconds: float,
    trace: bool,
) -> Timed:
    """Call `enqueue` for each job in turn; return the begin and the end of every call."""
    timed: Timed = []
    schedule = _Schedule(every_seconds)
    for n in range(first, first + count):
        job = payload(n, trace=trace)
        if wait := schedule.seconds_to_wait():
            time.sleep(wait)
        begin = time.monotonic_ns()
        enqueue(job)
        timed.append((begin, time.monotonic_ns()))
        if trace:
            tally.note_call(n, begin)
    return timed


async def each_async(
    enqueue: Callable[[dict[str, Any]], Awaitable[object]],
    first: int,
    count: int,
    *,
    every_seconds: float,
    trace: bool,
) -> Timed:
    """Do what `each` does, for a producer that is awaited."""
    timed: Timed = []
    schedule = _Schedule(every_seconds)
    for n in range(first, first + count):
        job = payload(n, trace=trace)
        if wait := schedule.seconds_to_wait():
            await asyncio.sleep(wait)
        begin = time.monotonic_ns()
        await enqueue(job)
        timed.append((begin, time.monotonic_ns()))
        if trace:
            tally.note_call(n, begin)
    return timed


class _Schedule:
    """When the next call is due; a producer that fell behind does not wait, nor catch up."""

    def __init__(self, every_seconds: float) -> None:
        self._every = every_seconds
        self._due = time.monotonic()

    def seconds_to_wait(self) -> float:
        now = time.monotonic()
        wait = max(0.0, self._due - now)
        self._due = max(self._due, now) + self._every
        return wait
