"""Runs that no slot process has yet, first come, first served."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from worker.slots.process import MOST_AHEAD, SlotProcess, is_short
from worker.slots.runs import NOT_STARTED_AFTER_SECONDS, Run


class Waiting:
    """The runs that wait, each since when. Used by the pool's thread alone."""

    def __init__(self) -> None:
        self._runs: deque[tuple[Run, float]] = deque()

    def __len__(self) -> int:
        return len(self._runs)

    def add(self, runs: Sequence[Run], since: float) -> None:
        """Let `runs` wait behind all others."""
        self._runs.extend((run, since) for run in runs)

    def put_back(self, runs: Sequence[Run]) -> None:
        """Let runs that were sent to a slot in vain wait for another, before all others."""
        now = time.monotonic()
        self._runs.extendleft((run, now) for run in reversed(runs))

    def withdraw(self, id: UUID, claim_seq: int) -> list[Run]:
        """Take out the run of this claim, if it is here."""
        found = [each for each in self._runs if (each[0].id, each[0].claim_seq) == (id, claim_seq)]
        for each in found:
            self._runs.remove(each)
        return [run for run, _ in found]

    def withdraw_all(self) -> list[Run]:
        """Take out every run."""
        runs = [run for run, _ in self._runs]
        self._runs.clear()
        return runs

    def withdraw_late(self, now: float) -> Iterator[Run]:
        """Take out what has waited for too long."""
        while self._runs and now - self._runs[0][1] > NOT_STARTED_AFTER_SECONDS:
            yield self._runs.popleft()[0]

    def deal(
        self, slots: Iterable[SlotProcess], recycle_jobs: int
    ) -> list[tuple[SlotProcess, list[Run]]]:
        """Take out one run for each slot that is free, then short ones to go behind short ones."""
        hands: list[tuple[SlotProcess, list[Run]]] = []
        places: list[tuple[int, list[Run]]] = []
        for slot in slots:
            if not slot.is_usable:
                continue
            hand: list[Run] = []
            if not slot.runs and self._runs:
                hand.append(self._runs.popleft()[0])
            if is_short(hand[0]) if hand else slot.is_on_time:
                sent = len(slot.runs) + len(hand)
                places.append((min(MOST_AHEAD, recycle_jobs - slot.jobs_done) - sent, hand))
            hands.append((slot, hand))
        for hand in _in_turn(places):
            if not self._runs or not is_short(self._runs[0][0]):
                break
            hand.append(self._runs.popleft()[0])
        return [(slot, hand) for slot, hand in hands if hand]


def _in_turn(places: Sequence[tuple[int, list[Run]]]) -> Iterator[list[Run]]:
    """Yield each hand as often as it has places, one after the other."""
    for turn in range(max((count for count, _ in places), default=0)):
        for count, hand in places:
            if turn < count:
                yield hand
