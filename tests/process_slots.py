"""A pool of process slots for tests, and all that it told."""

from __future__ import annotations

import json
import queue
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from worker.lease import Lease
from worker.slots.guard_keeper import GuardKeeper
from worker.slots.pool import Pool
from worker.slots.runs import Ended, Run, Told


class ProcessSlots:
    """A running pool; `ended` and `told` are what it said."""

    def __init__(
        self,
        module: str = "tests.bad_handlers",
        job_type: str = "misbehave",
        *,
        size: int = 1,
        recycle_jobs: int = 100,
        grace: float = 5.0,
    ) -> None:
        self.ended: queue.Queue[Ended] = queue.Queue()
        self.told: list[Told] = []
        self.lease = Lease(1_000, grace)
        self.guards = GuardKeeper([module], {"fetch_max_bytes": 5})
        self._job_type = job_type
        self.pool = Pool(
            size=size,
            recycle_jobs=recycle_jobs,
            kill_grace_seconds=grace,
            guards=self.guards,
            lease=self.lease,
            on_ended=self.ended.put,
            on_told=self.told.append,
            on_change=lambda: None,
        )
        self.pool.start()
        self._thread = threading.Thread(target=self.pool.run)
        self._thread.start()

    def close(self) -> None:
        self.pool.close()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def make(
        self,
        how: str,
        *,
        file: Path | None = None,
        timeout_seconds: float = 30,
        expected_seconds: float | None = None,
        memory_bytes: int | None = None,
        **payload: Any,
    ) -> Run:
        """Make a run that is not submitted yet."""
        text = json.dumps({"how": how, "file": str(file or ""), **payload})
        bounds = timeout_seconds, expected_seconds, memory_bytes
        return Run(uuid.uuid4(), 7, self._job_type, 1, text, *bounds)

    def submit(self, how: str, **arguments: Any) -> Run:
        run = self.make(how, **arguments)
        self.pool.submit([run])
        return run

    def next(self) -> Ended:
        return self.ended.get(timeout=20)

    def run(self, how: str, **arguments: Any) -> Ended:
        run = self.submit(how, **arguments)
        ended = self.next()
        assert ended.run == run
        return ended

    def ends_of(self, runs: Sequence[Run]) -> list[Ended]:
        """Wait for the ends of `runs`, each told once and no other; return them in their order."""
        told = {}
        for _ in runs:
            ended = self.next()
            assert ended.run.id not in told, f"told twice: {ended}"
            told[ended.run.id] = ended
        assert self.ended.empty(), f"told besides: {self.ended.get()}"
        return [told[run.id] for run in runs]


@contextmanager
def process_slots(*arguments: Any, **options: Any) -> Iterator[ProcessSlots]:
    """Have a pool for the length of the block."""
    slots = ProcessSlots(*arguments, **options)
    try:
        yield slots
    finally:
        slots.close()
