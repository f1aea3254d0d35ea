"""Exchanges with the database that the engine need not wait for: a thread and a connection each."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from worker.database import Database

if TYPE_CHECKING:
    from config import Settings

Call = TypeVar("Call")
Value = TypeVar("Value")


class Answer(NamedTuple, Generic[Call, Value]):
    """How a call ended: with `value`, or with `error`."""

    caller: Caller[Call, Value]
    call: Call
    value: Value | None
    error: Exception | None


class Caller(Generic[Call, Value]):
    """Makes one call at a time and tells the answer, on its own thread.

    `database` is its owner's while it is not busy.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        make: Callable[[Database, Call], Value],
        on_answer: Callable[[Answer[Call, Value]], None],
    ) -> None:
        self.database = Database(settings, application_name="ops-runner")
        self.is_busy = False
        self._make = make
        self._on_answer = on_answer
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self, call: Call) -> None:
        """Make `call`; busy until its answer is taken by `done`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="caller", daemon=True)
            self._thread.start()
        self.is_busy = True
        self._calls.put(call)

    def make_now(self, call: Call) -> None:
        """Make `call` on the thread of who asks."""
        self.is_busy = True
        self._answer(call)

    def done(self) -> None:
        """Note that the answer was taken."""
        self.is_busy = False

    def end(self) -> None:
        """Let the thread end and drop the connection."""
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
        self.database.drop()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            self._answer(call)

    def _answer(self, call: Call) -> None:
        try:
            answer = Answer(self, call, self._make(self.database, call), None)
        except Exception as error:  # noqa: BLE001 - the owner raises or mends it
            answer = Answer(self, call, None, error)
        self._on_answer(answer)


class Callers(Generic[Call, Value]):
    """A few callers; the first is of use always, the others while there is much to do."""

    def __init__(
        self,
        settings: Settings,
        size: int,
        *,
        make: Callable[[Database, Call], Value],
        on_answer: Callable[[Answer[Call, Value]], None],
    ) -> None:
        self._callers = [Caller(settings, make=make, on_answer=on_answer) for _ in range(size)]

    @property
    def first(self) -> Caller[Call, Value]:
        return self._callers[0]

    @property
    def free(self) -> Caller[Call, Value] | None:
        """The first that is not busy."""
        return next((caller for caller in self._callers if not caller.is_busy), None)

    @property
    def are_busy(self) -> bool:
        """Whether any is."""
        return any(caller.is_busy for caller in self._callers)

    def drop(self) -> None:
        """Let the connections go that are not in use."""
        for caller in self._callers:
            if not caller.is_busy:
                caller.database.drop()

    def drop_further(self) -> None:
        """Let all connections go but the first."""
        for caller in islice(self._callers, 1, None):
            caller.database.drop()

    def end(self) -> None:
        """Let the threads end and drop the connections."""
        for caller in self._callers:
            caller.end()
