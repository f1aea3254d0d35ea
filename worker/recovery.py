"""When to come back after the database was lost, and when to compare our claims with its."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from worker.agenda import NEVER
from worker.backoff import backoff_seconds

RECONNECT_CAP_SECONDS = 5.0
_SHORTEST_PAUSE_SECONDS = 0.02


class Recovery:
    """Two times, `resume_at` and `compare_at`, moved by what happened; at first both are due."""

    def __init__(
        self,
        *,
        database_timeout_seconds: float,
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._late_commit_seconds = (database_timeout_seconds, lease_seconds)
        self._clock = clock
        self._random = random
        self._failures = 0
        self._comparisons = [clock()]
        self.resume_at = clock()

    @property
    def compare_at(self) -> float:
        """When the next comparison is due. Nothing may be written or claimed from then on."""
        return min(self._comparisons, default=NEVER)

    @property
    def is_pausing(self) -> bool:
        return self._clock() < self.resume_at

    @property
    def is_comparing(self) -> bool:
        return self.compare_at <= self._clock()

    def lost(self, *, has_claimed: bool, holds: bool) -> None:
        """A call failed; what it sent may have been committed, claims or the ends of what we hold.

        Behind a pooler the server may still be at a claim, and commit it after we have compared: so
        that is done once more when its time is over, and again after a lease.
        """
        now = self._clock()
        self._failures += 1
        pause = backoff_seconds(
            self._failures, self._random, base_seconds=0.1, cap_seconds=RECONNECT_CAP_SECONDS
        )
        self.resume_at = now + max(_SHORTEST_PAUSE_SECONDS, pause)
        if has_claimed or holds:
            self._comparisons.append(now)
        if has_claimed:
            self._comparisons += [now + seconds for seconds in self._late_commit_seconds]

    def answered(self) -> None:
        """A call went well."""
        self._failures = 0

    def compared(self) -> None:
        """The claims were compared; what is due later is still to come."""
        now = self._clock()
        self._comparisons = [at for at in self._comparisons if at > now]
