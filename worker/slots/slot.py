"""The inside of a slot: takes one run after the other, calls its handler, sends how it ended."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import contextlib
import functools
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType, MappingProxyType
from typing import Any, NoReturn

from worker.call import Outcome, call
from worker.context import JobContext
from worker.frames import Decoder, pack
from worker.handlers import HandlerSpec
from worker.slots.ends import End, pack_end
from worker.slots.memory import MemoryBound
from worker.slots.process_tree import kill_below
from worker.slots.runs import Verdict
from worker.slots.streams import Streams
from worker.slots.windows import Ordered, read_window

EXIT_BROKEN = 70

# Not `signal.signal`: the enumerations that it makes cost a sixth of a short run.
_on_signal = _signal.signal


@dataclass(frozen=True, slots=True)
class Setup:
    """What every slot inherits from the guard."""

    specs: Mapping[str, HandlerSpec]
    settings: Mapping[str, Any]


class Stop:
    """SIGTERM as a flag that can be waited for.

    A pipe, not a `threading.Event`: setting an event inside a signal handler can deadlock with the
    very wait that it interrupts.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._is_set = False

    def set(self, _signum: int, _frame: FrameType | None) -> None:
        """Serve as the handler of SIGTERM."""
        self._is_set = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def clear(self) -> None:
        """Begin a new run."""
        if self._is_set:
            self._is_set = False
            with contextlib.suppress(BlockingIOError):
                os.read(self._read, 4096)

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> None:
        select.select([self._read], [], [], seconds)


class Slot:
    """This process, from when the guard has forked it.

    For each run there is a byte in the pipe `tickets`. Whoever takes it has the run: the slot that
    begins it, or the runner that calls it back because the slot is too long at another.
    """

    def __init__(self, setup: Setup, connection: socket.socket, tickets: int) -> None:
        self._specs = setup.specs
        self._settings = MappingProxyType(dict(setup.settings))
        self._connection = connection
        self._tickets = tickets
        self._streams = Streams()
        self._stop = Stop()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._cwd = os.open(".", os.O_RDONLY)
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        os.register_at_fork(after_in_child=functools.partial(_detach, connection.fileno()))
        _on_signal(signal.SIGTERM, self._stop.set)

    def serve(self) -> NoReturn:
        """Run what arrives until the runner closes the connection, or no more is to run here.

        What was sent ahead is not begun then: the runner gives it to another slot.
        """
        for ordered in self._ordered():
            # before the ticket: what is told to stop once it has begun must hear it
            _on_signal(signal.SIGTERM, self._stop.set)
            self._stop.clear()
            if not self._takes_ticket():
                self._tell(ordered.number, {"kind": "called_back"})
            elif not self._run(ordered):
                break
        os._exit(0)

    def _ordered(self) -> Iterator[Ordered]:
        """Yield the runs that arrive; small ones come several at a time."""
        decoder = Decoder()
        while data := self._connection.recv(65_536):
            for body in decoder.bodies(data):
                yield from read_window(body)

    def _takes_ticket(self) -> bool:
        try:
            return bool(os.read(self._tickets, 1))
        except BlockingIOError:
            return False

    def _run(self, ordered: Ordered) -> bool:
        """Do one run and tell its end before the next begins; False where none may follow."""
        started_at = time.monotonic()
        outcome = self._call(ordered)
        seconds = time.monotonic() - started_at
        if os.getpid() != self._pid:
            os._exit(0)  # a fork made by the handler came back from it: it is not the slot
        # Signals reach the slot before its children, so that a handler which mistook the end of a
        # stopped child for success is known to have been stopped.
        is_stopped = self._stop.is_set()
        _end_leftovers()
        self._streams.end_run(ordered.number)
        is_reusable = (
            threading.active_count() == 1
            and not self._stop.is_set()
            and not self._streams.is_broken
        )
        self._send(pack_end(End(ordered.number, *outcome, seconds, is_stopped, is_reusable)))
        if is_reusable:
            os.fchdir(self._cwd)
            os.umask(self._umask)
        return is_reusable

    def _call(self, ordered: Ordered) -> Outcome:
        spec = self._specs.get(ordered.job_type)
        if spec is None:
            return Outcome(Verdict.FAILED, "the slot has no handler of this type")
        job = JobContext(
            id=ordered.id,
            claim_seq=ordered.claim_seq,
            attempt=ordered.attempt,
            settings=self._settings,
            send=functools.partial(self._tell, ordered.number),
            stop=self._stop,
        )
        if ordered.memory_bytes is None:
            return call(spec, job, ordered.payload_text)
        return call(spec, job, ordered.payload_text, MemoryBound(ordered.memory_bytes))

    def _tell(self, number: int, message: dict[str, Any]) -> None:
        self._send(pack({"run": number, **message}))

    def _send(self, frame: bytes) -> None:
        with self._lock:  # a handler may have threads of its own
            self._connection.sendall(frame)


def _end_leftovers() -> None:
    """Kill and collect what the handler left running; a slot without a child pays one call."""
    try:
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                kill_below(os.getpid())
                os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _detach(connection: int) -> None:
    """Take the runner's socket away from a fork that the handler makes."""
    with contextlib.suppress(OSError):
        os.close(connection)
