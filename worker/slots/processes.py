"""The slot processes of a pool: spawned ahead, given runs, heard, stopped, replaced and buried.

Before a slot is stopped, removed or buried, what it has not begun is taken back: then its first run
is what it is at, and how those before ended is in its socket.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from worker.frames import FrameError
from worker.log import log
from worker.slots.ends import End
from worker.slots.guard_keeper import NEVER, GuardKeeper
from worker.slots.process import SlotProcess, describe_exit
from worker.slots.runs import LOGS_PER_RUN, Ended, StopReason, Told, Verdict
from worker.slots.verdicts import read_told
from worker.slots.waiting import Waiting
from worker.slots.watch import READ, WRITE, Watch

RESPAWN_SECONDS = 1.0
MUCH_AHEAD = 8


class SlotProcesses:
    """A fixed number of slot processes below one guard. Used by the pool's thread alone."""

    def __init__(
        self,
        *,
        size: int,
        recycle_jobs: int,
        guards: GuardKeeper,
        waiting: Waiting,
        watch: Watch,
        on_ended: Callable[[Ended], None],
        on_told: Callable[[Told], None],
    ) -> None:
        self._size = size
        self._recycle_jobs = recycle_jobs
        self._guards = guards
        self._waiting = waiting
        self._watch = watch
        self._on_ended = on_ended
        self._on_told = on_told
        self._slots: dict[int, SlotProcess] = {}
        self._next_key = 0
        self._spawn_at = 0.0

    def __iter__(self) -> Iterator[SlotProcess]:
        """Go through the slots, of which some may be removed meanwhile."""
        return iter([*self._slots.values()])

    @property
    def have_much_ahead(self) -> bool:
        """Whether one of them will be at short runs for a moment yet."""
        return any(len(slot.runs) > MUCH_AHEAD for slot in self._slots.values())

    @property
    def spawn_at(self) -> float:
        """When the next slot may be spawned, `NEVER` where none is to be."""
        return self._spawn_at if self._guards.is_ready and self._is_short_of_slots else NEVER

    @property
    def _is_short_of_slots(self) -> bool:
        return len(self._slots) < self._size

    def refill(self) -> None:
        """Have as many slots as there should be, spawned ahead of the runs."""
        while time.monotonic() >= self.spawn_at:
            slot = SlotProcess(self._next_key)
            self._next_key += 1
            self._slots[slot.key] = slot
            self._guards.link.spawn(slot.key, slot.slot_ends())
            slot.close_slot_ends()
            self._watch.add(slot.connection, partial(self._hear_slot, slot))
            self._watch.add(slot.output_fd, partial(self._take_output, slot))

    def assign(self) -> None:
        """Give waiting runs to slots."""
        if self._waiting:
            for slot, runs in self._waiting.deal(self._slots.values(), self._recycle_jobs):
                slot.send(runs)
                self._await_room(slot)

    def stop(self, slot: SlotProcess, reason: StopReason, grace_seconds: float) -> None:
        """Ask the tree to end, and set when it will be killed; the first reason counts.

        What was sent ahead has been called back before: the signal can reach no other run.
        """
        kill_at = time.monotonic() + grace_seconds
        slot.kill_at = kill_at if slot.kill_at is None else min(slot.kill_at, kill_at)
        if slot.stop is None and slot.pid is not None:
            slot.stop = reason
            slot.timeout_at = None
            self._guards.link.signal(slot.pid, signal.SIGTERM)

    def stop_claim(
        self, id: UUID, claim_seq: int, reason: StopReason, grace_seconds: float
    ) -> None:
        """Stop the run of this claim, or have it wait where it has not begun."""
        for slot in [slot for slot in self._slots.values() if slot.has(id, claim_seq)]:
            self.call_back(slot)
            if slot.is_at(id, claim_seq):
                self.stop(slot, reason, grace_seconds)

    def stop_all(self, reason: StopReason, grace_seconds: float) -> None:
        """Stop what has begun, and have the rest wait."""
        for slot in self:
            self.call_back(slot)
            if slot.runs:
                self.stop(slot, reason, grace_seconds)

    def time_out(self, slot: SlotProcess, grace_seconds: float) -> None:
        """Stop the present run; a slot that in all this time did not come to it is replaced."""
        timed_out = slot.runs[0] if slot.runs else None
        self.call_back(slot)
        if slot.runs and slot.runs[0] == timed_out:
            self.stop(slot, StopReason.TIMEOUT, grace_seconds)
        elif not slot.runs and slot.timeout_at is not None and slot.key in self._slots:
            self._retire(slot)

    def kill(self, slot: SlotProcess) -> None:
        """Kill the tree."""
        if slot.pid is not None:
            self._guards.link.kill(slot.pid)

    def call_back(self, slot: SlotProcess) -> None:
        """Let what the slot has not begun wait for another, and hear how those before ended.

        That is in its socket: a slot says so before it comes to the next.
        """
        self._waiting.put_back(slot.call_back())
        self._hear_all(slot)

    # -- what a slot says ------------------------------------------------------------------------

    def _await_room(self, slot: SlotProcess) -> None:
        """Hear of room in the socket while something waits for it."""
        if slot.is_write_wanted != bool(slot.outgoing):
            slot.is_write_wanted = bool(slot.outgoing)
            self._watch.await_room(slot.connection, slot.is_write_wanted)

    def _hear_slot(self, slot: SlotProcess, mask: int) -> None:
        if slot.key not in self._slots:
            return
        if mask & WRITE:
            slot.write()
            self._await_room(slot)
        if mask & READ:
            self._hear(slot)

    def _hear_all(self, slot: SlotProcess) -> None:
        while slot.key in self._slots and self._hear(slot):
            pass

    def _hear(self, slot: SlotProcess) -> bool:
        """Take what the slot said; False when there is no more."""
        data = slot.read()
        if not data:
            if data is not None:
                self._watch.forget(slot.connection)  # how it died is told by the guard, in a moment
            return False
        try:
            for said in slot.heard(data):
                if isinstance(said, End):
                    self._take_end(slot, said)
                else:
                    self._take_told(slot, said)
        except FrameError as error:
            self._retire(slot, f"the slot process sent garbage: {error}")
        return slot.key in self._slots

    def _take_told(self, slot: SlotProcess, message: dict[str, Any]) -> None:
        told = read_told(message)
        slot.logs += message.get("kind") == "log"
        if told is not None and (told[0] != "log" or slot.logs <= LOGS_PER_RUN):
            self._on_told(Told(slot.runs[0][1], *told))

    def _take_end(self, slot: SlotProcess, end: End) -> None:
        stop = slot.stop if end.is_stopped else None
        self._end_run(slot, end.verdict, end.text, end.delay_seconds, stop, end.seconds)
        if slot.stop is not None or not end.is_reusable:
            self._retire(slot)
        elif slot.jobs_done >= self._recycle_jobs:
            self._release(slot)

    def _take_output(self, slot: SlotProcess, _mask: int) -> None:
        if slot.key in self._slots and not slot.read_output():
            self._watch.forget(slot.output_fd)

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

    # -- the end of a slot -----------------------------------------------------------------------

    def _release(self, slot: SlotProcess) -> None:
        """Let a slot go that is at nothing, and has left nothing behind."""
        if slot.pid is not None:
            self._guards.link.end_slot(slot.pid)
        self._remove(slot, "")

    def _retire(self, slot: SlotProcess, reason: str = "the slot process was replaced") -> None:
        """Have no more to do with a slot process, and kill what is left of it."""
        self.kill(slot)
        self._remove(slot, reason)

    def _remove(self, slot: SlotProcess, reason: str) -> None:
        """Let a slot go: what it has not begun goes to another, what it was at died with it."""
        del self._slots[slot.key]
        self._waiting.put_back(slot.call_back())
        while slot.runs:
            self._end_run(slot, Verdict.DIED, reason, stop=slot.stop)
        self._watch.forget(slot.connection)
        self._watch.forget(slot.output_fd)
        slot.close()

    def _bury(self, slot: SlotProcess, reason: str) -> None:
        """Take the last words of a dead slot; without a verdict among them its run failed."""
        self._hear_all(slot)
        if slot.key not in self._slots:
            return
        jobs_done = slot.jobs_done
        self._remove(slot, reason)
        if slot.jobs_done == jobs_done == 0:  # it began nothing at all
            self._spawn_at = time.monotonic() + RESPAWN_SECONDS

    # -- what the guard says ---------------------------------------------------------------------

    def spawned(self, key: int, pid: int) -> None:
        """Note that the slot is there."""
        if key in self._slots:
            self._slots[key].pid = pid

    def not_spawned(self, key: int, error: str) -> None:
        """Note that there is no process to be had, and try again later."""
        log("slot_not_spawned", error=error)
        self._spawn_at = time.monotonic() + RESPAWN_SECONDS
        self._remove(self._slots[key], "")

    def exited(self, pid: int, status: int) -> None:
        """Note that a slot is dead."""
        for slot in [slot for slot in self._slots.values() if slot.pid == pid]:
            self._bury(slot, describe_exit(status))

    def lose_guard(self) -> None:
        """Note that all slots are gone with their guard."""
        for slot in self:
            self._bury(slot, "slot process died with its guard")

    def close(self) -> None:
        """Let every slot go."""
        for slot in self:
            slot.close()
