"""When this runner must let its claims go: a lease not renewed in time belongs to others soon.

Time is the machine's since boot (CLOCK_BOOTTIME): unlike the monotonic clock it goes on while the
machine sleeps, and unlike the wall clock nobody sets it.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def boot_seconds() -> float:
    """Return the seconds since boot, time asleep included."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Lease:
    """The runner's own view of its lease, always a little more pessimistic than the database's."""

    def __init__(
        self,
        lease_seconds: float,
        kill_grace_seconds: float,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        margin = min(kill_grace_seconds + 1.0, lease_seconds / 3)
        self.kill_grace_seconds = min(kill_grace_seconds, margin * 0.75)
        self._safe_seconds = lease_seconds - margin
        self._clock = clock
        self._renewed_at = self._answered_at = clock()

    def now(self) -> float:
        """Return the time to pass to `renewed`, taken before the renewing statement is sent."""
        return self._clock()

    def renewed(self, sent_at: float) -> None:
        """Note that the database took a sign of life that was sent at `sent_at`."""
        self._renewed_at = max(self._renewed_at, sent_at)
        self._answered_at = self._clock()

    def claimed(self, sent_at: float) -> None:
        """Note a claim: it renews the lease, unless that was done within a second."""
        self.renewed(sent_at if sent_at - self._answered_at > 1.0 else sent_at - 1.0)

    @property
    def renewed_at(self) -> float:
        """When the newest sign of life was sent."""
        return self._renewed_at

    def must_stop(self) -> bool:
        """Whether handlers must stop now to be gone before the lease ends."""
        return self._clock() >= self._renewed_at + self._safe_seconds
