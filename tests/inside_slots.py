"""Thread or async slots for tests, with handlers that are functions of the test itself."""

from __future__ import annotations

import json
import logging
import queue
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict

from worker.handlers import HandlerSpec
from worker.lease import Lease
from worker.slots.coroutines import AsyncSlots
from worker.slots.inside import Setup
from worker.slots.runs import Ended, Run, Told
from worker.slots.threads import ThreadSlots

Function = Callable[..., Any]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = ""


class InsideSlots:
    """Running slots of one kind; each function is the handler of the job type of its name."""

    def __init__(
        self,
        make: type[ThreadSlots] | type[AsyncSlots],
        *functions: Function,
        size: int,
        grace: float,
        lease: Lease | None = None,
        payload: type[BaseModel] = Asked,
    ) -> None:
        self.ended: queue.Queue[Ended] = queue.Queue()
        self.told: list[Told] = []
        specs = {
            function.__name__: HandlerSpec(
                function.__name__, function, payload, None, None, None, None, None, "thread"
            )
            for function in functions
        }
        setup = Setup(
            specs=specs,
            settings=MappingProxyType({"fetch_max_bytes": 5}),
            kill_grace_seconds=grace,
            lease=lease or Lease(1_000, grace),
            on_ended=self.ended.put,
            on_told=self.told.append,
        )
        self.slots = make(size, setup)
        self.slots.start()

    def make(self, function: Function, *, timeout_seconds: float = 30, **payload: Any) -> Run:
        """Make a run that is not submitted yet."""
        text = json.dumps(payload)
        return Run(uuid.uuid4(), 7, function.__name__, 2, text, timeout_seconds)

    def submit(self, function: Function, **arguments: Any) -> Run:
        run = self.make(function, **arguments)
        self.slots.submit([run])
        return run

    def next(self) -> Ended:
        return self.ended.get(timeout=20)

    def run(self, function: Function, **arguments: Any) -> Ended:
        run = self.submit(function, **arguments)
        ended = self.next()
        assert ended.run == run
        return ended

    def ends_of(self, runs: Sequence[Run]) -> list[Ended]:
        """Wait for the ends of `runs`, each told once and no other; return them in their order."""
        told: dict[uuid.UUID, Ended] = {}
        for _ in runs:
            ended = self.next()
            assert ended.run.id not in told, f"told twice: {ended}"
            told[ended.run.id] = ended
        assert self.ended.empty(), f"told besides: {self.ended.get()}"
        return [told[run.id] for run in runs]


@contextmanager
def inside_slots(
    make: type[ThreadSlots] | type[AsyncSlots],
    *functions: Function,
    size: int = 2,
    grace: float = 5.0,
    **options: Any,
) -> Iterator[InsideSlots]:
    """Have slots for the length of the block, and the streams and logging of before after it."""
    root = logging.getLogger()
    before = sys.stdout, sys.stderr, [(handler, [*handler.filters]) for handler in root.handlers]
    slots = InsideSlots(make, *functions, size=size, grace=grace, **options)
    try:
        yield slots
    finally:
        slots.slots.close()
        sys.stdout, sys.stderr, handlers = before
        root.handlers[:] = [handler for handler, _ in handlers]
        for handler, filters in handlers:
            handler.filters[:] = filters
