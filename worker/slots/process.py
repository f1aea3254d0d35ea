"""The runner's end of one slot process: its socket, its output pipe, and the run that it has."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

from worker.frames import Decoder, pack
from worker.slots.output import OutputBuffer
from worker.slots.runs import Run, StopReason

_READ_BYTES = 65_536
_DRAIN_ROUNDS = 64


class SlotProcess:
    """One slot process. All of it belongs to the pool's thread."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.pid: int | None = None
        self.run: Run | None = None
        self.stop: StopReason | None = None
        self.kill_at: float | None = None
        self.timeout_at: float | None = None
        self.started_at = 0.0
        self.jobs_done = 0
        self.logs = 0
        self.output = OutputBuffer()
        self.outgoing = bytearray()
        self.connection, self._slot_end = socket.socketpair()
        self.output_fd, self._slot_output = os.pipe()
        self.connection.setblocking(False)
        os.set_blocking(self.output_fd, False)
        self._decoder = Decoder()
        self._number = 0

    @property
    def is_free(self) -> bool:
        """Whether a run can be given to it now; a slot that was told to stop is used no more."""
        return self.pid is not None and self.run is None and self.stop is None

    def slot_ends(self) -> list[int]:
        """Return the descriptors that the guard passes on to the slot."""
        return [self._slot_end.fileno(), self._slot_output]

    def close_slot_ends(self) -> None:
        """Let go of the slot's descriptors once the guard has them."""
        self._slot_end.close()
        os.close(self._slot_output)

    def begin(self, run: Run) -> None:
        """Put `run` on its way; the timeout counts from here."""
        self._number += 1
        self.run = run
        self.started_at = time.monotonic()
        self.timeout_at = self.started_at + run.timeout_seconds
        self.outgoing += pack(
            {
                "run": self._number,
                "id": str(run.id),
                "claim_seq": run.claim_seq,
                "job_type": run.job_type,
                "attempt": run.attempt,
                "payload": run.payload_text,
            }
        )

    def write(self) -> None:
        """Send what the socket takes of what is waiting."""
        with contextlib.suppress(BlockingIOError, OSError):
            sent = self.connection.send(self.outgoing)
            del self.outgoing[:sent]

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield what the slot says about its present run.

        Raises EOFError when it says no more, FrameError for anything malformed.
        """
        try:
            data = self.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise EOFError
        for message in self._decoder.feed(data):
            # a thread that a handler left behind may still speak for an earlier run
            if message.get("run") == self._number:
                yield message

    def read_output(self) -> bool:
        """Take what was printed; False at the end of the pipe."""
        try:
            data = os.read(self.output_fd, _READ_BYTES)
        except BlockingIOError:
            return True
        self.output.add(data)
        return bool(data)

    def drain_output(self) -> None:
        """Take what was printed before the verdict was sent, but no endless flood."""
        for _ in range(_DRAIN_ROUNDS):
            before = self.output.size_bytes
            if not self.read_output() or self.output.size_bytes == before:
                return

    def close(self) -> None:
        """Close the runner's ends; the slot leaves when it reads that."""
        self.connection.close()
        os.close(self.output_fd)


def describe_exit(status: int) -> str:
    """Say how a process ended, from its wait status."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"slot process died: exit code {code}"
    with contextlib.suppress(ValueError):
        return f"slot process died: {signal.Signals(-code).name}"
    return f"slot process died: signal {-code}"
