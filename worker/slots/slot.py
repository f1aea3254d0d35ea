"""The inside of a slot: takes one run after the other, calls its handler, sends the verdict."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import functools
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from types import FrameType, MappingProxyType
from typing import Any, NoReturn
from uuid import UUID

from worker.call import call
from worker.context import JobContext
from worker.frames import Decoder, pack
from worker.handlers import HandlerSpec
from worker.slots.memory import MemoryBound
from worker.slots.output import end_mark
from worker.slots.process_tree import kill_below
from worker.slots.runs import Verdict

EXIT_BROKEN = 70


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


class Streams:
    """The slot's stdout and stderr, put back after each run whatever its handler made of them."""

    def __init__(self) -> None:
        os.close(0)
        os.open(os.devnull, os.O_RDONLY)
        self._fd = os.dup(1)
        self._flush_c = ctypes.CDLL(None).fflush
        self._out, self._err = _open_stream(1), _open_stream(2)
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[misc]
        faulthandler.enable(file=2)
        logging.basicConfig(
            stream=sys.stderr,
            level=logging.INFO,
            format="%(levelname)s %(name)s: %(message)s",
            force=True,
        )

    @property
    def is_broken(self) -> bool:
        """Whether a handler closed what cannot be opened again for those who hold it."""
        return self._out.closed or self._err.closed

    def end_run(self, number: int) -> None:
        """Send what is still buffered, then the mark of where the output of run `number` ends."""
        os.set_blocking(self._fd, True)
        for stream in (sys.stdout, sys.stderr, self._out, self._err):
            with contextlib.suppress(Exception):  # it may be an object of the handler's
                stream.flush()
        self._flush_c(None)
        sys.stdout, sys.stderr = self._out, self._err
        os.dup2(self._fd, 1)
        os.dup2(self._fd, 2)
        os.write(self._fd, end_mark(number))


def serve(setup: Setup, connection: socket.socket, tickets: int) -> NoReturn:
    """Run what arrives on `connection` until the runner closes it.

    For each run there is a byte in the pipe `tickets`. Whoever takes it has the run: the slot that
    begins it, or the runner that calls it back because the slot is too long at another.
    """
    streams = Streams()
    pid, cwd, umask = os.getpid(), os.getcwd(), os.umask(0o022)
    os.umask(umask)
    os.register_at_fork(after_in_child=functools.partial(_detach, connection.fileno()))
    stop, lock = Stop(), threading.Lock()
    signal.signal(signal.SIGTERM, stop.set)
    for run in _runs(connection):
        # before the ticket: what is told to stop once it has begun must hear it
        signal.signal(signal.SIGTERM, stop.set)
        stop.clear()
        if not _takes_ticket(tickets):
            connection.sendall(pack({"run": run["run"], "kind": "called_back"}))
            continue

        def send(message: dict[str, Any], number: int = run["run"]) -> None:
            with lock:
                connection.sendall(pack({"run": number, **message}))

        started_at = time.monotonic()
        verdict = _execute(setup, run, send, stop)
        verdict["took"] = time.monotonic() - started_at
        if os.getpid() != pid:
            os._exit(0)  # a fork made by the handler came back from it: it is not the slot
        # Signals reach the slot before its children, so that a handler which mistook the end of a
        # stopped child for success is known to have been stopped.
        verdict["is_stopped"] = stop.is_set()
        _end_leftovers()
        streams.end_run(run["run"])
        verdict["is_reusable"] = (
            threading.active_count() == 1 and not stop.is_set() and not streams.is_broken
        )
        send(verdict)
        if not verdict["is_reusable"]:
            break  # what was sent ahead is not begun here: the runner gives it to another slot
        os.chdir(cwd)
        os.umask(umask)
    os._exit(0)


def _open_stream(fd: int) -> TextIOWrapper:
    """Open a stream that hands on at once what is written, whatever characters are in it."""
    stream = open(fd, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    stream.reconfigure(line_buffering=True)
    return stream


def _takes_ticket(tickets: int) -> bool:
    try:
        return bool(os.read(tickets, 1))
    except BlockingIOError:
        return False


def _runs(connection: socket.socket) -> Iterator[dict[str, Any]]:
    """Yield the runs that arrive; small ones come several at a time."""
    decoder = Decoder()
    while data := connection.recv(65_536):
        yield from decoder.feed(data)


def _execute(setup: Setup, run: dict[str, Any], send: Any, stop: Stop) -> dict[str, Any]:
    """Call the handler of `run` and return the verdict as a message."""
    spec = setup.specs.get(run["job_type"])
    if spec is None:
        return {"kind": "failed", "error": "the slot has no handler of this type"}
    job = JobContext(
        id=UUID(run["id"]),
        claim_seq=run["claim_seq"],
        attempt=run["attempt"],
        settings=MappingProxyType(dict(setup.settings)),
        send=send,
        stop=stop,
    )
    outcome = call(spec, job, run["payload"], MemoryBound(run["memory_bytes"]))
    word = "result" if outcome.verdict is Verdict.SUCCEEDED else "error"
    message: dict[str, Any] = {"kind": outcome.verdict, word: outcome.text}
    if outcome.delay_seconds is not None:
        message["seconds"] = outcome.delay_seconds
    return message


def _end_leftovers() -> None:
    """Kill and collect what the handler left running; a slot without a child pays one call."""
    with contextlib.suppress(ChildProcessError):
        while True:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                kill_below(os.getpid())
                os.waitpid(-1, 0)


def _detach(connection: int) -> None:
    """Take the runner's socket away from a fork that the handler makes."""
    with contextlib.suppress(OSError):
        os.close(connection)
