"""How long jobs take here, and so how many may be claimed ahead of a free slot.

A claimed job that waits for its slot cannot be run by another runner meanwhile. So only as much is
claimed ahead as the slots are expected to reach within a tenth of a second: hundreds of jobs that
take microseconds, none of a type that takes longer than that, or of which nothing is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

AHEAD_SECONDS = 0.1
MOST_AHEAD = 2_000
_WEIGHT = 0.2
_FORGET_SECONDS = 60.0


class Pace:
    """A moving average of run seconds for each job type. Used by the engine's thread alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._seen_at: dict[str, float] = {}

    def took(self, job_type: str, seconds: float) -> None:
        """Note how long a run took.

        One of microseconds that had to wait for its turn on a busy core must not count for
        hundreds: what is claimed ahead waits for all of them, not for the slowest.
        """
        known = self._seconds.get(job_type, seconds)
        self._seconds[job_type] = known + _WEIGHT * (seconds - known)

    def seen(self, job_types: Iterable[str]) -> None:
        """Note that runs of these types ended just now."""
        now = self._clock()
        for job_type in job_types:
            self._seen_at[job_type] = now

    def expected(self, job_type: str) -> float | None:
        """Return how long a run of the type should take, None where none was seen."""
        return self._seconds.get(job_type)

    def short(self, job_types: Iterable[str]) -> frozenset[str]:
        """Return those of the types whose runs end in a moment, as was seen lately."""
        since = self._clock() - _FORGET_SECONDS
        return frozenset(
            job_type
            for job_type in job_types
            if self._seen_at.get(job_type, -1.0) >= since
            and self._seconds[job_type] <= AHEAD_SECONDS
        )

    def ahead(self, short: Iterable[str], slots: int) -> int:
        """Return how many jobs of these short types may wait for `slots` slots.

        The slowest of them decides.
        """
        slowest = max((self._seconds[job_type] for job_type in short), default=None)
        if slowest is None or slots <= 0:
            return 0
        return int(min(MOST_AHEAD, slots * AHEAD_SECONDS / max(slowest, 1e-6)))
