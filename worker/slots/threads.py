"""Thread slots: trusted handlers inside the runner's own process, as fast as Python calls them.

A thread cannot be killed. One that is to stop is asked to (`job.raise_if_cancelled`), and after the
grace it is abandoned: its job is settled without it, another thread takes its place, and what it
still does is done in nobody's name.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from worker.call import call
from worker.handlers import HandlerSpec
from worker.lease import Lease
from worker.log import log
from worker.slots.inside import CURRENT, OnEnded, OnTold, Running, capture_by_run
from worker.slots.runs import NOT_STARTED_AFTER_SECONDS, Ended, Run, StopReason, Verdict

TICK_SECONDS = 0.1


class _Slot:
    """One thread; `running` is what it is at, None between runs."""

    __slots__ = ("is_abandoned", "running")

    def __init__(self) -> None:
        self.running: Running | None = None
        self.is_abandoned = False


class ThreadSlots:
    """A number of threads that take runs from one queue, and a timekeeper that wakes only for them.

    `on_ended` is called once for every run that was submitted, on any of the threads.
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
        self._queue: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._slots: list[_Slot] = []
        self._lock = threading.Lock()
        self._unwanted: dict[tuple[UUID, int], StopReason] = {}
        self._submitted = self._ended = 0
        self._begun_at = 0.0
        self._is_busy = threading.Event()
        self._is_closing = False

    def start(self) -> None:
        """Start the threads."""
        capture_by_run()
        for _ in range(self.capacity):
            self._add()
        threading.Thread(target=self._keep_time, name="slots-timekeeper", daemon=True).start()

    def submit(self, runs: Sequence[Run]) -> None:
        """Give `runs` to the next threads that are free."""
        self._submitted += len(runs)
        if self._queue.empty():
            self._begun_at = time.monotonic()
        for run in runs:
            self._queue.put(run)
        if not self._is_busy.is_set():
            self._is_busy.set()

    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        """Ask the run of this claim to stop; one that waits is not started."""
        with self._lock:
            for slot in self._slots:
                running = slot.running
                if running is not None and (running.run.id, running.run.claim_seq) == (
                    id,
                    claim_seq,
                ):
                    self._ask(running, reason, self._kill_grace_seconds)
                    return
            if self._submitted > self._ended:
                self._unwanted[id, claim_seq] = reason

    def stop_all(self, reason: StopReason) -> None:
        """Ask every run to stop."""
        self._stop_all(reason, self._kill_grace_seconds)

    def close(self) -> None:
        """End the threads that are free; the others end with the process."""
        self._is_closing = True
        self._is_busy.set()
        for _ in self._slots:
            self._queue.put(None)

    def _stop_all(self, reason: StopReason, grace_seconds: float) -> None:
        with self._lock:
            for slot in self._slots:
                if slot.running is not None:
                    self._ask(slot.running, reason, grace_seconds)
        self._give_back(reason)

    def _give_back(self, reason: StopReason | None) -> None:
        """Start none of the runs that wait."""
        for _ in range(self._queue.qsize()):
            try:
                run = self._queue.get_nowait()
            except queue.Empty:
                return
            if run is not None:
                self._tell(Ended(run, Verdict.NOT_STARTED, stop=reason))

    def _ask(self, running: Running, reason: StopReason, grace_seconds: float) -> None:
        if running.reason is None:
            running.reason = reason
            running.kill_at = time.monotonic() + grace_seconds
            running.stop.set()

    # -- the threads -----------------------------------------------------------------------------

    def _add(self) -> None:
        slot = _Slot()
        self._slots.append(slot)
        threading.Thread(target=self._work, args=(slot,), name="slot", daemon=True).start()

    def _work(self, slot: _Slot) -> None:
        take = self._queue.get
        while (run := take()) is not None:
            if self._unwanted:
                with self._lock:
                    reason = self._unwanted.pop((run.id, run.claim_seq), None)
                if reason is not None:
                    self._tell(Ended(run, Verdict.NOT_STARTED, stop=reason))
                    continue
            running = slot.running = Running(run)
            self._begun_at = running.started_at
            CURRENT.set(running)
            outcome = call(
                self._specs[run.job_type],
                running.context(self._settings, self._on_told),
                run.payload_text,
            )
            CURRENT.set(None)
            with self._lock:
                if slot.is_abandoned:
                    return  # the run was settled without this thread
                slot.running = None
            self._tell(running.ended(*outcome))

    def _tell(self, ended: Ended) -> None:
        self._ended += 1
        self._on_ended(ended)

    # -- time ------------------------------------------------------------------------------------

    def _keep_time(self) -> None:
        """Stop what is out of time or out of lease; sleeps while nothing runs."""
        tick = threading.Event()
        while not self._is_closing:
            self._is_busy.wait()
            now = time.monotonic()
            for slot in list(self._slots):
                running = slot.running
                if running is None:
                    continue
                if (
                    running.reason is None
                    and now - running.started_at > running.run.timeout_seconds
                ):
                    self._ask(running, StopReason.TIMEOUT, self._kill_grace_seconds)
                if running.kill_at is not None and now >= running.kill_at:
                    self._abandon(slot, running)
            if not self._queue.empty() and now - self._begun_at > NOT_STARTED_AFTER_SECONDS:
                self._give_back(None)  # every thread is long at something
            if self._lease.must_stop():
                self._stop_all(StopReason.FENCE, self._lease.kill_grace_seconds)
            self._is_busy.clear()
            if not self._queue.empty() or any(slot.running for slot in self._slots):
                self._is_busy.set()
            tick.wait(TICK_SECONDS)

    def _abandon(self, slot: _Slot, running: Running) -> None:
        """Settle a run without its thread, which did not stop within the grace."""
        with self._lock:
            if slot.running is not running:
                return
            slot.is_abandoned = True
            self._slots.remove(slot)
            self._add()
        log(
            "thread_abandoned",
            level=logging.WARNING,
            job_id=running.run.id,
            job_type=running.run.job_type,
            reason=running.reason,
        )
        self._tell(running.ended(Verdict.FAILED, "the handler's thread did not stop when asked"))
