"""All slots of a runner: each run goes to the kind of slot that its handler asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from worker.slots.kinds import Kind
from worker.slots.runs import Run, StopReason


class SlotPool(Protocol):
    """What all kinds of slot do; `capacity` is how many runs they can hold now."""

    @property
    def capacity(self) -> int: ...
    def submit(self, run: Run) -> None: ...
    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None: ...
    def stop_all(self, reason: StopReason) -> None: ...


class Slots:
    """The pools by kind, and the kind of each job type."""

    def __init__(self, pools: Mapping[Kind, SlotPool], kinds: Mapping[str, Kind]) -> None:
        self._pools = pools
        self._pool_of = {job_type: pools[kind] for job_type, kind in kinds.items()}

    def capacity(self, kind: Kind) -> int:
        return self._pools[kind].capacity

    def submit(self, run: Run) -> None:
        """Give `run` to a slot of its kind, or to the next that is free."""
        self._pool_of[run.job_type].submit(run)

    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        """Stop the run of this claim, wherever it is."""
        for pool in self._pools.values():
            pool.stop(id, claim_seq, reason)

    def stop_all(self, reason: StopReason) -> None:
        """Stop every run."""
        for pool in self._pools.values():
            pool.stop_all(reason)
