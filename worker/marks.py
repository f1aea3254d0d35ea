"""How far the claims of this runner came in each lane, so that none need walk what they took.

While somebody holds a snapshot, every claimed entry stays in the ready index, dead and not
removable, and whoever begins at the front walks them all. Once two such walks in a row were slow,
claims and looks begin a little before the marks instead, which finds whatever is committed in the
usual time. What is committed later than that, or due long ago from the start, is found by the next
walk from the very front: these are rare enough then to take a fiftieth of the time at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import timedelta

from app.jobs import Lane

# Before that a probe of a gap does not end at the next known lane: it goes on to the end of the
# priority, in the index alone.
SINCE_SERVER_VERSION = 180_000
BEFORE_SECONDS = 2.0  # how late a job may be committed and still be found at once
SLOW_SECONDS = 0.005
MOST_LANES = 100
_SHARE = 50


class Marks:
    """The marks of all lanes that were claimed from lately. Used by the engine's thread alone."""

    def __init__(
        self, *, longest_rest_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest_rest_seconds = longest_rest_seconds
        self._clock = clock
        self._lanes: dict[tuple[int, str, str, str], Lane] = {}
        self._are_of_use = False
        self._rests_until = 0.0
        self._has_moved = self._was_slow = False

    def connected(self, server_version: int) -> None:
        """Note which server it is; marks are of use from PostgreSQL 18 on."""
        self._are_of_use = server_version >= SINCE_SERVER_VERSION

    def known(self) -> list[Lane]:
        """Return the lanes to go on in; none where it is time to begin at the very front."""
        if self._clock() >= self._rests_until:
            return []
        before = timedelta(seconds=BEFORE_SECONDS)
        return [lane._replace(due_at=lane.due_at - before, mark=0) for lane in self._lanes.values()]

    def reached(self, lanes: Iterable[Lane]) -> None:
        """Note how far a claim came."""
        for lane in lanes:
            self._lanes[lane[:4]] = max(lane, self._lanes.pop(lane[:4], lane))
            self._has_moved = True
        while len(self._lanes) > MOST_LANES:
            del self._lanes[next(iter(self._lanes))]

    def walked(self, seconds: float) -> None:
        """Note how long a claim took that began at the very front.

        One that is slow by itself was the first of its session, or the machine was busy.
        """
        is_slow = seconds > SLOW_SECONDS
        if is_slow and self._was_slow and self._are_of_use:
            rest = min(_SHARE * seconds, self._longest_rest_seconds)
            self._rests_until = self._clock() + rest
        self._has_moved, self._was_slow = False, is_slow

    @property
    def walk_in_seconds(self) -> float | None:
        """When to begin at the very front again, whoever asks; None where there is no need."""
        rest = self._rests_until - self._clock()
        return rest if self._has_moved and rest > 0 else None
