"""Where the last claims ended, so that the next need not walk what they took.

While somebody holds a snapshot, every claimed entry stays in the ready index, dead and not
removable; a claim that starts at the front walks them all. A busy runner therefore goes on from its
marks, and looks from the front only now and then: each second, or less often where that look has
become slow, so that it takes a twentieth of the time at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from operator import attrgetter

from app.jobs import Claim, Lane

FULL_SECONDS = 1.0
_SHARE = 20

_lane_of = attrgetter("priority", "queue", "job_type", "concurrency_key")


class Lanes:
    """The marks of one kind of slot. Used by the engine's thread alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lanes: dict[tuple[int, str, str, str], Lane] = {}
        self._full_at = 0.0

    def known(self) -> list[Lane] | None:
        """Return the lanes to claim from, None where the claim has to look for them."""
        if not self._lanes or self._clock() >= self._full_at:
            return None
        return list(self._lanes.values())

    def claimed(
        self, claims: Sequence[Claim], *, was_full: bool, is_filled: bool, seconds: float
    ) -> None:
        """Note what a claim took, and how long it was."""
        if was_full:
            self._lanes.clear()
            self._full_at = self._clock() + max(FULL_SECONDS, _SHARE * seconds)
        last = {_lane_of(claim): claim for claim in claims}  # they come in the order of due times
        for key, claim in last.items():
            self._lanes[key] = Lane(*key, claim.available_at, claim.seq)
        if not is_filled:
            self._full_at = 0.0
