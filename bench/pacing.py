"""Calls to a producer, timed and paced alike for every system. Standard library only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
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
    calls = _Calls(first, count, every_seconds, trace=trace)
    for job, wait_seconds in calls:
        if wait_seconds:
            time.sleep(wait_seconds)
        begin = time.monotonic_ns()
        enqueue(job)
        calls.note(begin, time.monotonic_ns())
    return calls.timed


async def each_async(
    enqueue: Callable[[dict[str, Any]], Awaitable[object]],
    first: int,
    count: int,
    *,
    every_seconds: float,
    trace: bool,
) -> Timed:
    """Do what `each` does, for a producer that is awaited."""
    calls = _Calls(first, count, every_seconds, trace=trace)
    for job, wait_seconds in calls:
        if wait_seconds:
            await asyncio.sleep(wait_seconds)
        begin = time.monotonic_ns()
        await enqueue(job)
        calls.note(begin, time.monotonic_ns())
    return calls.timed


class _Calls:
    """The calls of one producer, in turn: the job and the wait before each, and what it took.

    A producer that fell behind does not wait, nor catch up.
    """

    def __init__(self, first: int, count: int, every_seconds: float, *, trace: bool) -> None:
        self._numbers = range(first, first + count)
        self._every = every_seconds
        self._trace = trace
        self._due = time.monotonic()
        self.timed: Timed = []

    def __iter__(self) -> Iterator[tuple[dict[str, Any], float]]:
        for n in self._numbers:
            yield payload(n, trace=self._trace), self._seconds_to_wait()

    def note(self, begin: int, end: int) -> None:
        """Note the call that was just made."""
        if self._trace:
            tally.note_call(self._numbers[len(self.timed)], begin)
        self.timed.append((begin, end))

    def _seconds_to_wait(self) -> float:
        now = time.monotonic()
        wait = max(0.0, self._due - now)
        self._due = max(self._due, now) + self._every
        return wait
