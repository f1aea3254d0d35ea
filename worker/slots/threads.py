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
from collections.abc import Sequence
from uuid import UUID

from worker.call import call
from worker.log import log
from worker.slots.inside import CURRENT, Running, Setup, capture_by_run
from worker.slots.runs import NOT_STARTED_AFTER_SECONDS, Ended, Run, StopReason, Verdict
from worker.slots.timekeeper import Timekeeper

UNWANTED_SECONDS = 60.0
_ROUNDS = 100

Key = tuple[UUID, int]


class _Slot:
    """One thread; `running` is what it is at, None between runs."""

    __slots__ = ("running",)

    def __init__(self) -> None:
        self.running: Running | None = None


class ThreadSlots:
    """A number of threads that take runs from one queue, and a timekeeper that wakes only for them.

    `on_ended` is called once for every run that was submitted, on any of the threads.
    """

    def __init__(self, size: int, setup: Setup) -> None:
        self.capacity = size
        self._setup = setup
        self._queue: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        self._slots: list[_Slot] = []
        self._lock = threading.Lock()
        self._unwanted: dict[Key, tuple[StopReason, float]] = {}
        self._submitted = self._ended = self._abandoned = 0
        self._begun_at = 0.0
        self._timekeeper = Timekeeper(self._keep_time, self._is_work)

    def start(self) -> None:
        """Start the threads."""
        capture_by_run()
        for _ in range(self.capacity):
            self._add()
        threading.Thread(target=self._timekeeper.run, name="slots-timekeeper", daemon=True).start()

    def submit(self, runs: Sequence[Run]) -> None:
        """Give `runs` to the next threads that are free."""
        self._submitted += len(runs)
        if self._queue.empty():
            self._begun_at = time.monotonic()
        for run in runs:
            self._queue.put(run)
        self._timekeeper.wake()

    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        """Ask the run of this claim to stop; one that waits is not started."""
        key = id, claim_seq
        with self._lock:
            if not self._is_work():
                return
            # Before the threads are looked at: one that takes the run in this moment either is seen
            # with it, or sees this.
            self._unwanted[key] = reason, time.monotonic()
            for running in self._running():
                if running.key == key:
                    del self._unwanted[key]
                    running.ask_to_stop(reason, self._setup.kill_grace_seconds)

    def stop_all(self, reason: StopReason) -> None:
        """Ask every run to stop."""
        self._stop_all(reason, self._setup.kill_grace_seconds)

    def close(self) -> None:
        """End the threads that are free; the others end with the process."""
        self._timekeeper.close()
        for _ in self._slots:
            self._queue.put(None)

    def _stop_all(self, reason: StopReason, grace_seconds: float) -> None:
        """Ask every run, also one that a thread has just taken and not shown yet."""
        for _ in range(_ROUNDS):
            self._give_back(reason)
            with self._lock:
                running = self._running()
                for each in running:
                    each.ask_to_stop(reason, grace_seconds)
                if self._submitted - self._ended <= len(running):
                    return
            time.sleep(0.001)

    def _give_back(self, reason: StopReason | None) -> None:
        """Start none of the runs that wait."""
        for _ in range(self._queue.qsize()):
            try:
                run = self._queue.get_nowait()
            except queue.Empty:
                return
            if run is not None:
                self._end_unstarted(run, reason)

    def _end_unstarted(self, run: Run, reason: StopReason | None) -> None:
        with self._lock:
            self._ended += 1
        self._setup.on_ended(Ended(run, Verdict.NOT_STARTED, stop=reason))

    def _running(self) -> list[Running]:
        return [slot.running for slot in self._slots if slot.running is not None]

    # -- the threads -----------------------------------------------------------------------------

    def _add(self) -> None:
        slot = _Slot()
        self._slots.append(slot)
        threading.Thread(target=self._work, args=(slot,), name="slot", daemon=True).start()

    def _work(self, slot: _Slot) -> None:
        take, setup = self._queue.get, self._setup
        while (run := take()) is not None:
            running = slot.running = Running(run, setup.on_told)
            self._begun_at = running.started_at
            if self._unwanted and self._is_unwanted(slot, running):
                continue
            CURRENT.set(running)
            job = running.context(setup.settings)
            outcome = call(setup.specs[run.job_type], job, run.payload_text)
            CURRENT.set(None)
            with self._lock:
                if slot.running is not running:
                    self._abandoned -= 1
                    return  # the run was settled without this thread
                slot.running = None
                self._ended += 1
            setup.on_ended(running.ended(*outcome))

    def _is_unwanted(self, slot: _Slot, running: Running) -> bool:
        """Leave a run alone that was to be stopped before it began."""
        with self._lock:
            reason, _ = self._unwanted.pop(running.key, (running.reason, 0.0))
            if reason is None:
                return False
            slot.running = None
        self._end_unstarted(running.run, reason)
        return True

    # -- time ------------------------------------------------------------------------------------

    def _is_work(self) -> bool:
        return self._submitted != self._ended

    def _keep_time(self, now: float) -> None:
        """Stop what is out of time or out of lease."""
        self._stop_late(now)
        self._abandon_stuck(now)
        if not self._queue.empty() and now - self._begun_at > NOT_STARTED_AFTER_SECONDS:
            self._give_back(None)  # every thread is long at something
        if self._setup.lease.must_stop():
            self._stop_all(StopReason.FENCE, self._setup.lease.kill_grace_seconds)

    def _stop_late(self, now: float) -> None:
        with self._lock:
            for running in self._running():
                if running.is_over_time(now):
                    running.ask_to_stop(StopReason.TIMEOUT, self._setup.kill_grace_seconds)
            for key, (_, since) in [*self._unwanted.items()]:
                if now - since > UNWANTED_SECONDS:
                    del self._unwanted[key]  # of a claim that had no run here

    def _abandon_stuck(self, now: float) -> None:
        """Settle runs without their threads, which did not stop within the grace."""
        stuck = []
        with self._lock:
            for slot in [*self._slots]:
                running = slot.running
                if running is not None and running.is_over_grace(now):
                    slot.running = None
                    self._slots.remove(slot)
                    self._add()
                    self._ended += 1
                    self._abandoned += 1
                    stuck.append(running)
        for running in stuck:
            log(
                "thread_abandoned",
                level=logging.WARNING,
                job_id=running.run.id,
                job_type=running.run.job_type,
                reason=running.reason,
                abandoned=self._abandoned,
            )
            error = "the handler's thread did not stop when asked"
            self._setup.on_ended(running.ended(Verdict.FAILED, error))
