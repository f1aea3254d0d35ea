"""What other threads tell the engine, and how it sleeps until there is enough of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from worker.agenda import NEVER
from worker.slots.runs import Ended, Told

Answer = TypeVar("Answer")


class Inbox(Generic[Answer]):
    """Filled by any thread, emptied by one.

    `news` are of running handlers, `answers` of exchanges with the database.
    """

    def __init__(self) -> None:
        self.news: deque[Ended | Told] = deque()
        self.answers: deque[Answer] = deque()
        self.is_draining = False
        self._condition = threading.Condition()
        self._is_woken = False
        self._notify_at = NEVER

    def __bool__(self) -> bool:
        return bool(self.news or self.answers)

    def tell(self, news: Ended | Told) -> None:
        """A run ended, or its handler said something.

        The lock is taken only where the engine waits for no more than this: it looks once more
        after it said how much it waits for.
        """
        self.news.append(news)
        if len(self.news) >= self._notify_at:
            self.nudge()

    def answer(self, answer: Answer) -> None:
        """An exchange ended."""
        with self._condition:
            self.answers.append(answer)
            self._condition.notify()

    def wake(self) -> None:
        """There may be work."""
        with self._condition:
            self._is_woken = True
            self._condition.notify()

    def drain(self) -> None:
        """Nothing more is to be claimed."""
        with self._condition:
            self.is_draining = True
            self._condition.notify()

    def nudge(self) -> None:
        """Have the engine look anew what it waits for."""
        with self._condition:
            self._condition.notify()

    def wait(
        self, awaits: Callable[[], tuple[float, float]], *, on_wake: Callable[[], None]
    ) -> None:
        """Wait for an answer, or for what `awaits` returns: so much news, or that time.

        It is asked again after each wake-up, of which `on_wake` is told first.
        """
        with self._condition:
            while not self.answers:
                if self._is_woken:
                    self._is_woken = False
                    on_wake()
                self._notify_at, until = awaits()
                wait_seconds = until - time.monotonic()
                if len(self.news) >= self._notify_at or wait_seconds <= 0:
                    break
                self._condition.wait(None if wait_seconds == NEVER else wait_seconds)
            self._notify_at = NEVER
