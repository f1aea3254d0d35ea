"""How long jobs take here, and so how many may be claimed ahead of a free slot.

A claimed job that waits for its slot cannot be run by another runner meanwhile. So only as much is
claimed ahead as the slots are expected to reach within a tenth of a second: hundreds of jobs that
take microseconds, none that takes a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

AHEAD_SECONDS = 0.1
MOST_AHEAD = 500
_WEIGHT = 0.2
_FORGET_SECONDS = 60.0


class Pace:
    """A moving average of run seconds for each job type. Used by the engine's thread alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._seen_at: dict[str, float] = {}

    def took(self, job_type: str, seconds: float) -> None:
        """Note how long a run took; a slow one counts at once, a fast one by and by."""
        known = self._seconds.get(job_type)
        if known is None or seconds > known:
            self._seconds[job_type] = seconds
        else:
            self._seconds[job_type] = known + _WEIGHT * (seconds - known)

    def seen(self, job_types: Iterable[str]) -> None:
        """Note that runs of these types ended just now."""
        now = self._clock()
        for job_type in job_types:
            self._seen_at[job_type] = now

    def expected(self, job_type: str) -> float | None:
        """Return how long a run of the type should take, None where none was seen."""
        return self._seconds.get(job_type)

    def ahead(self, job_types: Iterable[str], slots: int) -> int:
        """Return how many jobs of these types may wait for `slots` slots.

        The slowest of the types seen lately decides; of types never seen nothing is expected.
        """
        since = self._clock() - _FORGET_SECONDS
        lately = [t for t in job_types if self._seen_at.get(t, -1.0) >= since]
        if not lately:
            return 0
        slowest = max(self._seconds[t] for t in lately)
        return min(MOST_AHEAD, int(slots * AHEAD_SECONDS / max(slowest, 1e-6)))
