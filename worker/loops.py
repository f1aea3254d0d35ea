"""The loops of a runner: threads whose end, and whose crash, the main thread is told of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable


class Loops:
    """Named threads; `ended` are those that are over, in whatever way."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self.ended: set[str] = set()
        self.has_crashed = False
        self._on_end = on_end
        self._threads: dict[str, threading.Thread] = {}

    def start(self, name: str, target: Callable[[], None]) -> None:
        """Start a thread that calls `target`, and then `on_end`."""

        def watched() -> None:
            try:
                target()
            except Exception:
                self.has_crashed = True
                logging.getLogger("worker").exception(
                    "thread_crashed", extra={"fields": {"thread": name}}
                )
            finally:
                # told before `on_end`: the thread itself still counts as alive for a moment
                self.ended.add(name)
                self._on_end()

        thread = threading.Thread(target=watched, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def join(self, seconds: float, *, but: str) -> None:
        """Give each of them but one so long to end."""
        for name, thread in self._threads.items():
            if name != but:
                thread.join(seconds)
