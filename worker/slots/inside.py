"""What thread and async slots share: runs inside the runner's own process, told apart by context.

Whatever a handler prints or logs there goes to its own run, found by a context variable; what the
runner itself prints passes through.
"""

from __future__ import annotations

import contextvars
import io
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from worker.context import JobContext
from worker.slots.output import OutputBuffer
from worker.slots.runs import Ended, Run, StopReason, Told, Verdict
from worker.slots.verdicts import read_told

OnEnded = Callable[[Ended], None]
OnTold = Callable[[Told], None]


class Stop:
    """A stop flag that costs nothing until somebody waits for it."""

    __slots__ = ("_event", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._event: threading.Event | None = None

    def set(self) -> None:
        self._is_set = True
        if self._event is not None:
            self._event.set()

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> None:
        self._event = event = threading.Event()
        if not self._is_set:  # read after the event is there: a stop in between is seen
            event.wait(seconds)


class Running:
    """A run that has begun, with what it printed and whether it is to stop."""

    __slots__ = ("kill_at", "output", "reason", "run", "started_at", "stop")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.started_at = time.monotonic()
        self.stop = Stop()
        self.reason: StopReason | None = None
        self.kill_at: float | None = None
        self.output: OutputBuffer | None = None

    def context(self, settings: Mapping[str, Any], on_told: OnTold) -> JobContext:
        """Return what the handler gets."""

        def send(message: dict[str, Any]) -> None:
            told = read_told(message)
            if told is not None:
                on_told(Told(self.run, *told))

        run = self.run
        return JobContext(
            id=run.id, claim_seq=run.claim_seq, attempt=run.attempt, settings=settings, send=send,
            stop=self.stop,
        )  # fmt: skip

    def ended(self, verdict: Verdict, text: str = "", delay_seconds: float | None = None) -> Ended:
        """Return the end of this run; what it said after it was told to stop does not count."""
        output = None if self.output is None else self.output.take()
        seconds = time.monotonic() - self.started_at
        return Ended(self.run, verdict, text, delay_seconds, self.reason, output, seconds)


CURRENT: contextvars.ContextVar[Running | None] = contextvars.ContextVar("run", default=None)


class _ByRun(io.TextIOBase):
    """A standard stream that gives what a run prints to the run."""

    def __init__(self, beneath: TextIO) -> None:
        self._beneath = beneath

    def write(self, text: str) -> int:
        running = CURRENT.get()
        if running is None:
            return self._beneath.write(text)
        if running.output is None:
            running.output = OutputBuffer()
        running.output.add(text.encode(errors="backslashreplace"))
        return len(text)

    def flush(self) -> None:
        self._beneath.flush()

    def fileno(self) -> int:
        return self._beneath.fileno()


class _LogByRun(logging.Handler):
    """Gives what a run logs to the run."""

    def emit(self, record: logging.LogRecord) -> None:
        if CURRENT.get() is not None:
            print(self.format(record))  # noqa: T201 - the run's own output


def capture_by_run() -> None:
    """Give what handlers print and log in this process to their runs, from now on."""
    if isinstance(sys.stdout, _ByRun):
        return
    handler = _LogByRun()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    for known in root.handlers:
        known.addFilter(lambda _record: CURRENT.get() is None)
    root.addHandler(handler)
    sys.stdout, sys.stderr = _ByRun(sys.stdout), _ByRun(sys.stderr)
