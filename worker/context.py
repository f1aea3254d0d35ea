"""What a running handler is given: who it runs for, and how to tell progress or notice a stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import UUID

from worker.steering import JobCancelled
from worker.texts import clean

MESSAGE_MAX_BYTES = 4_096

Send = Callable[[dict[str, Any]], None]


class StopFlag(Protocol):
    """Says that the handler is to stop; `wait` returns at that moment, or after `seconds`."""

    def is_set(self) -> bool: ...
    def wait(self, seconds: float) -> object: ...


class JobContext:
    """One attempt of one job, as its handler sees it.

    Handlers run at least once: `id` with `claim_seq` names this very run, for writes elsewhere that
    must not happen twice.
    """

    def __init__(
        self,
        *,
        id: UUID,
        claim_seq: int,
        attempt: int,
        settings: Mapping[str, Any],
        send: Send,
        stop: StopFlag,
    ):
        self.id = id
        self.claim_seq = claim_seq
        self.attempt = attempt
        self.settings = settings
        self._send = send
        self._stop = stop

    def progress(
        self, done: float, *, total: float | None = None, message: str | None = None
    ) -> None:
        """Show how far the job is; the runner writes at most two of these a second."""
        if not math.isfinite(done) or not math.isfinite(total or 0):
            raise ValueError("progress is told in finite numbers")
        data: dict[str, Any] = {"done": done}
        if total is not None:
            data["total"] = total
        if message is not None:
            data["message"] = clean(message, MESSAGE_MAX_BYTES)
        self._send({"kind": "progress", "data": data})

    def log(self, text: str) -> None:
        """Append a line to the job's events."""
        self._send({"kind": "log", "message": clean(text, MESSAGE_MAX_BYTES)})

    def raise_if_cancelled(self) -> None:
        """Raise `JobCancelled` once the job is cancelled, out of time, or its runner drains."""
        if self._stop.is_set():
            raise JobCancelled("the runner asked the handler to stop")

    def sleep(self, seconds: float) -> None:
        """Wait, but raise `JobCancelled` at once when the job is to stop."""
        self.raise_if_cancelled()
        self._stop.wait(max(0.0, seconds))
        self.raise_if_cancelled()
