"""The pool: gives runs to slot processes, keeps their time, and tells how each ended.

Its one thread touches no database: a stuck query can neither delay a timeout nor keep a handler
alive past the lease.
"""

from __future__ import annotations

import collections
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from worker.frames import FrameError
from worker.lease import Lease
from worker.slots.guard_keeper import NEVER, GuardKeeper
from worker.slots.process import SlotProcess
from worker.slots.processes import SlotProcesses
from worker.slots.runs import Ended, Run, StopReason, Told, Verdict
from worker.slots.waiting import Waiting
from worker.slots.watch import Watch

TICK_SECONDS = 1.0
GATHER_SECONDS = 0.001  # being woken for one end costs more than hearing of it


class Pool:
    """A fixed number of slot processes below one guard.

    `on_ended` is called once for every run that was submitted, `on_told` for what running handlers
    say, `on_change` when the pool goes down or comes up again; all on the pool's own thread.
    """

    def __init__(
        self,
        *,
        size: int,
        recycle_jobs: int,
        kill_grace_seconds: float,
        guards: GuardKeeper,
        lease: Lease,
        on_ended: Callable[[Ended], None],
        on_told: Callable[[Told], None],
        on_change: Callable[[], None],
    ) -> None:
        self._size = size
        self._kill_grace_seconds = kill_grace_seconds
        self._guards = guards
        self._lease = lease
        self._on_ended = on_ended
        self._on_change = on_change
        self._waiting = Waiting()
        self._watch = Watch()
        self._slots = SlotProcesses(
            size=size,
            recycle_jobs=recycle_jobs,
            guards=guards,
            waiting=self._waiting,
            watch=self._watch,
            on_ended=on_ended,
            on_told=on_told,
        )
        self._commands: collections.deque[Callable[[], None]] = collections.deque()
        self._is_closing = False

    @property
    def capacity(self) -> int:
        """How many runs it can hold now."""
        return self._size if self._guards.is_ready else 0

    def start(self) -> None:
        """Start the guard and the slots; raises GuardError where handlers cannot be imported."""
        self._watch.add(self._guards.start().control, self._hear_guard)

    def submit(self, runs: Sequence[Run]) -> None:
        """Give `runs` to slots, or to the next that are free."""
        now = time.monotonic()
        self._command(partial(self._waiting.add, runs, now))

    def stop(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        """Stop the run of this claim: SIGTERM, grace, SIGKILL to its whole tree."""
        self._command(partial(self._stop_claim, id, claim_seq, reason))

    def stop_all(self, reason: StopReason) -> None:
        """Stop every run."""
        self._command(partial(self._stop_all, reason, self._kill_grace_seconds))

    def close(self) -> None:
        """Have `run` return; runs that are still there end without a word."""
        self._is_closing = True
        self._command(lambda: None)

    def run(self) -> None:
        """Serve until closed, then end every slot."""
        try:
            while not self._is_closing:
                if self._slots.have_much_ahead:
                    time.sleep(GATHER_SECONDS)
                self._watch.wait(self._seconds_to_wait())
                while self._commands:
                    self._commands.popleft()()
                self._keep_time()
                self._slots.refill()
                self._slots.assign()
        finally:
            self._guards.end()
            self._slots.close()
            self._watch.close()

    def _command(self, command: Callable[[], None]) -> None:
        self._commands.append(command)
        self._watch.wake()

    # -- time ------------------------------------------------------------------------------------

    def _seconds_to_wait(self) -> float | None:
        """Return how long nothing can become due; a tick while there are runs, for the lease."""
        times = [self._guards.retry_at, self._slots.spawn_at]
        is_busy = bool(self._waiting)
        for slot in self._slots:
            if slot.is_busy:
                is_busy = True
                times.append(slot.due_at)
        if is_busy:
            times.append(time.monotonic() + TICK_SECONDS)
        soonest = min(times)
        return None if soonest == NEVER else max(0.0, soonest - time.monotonic())

    def _keep_time(self) -> None:
        now = time.monotonic()
        busy = [slot for slot in self._slots if slot.is_busy]
        for slot in busy:
            if now >= slot.due_at:
                self._do_what_is_due(slot, now)
        if busy and self._lease.must_stop():
            self._stop_all(StopReason.FENCE, self._lease.kill_grace_seconds)
        self._end_unstarted(self._waiting.withdraw_late(now), None)
        if not self._guards.is_ready and now >= self._guards.retry_at:
            link = self._guards.start_again()
            if link is not None:
                self._watch.add(link.control, self._hear_guard)

    def _do_what_is_due(self, slot: SlotProcess, now: float) -> None:
        if slot.kill_at is not None and now >= slot.kill_at:
            slot.kill_at = now + TICK_SECONDS
            self._slots.kill(slot)
        if slot.timeout_at is not None and now >= slot.timeout_at:
            self._slots.time_out(slot, self._kill_grace_seconds)
        if now >= slot.call_back_at:
            self._slots.call_back(slot)

    # -- stops -----------------------------------------------------------------------------------

    def _stop_claim(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        self._slots.stop_claim(id, claim_seq, reason, self._kill_grace_seconds)
        self._end_unstarted(self._waiting.withdraw(id, claim_seq), reason)

    def _stop_all(self, reason: StopReason, grace_seconds: float) -> None:
        self._slots.stop_all(reason, grace_seconds)
        self._end_unstarted(self._waiting.withdraw_all(), reason)

    def _end_unstarted(self, runs: Iterable[Run], reason: StopReason | None) -> None:
        for run in runs:
            self._on_ended(Ended(run, Verdict.NOT_STARTED, stop=reason))

    # -- guard -----------------------------------------------------------------------------------

    def _hear_guard(self, _mask: int) -> None:
        try:
            for message in self._guards.link.read():
                self._obey(message)
        except (EOFError, FrameError):
            self._lose_guard()

    def _obey(self, message: dict[str, Any]) -> None:
        kind = message["kind"]
        if kind == "ready":
            self._guards.is_ready = True
            self._on_change()
        elif kind == "broken":
            self._guards.broke(message["error"])
        elif kind == "spawned":
            self._slots.spawned(message["slot"], message["pid"])
        elif kind == "not_spawned":
            self._slots.not_spawned(message["slot"], message["error"])
        elif kind == "exited":
            self._slots.exited(message["pid"], message["status"])

    def _lose_guard(self) -> None:
        """Record that all slots are gone with their guard, and have it started again."""
        self._watch.forget(self._guards.link.control)
        self._slots.lose_guard()
        self._guards.lost()
        self._on_change()
