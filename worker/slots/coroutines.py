"""Async slots: `async def` handlers side by side on one event loop of their own.

A coroutine is stopped by cancelling it, at its next await. One that swallows that, or blocks the
loop, is abandoned after the grace like a thread: its job is settled without it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from worker.call import Outcome, call_async
from worker.handlers import HandlerSpec
from worker.lease import Lease
from worker.log import log
from worker.slots.inside import CURRENT, OnEnded, OnTold, Running, capture_by_run
from worker.slots.runs import NOT_STARTED_AFTER_SECONDS, Ended, Run, StopReason, Verdict

TICK_SECONDS = 0.1

Key = tuple[UUID, int]


class AsyncSlots:
    """Up to `size` coroutines at once; further runs wait for the next that ends.

    `on_ended` is called once for every run that was submitted, on the loop's thread or, for a loop
    that a handler blocks, on the timekeeper's.
    """

    def __init__(
        self,
        *,
        size: int,
        specs: Mapping[str, HandlerSpec],
        settings: Mapping[str, Any],
        kill_grace_seconds: float,
        lease: Lease,
        on_ended: OnEnded,
        on_told: OnTold,
    ) -> None:
        self.capacity = size
        self._specs = specs
        self._settings = MappingProxyType(dict(settings))
        self._kill_grace_seconds = kill_grace_seconds
        self._lease = lease
        self._on_ended = on_ended
        self._on_told = on_told
        self._loop = asyncio.new_event_loop()
        self._waiting: deque[Run] = deque()
        self._tasks: dict[Key, tuple[Running, asyncio.Task[None]]] = {}
        self._begun_at = 0.0
        self._lock = threading.Lock()
        self._is_busy = threading.Event()
        self._is_closing = False

    def start(self) -> None:
        """Start the loop."""
        capture_by_run()
        threading.Thread(target=self._loop.run_forever, name="slots-async", daemon=True).start()
        threading.Thread(target=self._keep_time, name="async-timekeeper", daemon=True).start()

    def submit(self, runs: Sequence[Run]) -> None:
        """Start `runs`, or let them wait for a place."""
        with self._lock:
            is_first = not self._waiting
            if is_first:
                self._begun_at = time.monotonic()
            self._waiting.extend(runs)
        if is_first:  # otherwise the loop is on its way to the queue already
            self._loop.call_soon_threadsafe(self._fill)
        if not self._is_busy.is_set():
            self._is_busy.set()

    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        """Cancel the run of this claim; one that waits is not started."""
        with self._lock:
            waiting = [r for r in self._waiting if (r.id, r.claim_seq) == (id, claim_seq)]
            for run in waiting:
                self._waiting.remove(run)
            found = self._tasks.get((id, claim_seq))
        for run in waiting:
            self._on_ended(Ended(run, Verdict.NOT_STARTED, stop=reason))
        if found is not None:
            self._ask(*found, reason, self._kill_grace_seconds)

    def stop_all(self, reason: StopReason) -> None:
        """Cancel every run."""
        self._stop_all(reason, self._kill_grace_seconds)

    def close(self) -> None:
        """Stop the loop."""
        self._is_closing = True
        self._is_busy.set()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _stop_all(self, reason: StopReason, grace_seconds: float) -> None:
        self._give_back(reason)
        with self._lock:
            running = list(self._tasks.values())
        for found in running:
            self._ask(*found, reason, grace_seconds)

    def _give_back(self, reason: StopReason | None) -> None:
        """Start none of the runs that wait."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for run in waiting:
            self._on_ended(Ended(run, Verdict.NOT_STARTED, stop=reason))

    def _ask(
        self, running: Running, task: asyncio.Task[None], reason: StopReason, grace_seconds: float
    ) -> None:
        if running.reason is None:
            running.reason = reason
            running.kill_at = time.monotonic() + grace_seconds
            running.stop.set()
            self._loop.call_soon_threadsafe(task.cancel)

    # -- on the loop -----------------------------------------------------------------------------

    def _fill(self) -> None:
        while len(self._tasks) < self.capacity:
            with self._lock:
                if not self._waiting:
                    return
                running = Running(self._waiting.popleft())
                self._begun_at = running.started_at
                task = self._loop.create_task(self._serve(running))
                self._tasks[running.run.id, running.run.claim_seq] = running, task

    async def _serve(self, running: Running) -> None:
        run = running.run
        CURRENT.set(running)
        job = running.context(self._settings, self._on_told)
        try:
            outcome = await call_async(self._specs[run.job_type], job, run.payload_text)
        except asyncio.CancelledError:
            outcome = Outcome(Verdict.CANCELLED)
        CURRENT.set(None)
        if self._forget(running):
            self._on_ended(running.ended(*outcome))
        if self._waiting:
            self._fill()

    def _forget(self, running: Running) -> bool:
        """Take a run off the list; False where it was abandoned before."""
        with self._lock:
            return self._tasks.pop((running.run.id, running.run.claim_seq), None) is not None

    # -- time ------------------------------------------------------------------------------------

    def _keep_time(self) -> None:
        """Stop what is out of time or out of lease; sleeps while nothing runs."""
        tick = threading.Event()
        while not self._is_closing:
            self._is_busy.wait()
            now = time.monotonic()
            with self._lock:
                running = list(self._tasks.values())
            for one, task in running:
                if now - one.started_at > one.run.timeout_seconds:
                    self._ask(one, task, StopReason.TIMEOUT, self._kill_grace_seconds)
                if one.kill_at is not None and now >= one.kill_at and self._forget(one):
                    log(
                        "coroutine_abandoned",
                        level=logging.WARNING,
                        job_id=one.run.id,
                        job_type=one.run.job_type,
                        reason=one.reason,
                    )
                    self._on_ended(one.ended(Verdict.FAILED, "the handler did not stop when asked"))
            if self._waiting and now - self._begun_at > NOT_STARTED_AFTER_SECONDS:
                self._give_back(None)  # every place is taken by something long
            if running and self._lease.must_stop():
                self._stop_all(StopReason.FENCE, self._lease.kill_grace_seconds)
            self._is_busy.clear()
            if self._tasks or self._waiting:
                self._is_busy.set()
            tick.wait(TICK_SECONDS)
