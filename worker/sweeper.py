"""When this runner deletes what is past its retention: some hours apart, and never in a rush."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from app.jobs.retention import START, sweep
from worker.database import Connection
from worker.log import log

if TYPE_CHECKING:
    from config import Settings

PASS_SECONDS = 4 * 3600.0
BATCH = 1_000
_SHARE = 4  # a pass takes a fifth of the time at most
_NEVER = float("inf")


class Sweeper:
    """A pass is a row of batches with rests between them. Used by the engine's thread alone."""

    def __init__(
        self,
        settings: Settings,
        runner_instance: UUID,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_seconds = settings.retention_seconds
        self._runner_instance = runner_instance
        self._clock = clock
        self._after = START
        self._deleted = 0
        # Runners that start together shall not sweep together.
        first = settings.retention_first_pass_seconds * (0.5 + random.random())  # noqa: S311
        self.due_at = clock() + first if self._keep_seconds else _NEVER

    def sweep(self, conn: Connection) -> None:
        """Delete one batch, and settle when the next is due."""
        begun_at = self._clock()
        swept = sweep(
            conn,
            runner_instance=self._runner_instance,
            keep_seconds=self._keep_seconds,
            after=self._after,
            limit=BATCH,
        )
        now = self._clock()
        self._deleted += swept.jobs
        if swept.jobs == BATCH:
            self._after = swept.last_id
            self.due_at = now + max(0.05, _SHARE * (now - begun_at))
            return
        if self._deleted:
            log("retention_passed", jobs=self._deleted)
        self._after, self._deleted = START, 0
        self.due_at = now + PASS_SECONDS
