"""A pool of process slots for tests."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.watched_slots import WatchedSlots
from worker.lease import Lease
from worker.slots.guard_keeper import GuardKeeper
from worker.slots.pool import Pool
from worker.slots.runs import Run


class ProcessSlots(WatchedSlots):
    """A running pool below one guard."""

    pool: Pool

    def __init__(
        self,
        module: str = "tests.bad_handlers",
        job_type: str = "misbehave",
        *,
        size: int = 1,
        recycle_jobs: int = 100,
        grace: float = 5.0,
    ) -> None:
        super().__init__()
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
        what: str,
        *,
        file: Path | None = None,
        timeout_seconds: float = 30,
        expected_seconds: float | None = None,
        memory_bytes: int | None = None,
        **payload: Any,
    ) -> Run:
        """Make a run that misbehaves as `what` says."""
        text = json.dumps({"how": what, "file": str(file or ""), **payload})
        bounds = timeout_seconds, expected_seconds, memory_bytes
        return Run(uuid.uuid4(), 7, self._job_type, 1, text, *bounds)


@contextmanager
def process_slots(*arguments: Any, **options: Any) -> Iterator[ProcessSlots]:
    """Have a pool for the length of the block."""
    slots = ProcessSlots(*arguments, **options)
    try:
        yield slots
    finally:
        slots.close()
