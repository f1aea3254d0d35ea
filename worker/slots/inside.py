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
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TextIO

from worker.context import JobContext
from worker.handlers import HandlerSpec
from worker.lease import Lease
from worker.slots.output import OutputBuffer
from worker.slots.runs import LOGS_PER_RUN, Ended, Run, StopReason, Told, Verdict
from worker.slots.verdicts import read_told

OnEnded = Callable[[Ended], None]
OnTold = Callable[[Told], None]

_waiting_begins = threading.Lock()


@dataclass(frozen=True, slots=True)
class Setup:
    """What both kinds are given: the handlers and their settings, the bounds, and whom to tell.

    The settings are a view that no handler can write to: all runs have the same.
    """

    specs: Mapping[str, HandlerSpec]
    settings: MappingProxyType[str, Any]
    kill_grace_seconds: float
    lease: Lease
    on_ended: OnEnded
    on_told: OnTold


class Running:
    """A run that has begun, with what it printed and whether it is to stop.

    It is its own stop flag, whose event is made when somebody waits for it.
    """

    __slots__ = (
        "_event",
        "_is_set",
        "_on_told",
        "key",
        "kill_at",
        "logs",
        "output",
        "reason",
        "run",
        "started_at",
    )  # fmt: skip

    def __init__(self, run: Run, on_told: OnTold) -> None:
        self.run = run
        self.key = run.id, run.claim_seq
        self.started_at = time.monotonic()
        self.reason: StopReason | None = None
        self.kill_at: float | None = None
        self.output: OutputBuffer | None = None
        self.logs = 0
        self._on_told = on_told
        self._is_set = False
        self._event: threading.Event | None = None

    def ask_to_stop(self, reason: StopReason, grace_seconds: float) -> bool:
        """Have it stop within the grace; False where it was asked before: the first reason counts.

        Of several graces the shortest counts.
        """
        kill_at = time.monotonic() + grace_seconds
        self.kill_at = kill_at if self.kill_at is None else min(self.kill_at, kill_at)
        if self.reason is not None:
            return False
        self.reason = reason
        self._is_set = True
        if (event := self._event) is not None:
            event.set()
        return True

    def is_set(self) -> bool:
        """Whether the handler is to stop."""
        return self._is_set

    def wait(self, seconds: float) -> None:
        """Wait until the handler is to stop, or for `seconds`."""
        with _waiting_begins:  # a handler may wait in threads of its own: all have one event
            event = self._event = self._event or threading.Event()
        if not self._is_set:  # read after the event is there: a stop in between is seen
            event.wait(seconds)

    def is_over_time(self, now: float) -> bool:
        """Whether it has run longer than it may, and was not asked to stop yet."""
        return self.reason is None and now - self.started_at > self.run.timeout_seconds

    def is_over_grace(self, now: float) -> bool:
        """Whether it was asked to stop and did not in time."""
        return self.kill_at is not None and now >= self.kill_at

    def context(self, settings: Mapping[str, Any]) -> JobContext:
        """Return what the handler gets."""
        run = self.run
        return JobContext(
            id=run.id, claim_seq=run.claim_seq, attempt=run.attempt, settings=settings,
            send=self._send, stop=self,
        )  # fmt: skip

    def ended(self, verdict: Verdict, text: str = "", delay_seconds: float | None = None) -> Ended:
        """Return the end of this run; what it said after it was told to stop does not count."""
        output = None if self.output is None else self.output.take()
        seconds = time.monotonic() - self.started_at
        return Ended(self.run, verdict, text, delay_seconds, self.reason, output, seconds)

    def _send(self, message: dict[str, Any]) -> None:
        told = read_told(message)
        self.logs += message["kind"] == "log"
        if told is not None and (told[0] != "log" or self.logs <= LOGS_PER_RUN):
            self._on_told(Told(self.run, *told))


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
        if CURRENT.get() is None:
            return
        try:
            print(self.format(record))  # noqa: T201 - the run's own output
        except Exception:  # noqa: BLE001 - arguments that do not fit must not fail the handler
            self.handleError(record)


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
