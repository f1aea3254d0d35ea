"""When to claim, to look and to rescue next: the clockwork of a runner that is silent when idle.

A claim that exhausted what there is, is followed by one look, and the look says when to come again.
Between them nothing is sent, unless a wake-up asks for a claim.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from app.jobs import Look

WAKE_INTERVAL_SECONDS = 0.05
FRUITFUL_WAKE_INTERVAL_SECONDS = 0.01
WAKE_BURST = 4
RESCUE_INTERVAL_SECONDS = 0.25
LONGEST_RECHECK_SECONDS = 1.0
NEVER = float("inf")


class Agenda:
    """Three times: `claim_at`, `look_at` and `rescue_at`, moved by what happened."""

    def __init__(
        self,
        *,
        look_seconds: float,
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_seconds = look_seconds
        self._lease_seconds = lease_seconds
        self._clock = clock
        self._looked_at = self._rescued_at = -NEVER
        self._misses = 0
        self._woken_until = -NEVER
        self._late_wakes = 0
        self.claim_at = clock()
        self.look_at = self.rescue_at = NEVER

    @property
    def next_at(self) -> float:
        """When there is something to do that needs no free slot."""
        return min(self.look_at, self.rescue_at)

    def woken(self) -> None:
        """A wake-up came: claim now, but a flood of wake-ups makes no flood of claims.

        A few may follow each other at once, then they are spaced: wide where they bring nothing,
        less where they bring jobs. Those that come while one is awaited are one with it.
        """
        now = self._clock()
        spaced_at = max(self._woken_until, now)
        at = max(now, spaced_at - WAKE_BURST * WAKE_INTERVAL_SECONDS)
        if at < self.claim_at:
            self.claim_at = at
            self._woken_until = spaced_at + FRUITFUL_WAKE_INTERVAL_SECONDS

    def due_in(self, seconds: float) -> None:
        """We queued a job again ourselves: no look is needed to know when it is due."""
        self.claim_at = min(self.claim_at, self._clock() + seconds)

    def take_claim(self) -> bool:
        """Whether it is time to claim; what comes from now on is another time."""
        is_time = self.claim_at <= self._clock()
        if is_time:
            self.claim_at = NEVER
        return is_time

    def claimed(self, count: int, *, is_exhausted: bool) -> None:
        """A claim brought `count` jobs; `is_exhausted` says that more were asked for somewhere."""
        now = self._clock()
        self._misses = 0 if count else self._misses + 1
        if count:
            # Wake-ups of what was found may yet come: they bring nothing, but there is work about.
            self._late_wakes = min(WAKE_BURST, self._late_wakes + count)
        elif self._late_wakes:
            self._late_wakes -= 1
        else:
            self._woken_until += WAKE_INTERVAL_SECONDS - FRUITFUL_WAKE_INTERVAL_SECONDS
        if is_exhausted:
            self.look_at = now
        else:
            # A backlog must not keep a dead runner's jobs waiting for ever.
            self.look_at = min(self.look_at, max(now, self._looked_at) + self._lease_seconds)

    def looked(self, look: Look) -> None:
        """A look told what comes next."""
        now = self._looked_at = self._clock()
        self.look_at = now + self._look_seconds
        self.claim_at = self.rescue_at = NEVER
        if look.due_in_seconds is not None and look.due_in_seconds > 0:
            self._misses = 0
            self.claim_at = now + look.due_in_seconds
        elif look.due_in_seconds is not None:
            # Due, but a claim just missed it: another session has the row. Do not spin on it.
            pause = 0.005 * 2 ** min(self._misses - 1, 10) if self._misses else 0.0
            self.claim_at = now + min(pause, LONGEST_RECHECK_SECONDS)
        else:
            self._misses = 0
        if look.lease_ends_in_seconds is not None:
            ends_at = now + max(0.0, look.lease_ends_in_seconds) + 0.02
            self.rescue_at = max(ends_at, self._rescued_at + RESCUE_INTERVAL_SECONDS)

    def rescued(self) -> None:
        """Leases that ran out were taken care of: what they held is there to be claimed."""
        self._rescued_at = self.claim_at = self._clock()
        self.rescue_at = NEVER
