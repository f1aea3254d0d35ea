"""Async slots: `async def` handlers side by side on one event loop of their own.

A coroutine is stopped by cancelling it, at its next await. One that swallows that, or blocks the
loop, is abandoned after the grace like a thread: its job is settled without it. A loop that a
handler blocks is left to the runs that are on it, and the next runs get another.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from uuid import UUID

from worker.call import Outcome, call_async
from worker.log import log
from worker.slots.inside import CURRENT, Running, Setup, capture_by_run
from worker.slots.runs import NOT_STARTED_AFTER_SECONDS, Ended, Run, StopReason, Verdict
from worker.slots.timekeeper import Timekeeper

BLOCKED_SECONDS = 1.0

Key = tuple[UUID, int]
Task = asyncio.Task[None]


class AsyncSlots:
    """Up to `size` coroutines at once; further runs wait for the next that ends.

    `on_ended` is called once for every run that was submitted, on the loop's thread or, for a loop
    that a handler blocks, on the timekeeper's.
    """

    def __init__(self, size: int, setup: Setup) -> None:
        self.capacity = size
        self._setup = setup
        self._loop: asyncio.AbstractEventLoop
        self._context: contextvars.Context
        self._waiting: deque[Run] = deque()
        self._tasks: dict[Key, tuple[Running, Task]] = {}
        self._begun_at = 0.0
        self._asked_at: float | None = None
        self._lock = threading.Lock()
        self._timekeeper = Timekeeper(self._keep_time, self._is_work)

    def start(self) -> None:
        """Start the loop."""
        capture_by_run()
        self._context = contextvars.copy_context()
        self._start_loop()
        threading.Thread(target=self._run_timekeeper, name="async-timekeeper", daemon=True).start()

    def submit(self, runs: Sequence[Run]) -> None:
        """Start `runs`, or let them wait for a place."""
        with self._lock:
            is_first = not self._waiting
            if is_first:
                self._begun_at = time.monotonic()
            self._waiting.extend(runs)
        if is_first:  # otherwise the loop is on its way to the queue already
            self._fill_soon()
        self._timekeeper.wake()

    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        """Cancel the run of this claim; one that waits is not started."""
        with self._lock:
            waiting = [run for run in self._waiting if (run.id, run.claim_seq) == (id, claim_seq)]
            for run in waiting:
                self._waiting.remove(run)
            if (found := self._tasks.get((id, claim_seq))) is not None:
                _cancel(*found, reason, self._setup.kill_grace_seconds)
        self._end_unstarted(waiting, reason)

    def stop_all(self, reason: StopReason) -> None:
        """Cancel every run."""
        self._stop_all(reason, self._setup.kill_grace_seconds)

    def close(self) -> None:
        """Stop the loop, by the hand of the timekeeper."""
        self._timekeeper.close()

    def _stop_all(self, reason: StopReason, grace_seconds: float) -> None:
        self._give_back(reason)
        with self._lock:
            for running, task in self._tasks.values():
                _cancel(running, task, reason, grace_seconds)

    def _give_back(self, reason: StopReason | None) -> None:
        """Start none of the runs that wait."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        self._end_unstarted(waiting, reason)

    def _end_unstarted(self, runs: Sequence[Run], reason: StopReason | None) -> None:
        for run in runs:
            self._setup.on_ended(Ended(run, Verdict.NOT_STARTED, stop=reason))

    # -- on the loop -----------------------------------------------------------------------------

    def _start_loop(self) -> None:
        self._loop, self._asked_at = asyncio.new_event_loop(), None
        threading.Thread(
            target=_run_for_ever, args=(self._loop,), name="slots-async", daemon=True
        ).start()

    def _fill_soon(self) -> None:
        self._loop.call_soon_threadsafe(self._fill, self._loop)

    def _fill(self, loop: asyncio.AbstractEventLoop) -> None:
        while loop is self._loop:
            with self._lock:
                if not self._waiting or len(self._tasks) >= self.capacity:
                    return
                running = Running(self._waiting.popleft(), self._setup.on_told)
                self._begun_at = running.started_at
                # a context of its own: what a neighbour set in its own is none of its business
                task = loop.create_task(self._serve(running), context=self._context.copy())
                self._tasks[running.key] = running, task

    async def _serve(self, running: Running) -> None:
        run, setup = running.run, self._setup
        CURRENT.set(running)
        job = running.context(setup.settings)
        try:
            outcome = await call_async(setup.specs[run.job_type], job, run.payload_text)
        except asyncio.CancelledError:
            outcome = Outcome(Verdict.CANCELLED)
        CURRENT.set(None)
        with self._lock:
            is_told = self._tasks.pop(running.key, None) is None  # it was abandoned before
        if not is_told:
            setup.on_ended(running.ended(*outcome))
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            if self._waiting:
                self._fill(loop)
        else:
            self._leave(loop)

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """End a loop that was replaced, with the last run on it."""
        with self._lock:
            is_last = all(task.get_loop() is not loop for _, task in self._tasks.values())
        if is_last:
            loop.stop()
        if self._waiting:
            self._fill_soon()

    # -- time ------------------------------------------------------------------------------------

    def _run_timekeeper(self) -> None:
        self._timekeeper.run()
        self._loop.call_soon_threadsafe(self._loop.stop)  # from here: nobody replaces it any more

    def _is_work(self) -> bool:
        with self._lock:
            return bool(self._tasks or self._waiting)

    def _keep_time(self, now: float) -> None:
        """Stop what is out of time or out of lease."""
        self._stop_late(now)
        self._abandon_stuck(now)
        self._watch_loop(now)
        if self._waiting and now - self._begun_at > NOT_STARTED_AFTER_SECONDS:
            self._give_back(None)  # every place is taken by something long
        if self._setup.lease.must_stop():
            self._stop_all(StopReason.FENCE, self._setup.lease.kill_grace_seconds)

    def _stop_late(self, now: float) -> None:
        with self._lock:
            for running, task in self._tasks.values():
                if running.is_over_time(now):
                    _cancel(running, task, StopReason.TIMEOUT, self._setup.kill_grace_seconds)

    def _abandon_stuck(self, now: float) -> None:
        """Settle runs without their coroutines, which did not end within the grace."""
        with self._lock:
            stuck = [running for running, _ in self._tasks.values() if running.is_over_grace(now)]
            for running in stuck:
                del self._tasks[running.key]
        for running in stuck:
            log(
                "coroutine_abandoned",
                level=logging.WARNING,
                job_id=running.run.id,
                job_type=running.run.job_type,
                reason=running.reason,
            )
            self._setup.on_ended(
                running.ended(Verdict.FAILED, "the handler did not stop when asked")
            )
        if stuck:
            self._fill_soon()

    def _watch_loop(self, now: float) -> None:
        """Ask the loop for a sign of life; replace it when there is none for long."""
        if self._asked_at is None:
            self._asked_at = now
            self._loop.call_soon_threadsafe(self._answer, self._loop)
        elif now - self._asked_at > BLOCKED_SECONDS:
            blocking = asyncio.current_task(self._loop)
            with self._lock:
                runs = [running.run for running, task in self._tasks.values() if task is blocking]
            log(
                "loop_blocked",
                level=logging.WARNING,
                job_id=runs[0].id if runs else None,
                job_type=runs[0].job_type if runs else None,
            )
            self._start_loop()
            self._fill_soon()

    def _answer(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is self._loop:
            self._asked_at = None


def _cancel(running: Running, task: Task, reason: StopReason, grace_seconds: float) -> None:
    if running.ask_to_stop(reason, grace_seconds):
        task.get_loop().call_soon_threadsafe(task.cancel)


def _run_for_ever(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped; a task of a handler's own that exits does not end it."""
    _run(loop)
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_soon(loop.stop)
    _run(loop)
    loop.close()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        with contextlib.suppress(BaseException):  # SystemExit and KeyboardInterrupt get here
            loop.run_forever()
            return
