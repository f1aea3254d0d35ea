"""The wish to stop: Ctrl-C, SIGTERM or a closed terminal, as a fact to ask for.

A signal never raises here: an exception in the middle of a start would lose a process.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """While it is entered, signals count as requests; the second one asks to hurry."""

    def __init__(self) -> None:
        self._requested = threading.Event()
        self._hurry = threading.Event()
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def __bool__(self) -> bool:
        return self._requested.is_set()

    @property
    def is_urgent(self) -> bool:
        """Whether a second signal came: no more grace."""
        return self._hurry.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for a request; say whether there is one."""
        return self._requested.wait(seconds)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._requested.is_set():
            self._hurry.set()
        self._requested.set()
