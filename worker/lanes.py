"""The lanes that the last claims took from: a busy runner goes on where they ended.

It looks for others only now and then: each second, or less often where that has become slow, so
that it takes a twentieth of the time at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from operator import attrgetter

from app.jobs import Claim, Lane

LOOK_SECONDS = 1.0
_SHARE = 20

_lane_of = attrgetter("priority", "queue", "job_type", "concurrency_key")


def reached(claims: Iterable[Claim]) -> list[Lane]:
    """Return the lanes of claims, which are in the order of due times, each with its new mark."""
    last = {_lane_of(claim): claim for claim in claims}
    return [Lane(*key, claim.available_at, claim.seq) for key, claim in last.items()]


class Lanes:
    """The lanes of one kind of slot. Used by the engine's thread alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lanes: dict[tuple[int, str, str, str], Lane] = {}
        self._look_at = 0.0

    def known(self) -> list[Lane] | None:
        """Return the lanes to claim from, None where it is time to look for others, too."""
        if not self._lanes or self._clock() >= self._look_at:
            return None
        return list(self._lanes.values())

    def claimed(
        self, lanes: Iterable[Lane], *, has_looked: bool, is_filled: bool, seconds: float
    ) -> None:
        """Note which lanes a claim reached, whether it looked for others, and how long it was."""
        if has_looked:
            self._lanes.clear()
            self._look_at = self._clock() + max(LOOK_SECONDS, _SHARE * seconds)
        self._lanes.update({lane[:4]: lane for lane in lanes})
        if not is_filled:
            self._look_at = 0.0
