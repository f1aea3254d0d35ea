"""The runner's end of one slot process: its socket, its output pipe, and the run that it has."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from worker.agenda import NEVER
from worker.frames import Decoder, FrameError, unpack
from worker.slots.ends import END, End, read_end
from worker.slots.output import Output, OutputByRun
from worker.slots.runs import Run, StopReason
from worker.slots.windows import pack_window

_READ_BYTES = 65_536
_DRAIN_ROUNDS = 64
MOST_AHEAD = 128
SHORT_SECONDS = 0.002
CALL_BACK_SECONDS = 0.05


class SlotProcess:
    """One slot process and the runs that were sent to it; it works at the first of them.

    All of it belongs to the pool's thread.
    """

    def __init__(self, key: int) -> None:
        self.key = key
        self.pid: int | None = None
        self.runs: deque[tuple[int, Run]] = deque()
        self.stop: StopReason | None = None
        self.is_write_wanted = False
        self.kill_at: float | None = None
        self.timeout_at: float | None = None
        self.started_at = 0.0
        self.jobs_done = 0
        self.logs = 0
        self.output = OutputByRun()
        self.outgoing = bytearray()
        self.connection, self._slot_end = socket.socketpair()
        self.output_fd, self._slot_output = os.pipe()
        self._tickets, self._tickets_write = os.pipe()
        os.set_blocking(self._tickets, False)
        self._called_back: set[int] = set()
        self.connection.setblocking(False)
        os.set_blocking(self.output_fd, False)
        self._decoder = Decoder()
        self._number = secrets.randbits(48)

    def is_at(self, id: UUID, claim_seq: int) -> bool:
        """Whether its present run is of this claim."""
        return bool(self.runs) and _is_of(self.runs[0][1], id, claim_seq)

    def has(self, id: UUID, claim_seq: int) -> bool:
        """Whether a run of this claim was sent to it."""
        return any(_is_of(run, id, claim_seq) for _, run in self.runs)

    @property
    def is_usable(self) -> bool:
        """Whether it takes runs at all; a slot that was told to stop is used no more."""
        return self.pid is not None and self.stop is None and not self._called_back

    @property
    def is_free(self) -> bool:
        """Whether it would begin a run at once."""
        return self.is_usable and not self.runs

    @property
    def is_on_time(self) -> bool:
        """Whether it is at a run that is expected to be short, and not at it for long.

        Only the first of its runs need be looked at: the others were sent ahead themselves.
        """
        if not self.runs:
            return False
        return is_short(self.runs[0][1]) and time.monotonic() < self.started_at + CALL_BACK_SECONDS

    def slot_ends(self) -> list[int]:
        """Return the descriptors that the guard passes on to the slot."""
        return [self._slot_end.fileno(), self._slot_output, self._tickets]

    def close_slot_ends(self) -> None:
        """Let go of the slot's descriptors once the guard has them."""
        self._slot_end.close()
        os.close(self._slot_output)

    def send(self, runs: Sequence[Run]) -> None:
        """Put `runs` on their way; the timeout of each counts from when the slot comes to it."""
        numbers = range(self._number + 1, self._number + 1 + len(runs))
        self._number += len(runs)
        is_first = not self.runs
        self.runs.extend(zip(numbers, runs, strict=True))
        self.output.expect(numbers)
        if is_first:
            self._begin()
        os.write(self._tickets_write, b"!" * len(runs))  # a pipe takes many times MOST_AHEAD
        self.outgoing += pack_window(numbers[0], runs)
        self.write()

    def end(self) -> tuple[int, Run]:
        """Take the present run off the list; the next begins."""
        ended = self.runs.popleft()
        self.timeout_at = self.kill_at = None
        self.logs = 0
        self.jobs_done += 1
        if self.runs:
            self._begin()
        return ended

    @property
    def call_back_at(self) -> float:
        """When the runs behind the present one should go elsewhere: it is slower than expected."""
        return self.started_at + CALL_BACK_SECONDS if len(self.runs) > 1 else NEVER

    def call_back(self) -> list[Run]:
        """Take back the runs that the slot has not begun, the last ones first to be safe from it.

        A ticket that can be read back here is one that the slot cannot take any more. The slot gets
        no further run until it has passed over the frames of these.
        """
        taken: list[Run] = []
        with contextlib.suppress(BlockingIOError):
            for _ in os.read(self._tickets, len(self.runs)):
                number, run = self.runs.pop()
                self.output.forget(number)
                self._called_back.add(number)
                taken.insert(0, run)
        return taken

    @property
    def due_at(self) -> float:
        """When something is to be done about it."""
        return min(self.kill_at or NEVER, self.timeout_at or NEVER, self.call_back_at)

    @property
    def is_busy(self) -> bool:
        """Whether it has runs, or has not passed over those that were called back."""
        return bool(self.runs or self._called_back)

    def _begin(self) -> None:
        self.started_at = time.monotonic()
        self.timeout_at = self.started_at + self.runs[0][1].timeout_seconds

    def write(self) -> None:
        """Send what the socket takes of what is waiting."""
        with contextlib.suppress(BlockingIOError, OSError):
            sent = self.connection.send(self.outgoing)
            del self.outgoing[:sent]

    def read(self) -> bytes | None:
        """Return what the slot said: None where that is nothing now, b"" where it says no more."""
        try:
            return self.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def heard(self, data: bytes) -> Iterator[End | dict[str, Any]]:
        """Yield what `data` says about the present run; raises FrameError for what is malformed.

        What is said of other runs is of threads that a handler left behind.
        """
        for body in self._decoder.bodies(data):
            if body[:1] == END:
                end = read_end(body)
                if self.runs and end.number == self.runs[0][0]:
                    yield end
                continue
            message = unpack(body)
            number = message.get("run")
            if not isinstance(number, int):
                raise FrameError("a frame of no run")
            if message.get("kind") == "called_back":
                self._called_back.discard(number)
            elif self.runs and number == self.runs[0][0]:
                yield message

    def read_output(self) -> bool:
        """Take what was printed; False at the end of the pipe."""
        try:
            data = os.read(self.output_fd, _READ_BYTES)
        except BlockingIOError:
            return True
        self.output.add(data)
        return bool(data)

    def take_output(self, number: int) -> Output | None:
        """Return what run `number` printed: it is in the pipe before its verdict is sent."""
        for _ in range(_DRAIN_ROUNDS):
            if self.output.has_ended(number) or not self.read_output():
                break
        return self.output.take(number)

    def close(self) -> None:
        """Close the runner's ends; the slot leaves when it reads that."""
        self.connection.close()
        for fd in (self.output_fd, self._tickets, self._tickets_write):
            os.close(fd)


def describe_exit(status: int) -> str:
    """Say how a process ended, from its wait status."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"slot process died: exit code {code}"
    with contextlib.suppress(ValueError):
        return f"slot process died: {signal.Signals(-code).name}"
    return f"slot process died: signal {-code}"


def _is_of(run: Run, id: UUID, claim_seq: int) -> bool:
    return (run.id, run.claim_seq) == (id, claim_seq)


def is_short(run: Run) -> bool:
    """Whether `run` may share a slot's socket with others, ahead of its turn."""
    return run.expected_seconds is not None and run.expected_seconds <= SHORT_SECONDS
