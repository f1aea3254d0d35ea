"""What all kinds of slots under test share: runs go in, and what is told of them is kept."""

from __future__ import annotations

import queue
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from worker.slots.runs import Ended, Run, Told
from worker.slots.slots import SlotPool


class WatchedSlots(ABC):
    """Running slots; `ended` and `told` are what they said."""

    pool: SlotPool

    def __init__(self) -> None:
        self.ended: queue.Queue[Ended] = queue.Queue()
        self.told: list[Told] = []

    @abstractmethod
    def make(self, what: Any, **arguments: Any) -> Run:
        """Make a run that is not submitted yet."""

    def submit(self, what: Any, **arguments: Any) -> Run:
        run = self.make(what, **arguments)
        self.pool.submit([run])
        return run

    def next(self) -> Ended:
        return self.ended.get(timeout=20)

    def run(self, what: Any, **arguments: Any) -> Ended:
        run = self.submit(what, **arguments)
        ended = self.next()
        assert ended.run == run
        return ended

    def ends_of(self, runs: Sequence[Run]) -> list[Ended]:
        """Wait for the ends of `runs`, each told once and no other; return them in their order."""
        told: dict[uuid.UUID, Ended] = {}
        for _ in runs:
            ended = self.next()
            assert ended.run.id not in told, f"told twice: {ended}"
            told[ended.run.id] = ended
        assert self.ended.empty(), f"told besides: {self.ended.get()}"
        return [told[run.id] for run in runs]
