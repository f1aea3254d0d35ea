"""The timekeeper of slots inside the runner: ticks while there are runs, and sleeps otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TICK_SECONDS = 0.1


class Timekeeper:
    """Calls `keep` with the time, tick after tick from `wake` until `is_work` says no."""

    def __init__(self, keep: Callable[[float], None], is_work: Callable[[], bool]) -> None:
        self._keep = keep
        self._is_work = is_work
        self._is_busy = threading.Event()
        self._is_closing = False

    def wake(self) -> None:
        """Have it look, and go on while there is work."""
        if not self._is_busy.is_set():
            self._is_busy.set()

    def close(self) -> None:
        """Have `run` return."""
        self._is_closing = True
        self._is_busy.set()

    def run(self) -> None:
        """Keep the time until closed."""
        tick = threading.Event()
        while not self._is_closing:
            self._is_busy.wait()
            self._keep(time.monotonic())
            self._is_busy.clear()
            if self._is_work():  # asked with the flag down: what comes meanwhile raises it again
                self._is_busy.set()
            tick.wait(TICK_SECONDS)
