"""The pool: gives runs to slot processes, keeps their time, and tells how each ended.

Its one thread touches no database: a stuck query can neither delay a timeout nor keep a handler
alive past the lease.
"""

from __future__ import annotations

import collections
import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from worker.frames import FrameError
from worker.lease import Lease
from worker.log import log
from worker.slots.guard_keeper import NEVER, GuardKeeper
from worker.slots.process import SlotProcess, describe_exit
from worker.slots.runs import (
    LOGS_PER_RUN,
    NOT_STARTED_AFTER_SECONDS,
    Ended,
    Run,
    StopReason,
    Told,
    Verdict,
)
from worker.slots.verdicts import read_told, read_verdict, took

TICK_SECONDS = 1.0
RESPAWN_SECONDS = 1.0


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
        self._recycle_jobs = recycle_jobs
        self._kill_grace_seconds = kill_grace_seconds
        self._guards = guards
        self._lease = lease
        self._on_ended = on_ended
        self._on_told = on_told
        self._on_change = on_change
        self._slots: dict[int, SlotProcess] = {}
        self._next_key = 0
        self._spawn_at = 0.0
        self._waiting: collections.deque[tuple[Run, float]] = collections.deque()
        self._commands: collections.deque[Callable[[], None]] = collections.deque()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._is_closing = False

    @property
    def capacity(self) -> int:
        """How many runs it can hold now."""
        return self._size if self._guards.is_ready else 0

    def start(self) -> None:
        """Start the guard and the slots; raises GuardError where handlers cannot be imported."""
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._take_wake)
        link = self._guards.start()
        self._selector.register(link.control, selectors.EVENT_READ, self._hear_guard)

    def submit(self, runs: Sequence[Run]) -> None:
        """Give `runs` to slots, or to the next that are free."""
        now = time.monotonic()
        self._command(lambda: self._waiting.extend((run, now) for run in runs))

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
                for key, mask in self._selector.select(self._seconds_to_wait()):
                    key.data(mask)
                while self._commands:
                    self._commands.popleft()()
                self._keep_time()
                self._refill()
                self._assign()
        finally:
            self._guards.end()
            for slot in self._slots.values():
                slot.close()
            self._selector.close()

    def _command(self, command: Callable[[], None]) -> None:
        self._commands.append(command)
        with contextlib.suppress(BlockingIOError):  # it is awake already
            os.write(self._wake_write, b"!")

    def _take_wake(self, _mask: int) -> None:
        os.read(self._wake_read, 4096)

    # -- time ------------------------------------------------------------------------------------

    def _seconds_to_wait(self) -> float | None:
        """Return how long nothing can become due; a tick while there are runs, for the lease."""
        busy = [slot for slot in self._slots.values() if slot.is_busy]
        times = [self._guards.retry_at]
        times += [t for slot in busy for t in (slot.kill_at, slot.timeout_at) if t is not None]
        times += [slot.call_back_at for slot in busy]
        if busy or self._waiting:
            times.append(time.monotonic() + TICK_SECONDS)
        if len(self._slots) < self._size and self._guards.is_ready:
            times.append(self._spawn_at)
        soonest = min(times)
        return None if soonest == NEVER else max(0.0, soonest - time.monotonic())

    def _keep_time(self) -> None:
        now = time.monotonic()
        busy = [slot for slot in self._slots.values() if slot.is_busy]
        for slot in busy:
            if slot.kill_at is not None and now >= slot.kill_at:
                slot.kill_at = now + TICK_SECONDS
                self._kill(slot)
            if slot.timeout_at is not None and now >= slot.timeout_at:
                self._time_out(slot)
            if now >= slot.call_back_at:
                self._wait_again(slot.call_back())
        if busy and self._lease.must_stop():
            self._stop_all(StopReason.FENCE, self._lease.kill_grace_seconds)
        while self._waiting and now - self._waiting[0][1] > NOT_STARTED_AFTER_SECONDS:
            self._on_ended(Ended(self._waiting.popleft()[0], Verdict.NOT_STARTED))
        if not self._guards.is_ready and now >= self._guards.retry_at:
            link = self._guards.start_again()
            if link is not None:
                self._selector.register(link.control, selectors.EVENT_READ, self._hear_guard)

    def _time_out(self, slot: SlotProcess) -> None:
        """Stop the present run; a slot that in all this time did not come to it is replaced."""
        timed_out = slot.runs[0] if slot.runs else None
        self._wait_again(self._call_back(slot))
        if slot.runs and slot.runs[0] == timed_out:
            self._stop(slot, StopReason.TIMEOUT, self._kill_grace_seconds)
        elif not slot.runs and slot.timeout_at is not None and slot.key in self._slots:
            self._retire(slot)

    # -- slots -----------------------------------------------------------------------------------

    def _refill(self) -> None:
        """Have as many slots as there should be, spawned ahead of the runs."""
        while (
            self._guards.is_ready
            and len(self._slots) < self._size
            and time.monotonic() >= self._spawn_at
        ):
            slot = SlotProcess(self._next_key)
            self._next_key += 1
            self._slots[slot.key] = slot
            self._guards.link.spawn(slot.key, slot.slot_ends())
            slot.close_slot_ends()
            self._selector.register(
                slot.connection, selectors.EVENT_READ, partial(self._hear_slot, slot)
            )
            self._selector.register(
                slot.output_fd, selectors.EVENT_READ, partial(self._take_output, slot)
            )

    def _assign(self) -> None:
        """Give waiting runs to free slots, then short ones to slots that are at short ones."""
        if not self._waiting:
            return
        given = set()
        for slot in self._slots.values():
            if self._waiting and slot.is_free:
                slot.send(self._waiting.popleft()[0])
                given.add(slot.key)
        is_moving = True
        while self._waiting and is_moving:
            is_moving = False
            for slot in self._slots.values():
                left = self._recycle_jobs - slot.jobs_done - len(slot.runs)
                if self._waiting and left > 0 and slot.has_room(self._waiting[0][0]):
                    slot.send(self._waiting.popleft()[0])
                    given.add(slot.key)
                    is_moving = True
        for key in given:
            self._write(self._slots[key])

    def _write(self, slot: SlotProcess) -> None:
        was_waiting = slot.is_write_wanted
        slot.write()
        slot.is_write_wanted = bool(slot.outgoing)
        if slot.is_write_wanted == was_waiting:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if slot.outgoing else 0)
        if slot.connection in self._selector.get_map():
            self._selector.modify(slot.connection, wanted, partial(self._hear_slot, slot))

    def _hear_slot(self, slot: SlotProcess, mask: int) -> None:
        if slot.key not in self._slots:
            return
        if mask & selectors.EVENT_WRITE:
            self._write(slot)
        if mask & selectors.EVENT_READ:
            self._read(slot)

    def _read(self, slot: SlotProcess) -> bool:
        """Take what the slot said; False when there is no more."""
        data = slot.read()
        if not data:
            if data is not None:
                self._forget(slot.connection)  # how it died is told by the guard, in a moment
            return False
        try:
            for message in slot.messages(data):
                self._take(slot, message)
        except FrameError as error:
            self._retire(slot, f"the slot process sent garbage: {error}")
        return slot.key in self._slots

    def _take(self, slot: SlotProcess, message: dict[str, Any]) -> None:
        if message.get("kind") in ("log", "progress"):
            told = read_told(message)
            slot.logs += message["kind"] == "log"
            if told is not None and (told[0] != "log" or slot.logs <= LOGS_PER_RUN):
                self._on_told(Told(slot.runs[0][1], *told))
            return
        verdict, text, delay_seconds = read_verdict(message)
        stop = slot.stop if message.get("is_stopped") is True else None
        self._end_run(slot, verdict, text, delay_seconds, stop, took(message))
        is_used_up = slot.jobs_done >= self._recycle_jobs or message.get("is_reusable") is not True
        if is_used_up or slot.stop is not None:
            self._retire(slot)

    def _take_output(self, slot: SlotProcess, _mask: int) -> None:
        if slot.key in self._slots and not slot.read_output():
            self._forget(slot.output_fd)

    def _end_run(
        self,
        slot: SlotProcess,
        verdict: Verdict,
        text: str,
        delay_seconds: float | None = None,
        stop: StopReason | None = None,
        seconds: float | None = None,
    ) -> None:
        """Tell how the present run of `slot` ended, with all that it printed until then."""
        if seconds is None:
            seconds = time.monotonic() - slot.started_at
        number, run = slot.end()
        output = slot.take_output(number)
        self._on_ended(Ended(run, verdict, text, delay_seconds, stop, output, seconds))

    def _call_back(self, slot: SlotProcess) -> list[Run]:
        """Take back what the slot has not begun, so that its first run is what it is at.

        How those before ended is in its socket: a slot says so before it comes to the next.
        """
        runs = slot.call_back()
        while slot.key in self._slots and self._read(slot):
            pass
        return runs

    def _stop_claim(self, id: UUID, claim_seq: int, reason: StopReason) -> None:
        for slot in [slot for slot in self._slots.values() if slot.has(id, claim_seq)]:
            self._wait_again(self._call_back(slot))
            if slot.is_at(id, claim_seq):
                self._stop(slot, reason, self._kill_grace_seconds)
        for waiting in [w for w in self._waiting if (w[0].id, w[0].claim_seq) == (id, claim_seq)]:
            self._waiting.remove(waiting)
            self._on_ended(Ended(waiting[0], Verdict.NOT_STARTED, stop=reason))

    def _stop_all(self, reason: StopReason, grace_seconds: float) -> None:
        for slot in [*self._slots.values()]:
            self._wait_again(self._call_back(slot))
            if slot.runs:
                self._stop(slot, reason, grace_seconds)
        while self._waiting:
            self._on_ended(Ended(self._waiting.popleft()[0], Verdict.NOT_STARTED, stop=reason))

    def _stop(self, slot: SlotProcess, reason: StopReason, grace_seconds: float) -> None:
        """Ask the tree to end, and set when it will be killed; the first reason counts.

        What was sent ahead has been called back before: the signal can reach no other run.
        """
        kill_at = time.monotonic() + grace_seconds
        slot.kill_at = kill_at if slot.kill_at is None else min(slot.kill_at, kill_at)
        if slot.stop is None and slot.pid is not None:
            slot.stop = reason
            slot.timeout_at = None
            self._guards.link.signal(slot.pid, signal.SIGTERM)

    def _kill(self, slot: SlotProcess) -> None:
        if slot.pid is not None:
            self._guards.link.kill(slot.pid)

    def _retire(self, slot: SlotProcess, reason: str = "the slot process was replaced") -> None:
        """Have no more to do with a slot process, and kill what is left of it."""
        self._kill(slot)
        self._remove(slot, reason)

    def _remove(self, slot: SlotProcess, reason: str) -> None:
        """Let a slot go: what it has not begun goes to another, what it was at died with it."""
        del self._slots[slot.key]
        self._wait_again(slot.call_back())
        while slot.runs:
            self._end_run(slot, Verdict.DIED, reason, stop=slot.stop)
        self._forget(slot.connection)
        self._forget(slot.output_fd)
        slot.close()

    def _wait_again(self, runs: Sequence[Run]) -> None:
        """Let runs that were sent to a slot in vain wait for another, before all others."""
        now = time.monotonic()
        self._waiting.extendleft((run, now) for run in reversed(runs))

    def _forget(self, fileobj: Any) -> None:
        if fileobj in self._selector.get_map():
            self._selector.unregister(fileobj)

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
            slot = self._slots.get(message["slot"])
            if slot is not None:
                slot.pid = message["pid"]
        elif kind == "not_spawned":
            log("slot_not_spawned", error=message["error"])
            self._spawn_at = time.monotonic() + RESPAWN_SECONDS
            self._remove(self._slots[message["slot"]], "")
        elif kind == "exited":
            for slot in [s for s in self._slots.values() if s.pid == message["pid"]]:
                self._bury(slot, describe_exit(message["status"]))

    def _bury(self, slot: SlotProcess, reason: str) -> None:
        """Take the last words of a dead slot; without a verdict among them its run failed."""
        while slot.key in self._slots and self._read(slot):
            pass
        if slot.key not in self._slots:
            return
        jobs_done = slot.jobs_done
        self._remove(slot, reason)
        if slot.jobs_done == jobs_done == 0:  # it began nothing at all
            self._spawn_at = time.monotonic() + RESPAWN_SECONDS

    def _lose_guard(self) -> None:
        """Record that all slots are gone with their guard, and have it started again."""
        self._forget(self._guards.link.control)
        for slot in [*self._slots.values()]:
            self._bury(slot, "slot process died with its guard")
        self._guards.lost()
        self._on_change()
