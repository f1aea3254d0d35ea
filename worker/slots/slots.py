"""All slots of a runner: each run goes to the kind of slot that its handler asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from worker.slots.kinds import Kind
from worker.slots.runs import Run, StopReason


class SlotPool(Protocol):
    """What all kinds of slot do; `capacity` is how many runs they can hold now."""

    @property
    def capacity(self) -> int: ...
    def submit(self, runs: Sequence[Run]) -> None: ...
    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None: ...
    def stop_all(self, reason: StopReason) -> None: ...


class Slots:
    """The pools by kind, and the kind of each job type."""

    def __init__(self, pools: Mapping[Kind, SlotPool], kinds: Mapping[str, Kind]) -> None:
        self._pools = pools
        self._kinds = kinds

    def capacity(self, kind: Kind) -> int:
        return self._pools[kind].capacity

    def submit(self, runs: Sequence[Run]) -> None:
        """Give each run to a slot of its kind, or to the next that is free."""
        by_kind: dict[Kind, list[Run]] = {}
        for run in runs:
            by_kind.setdefault(self._kinds[run.job_type], []).append(run)
        for kind, of_kind in by_kind.items():
            self._pools[kind].submit(of_kind)

    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        """Stop the run of this claim, wherever it is."""
        for pool in self._pools.values():
            pool.stop(id, claim_seq, reason)

    def stop_all(self, reason: StopReason) -> None:
        """Stop every run."""
        for pool in self._pools.values():
            pool.stop_all(reason)
