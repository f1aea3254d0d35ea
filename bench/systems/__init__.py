"""One adapter for each system, over its public API; each runs in the environment of its system.

An adapter's module has a class `System` that follows the protocol below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

Options = Mapping[str, Any]
"""How a contender runs its system: `profile` is "tuned" or "default", the rest is its own."""

Ready = Callable[..., None]
"""Tells the bench that a worker takes jobs, and what a producer must know of it."""

QUEUE = "bench"
CHUNK = 5_000
"""Jobs to a call of a bulk enqueue, where the system does not say better."""


class Adapter(Protocol):
    """What the bench asks of a system. Jobs are numbered: their payload is `payload(n)`."""

    def __init__(self, url: str, options: Options) -> None: ...

    def install(self) -> None:
        """Make the schema in an empty database."""
        ...

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> list[tuple[int, int]]:
        """Enqueue one job at a time, a commit each, on one connection; return begin and end.

        In nanoseconds of CLOCK_MONOTONIC. With `every_seconds` calls begin no faster than that.
        """
        ...

    def enqueue_bulk(self, first: int, count: int) -> float:
        """Enqueue many jobs in the fastest documented way; return the seconds that it took."""
        ...

    def work(self, ready: Ready) -> None:
        """Run handlers until killed; call `ready` once jobs are taken."""
        ...


class WebAdapter(Adapter, Protocol):
    """A system that takes jobs over HTTP, too."""

    def serve(self, ready: Ready) -> None:
        """Serve until killed; call `ready` with the `port` and the `requests` that make jobs.

        `requests` has a request as it is sent for each number of jobs in the option `sizes`.
        """
        ...
