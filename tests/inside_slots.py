"""Thread or async slots for tests, with handlers that are functions of the test itself."""

from __future__ import annotations

import json
import logging
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from tests.watched_slots import WatchedSlots
from worker.handlers import HandlerSpec
from worker.lease import Lease
from worker.slots.coroutines import AsyncSlots
from worker.slots.inside import Setup
from worker.slots.runs import Run
from worker.slots.threads import ThreadSlots

Function = Callable[..., Any]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = ""


class Stubborn(BaseModel):
    text: str = ""

    @field_validator("text")
    @classmethod
    def look_up(cls, text: str) -> str:
        raise LookupError(text)


def _cycle() -> dict[str, Any]:
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    return cycle


UNSTORABLE: list[tuple[Any, str]] = [
    ({"n": float("nan")}, "n is nan, which is not JSON"),
    ({"s": {1}}, "s is a set, which is not JSON"),
    (_cycle(), "nested deeper than 64 levels"),
    ({"x": "a\x00b"}, "x has a NUL character or a lone surrogate"),
]
"""Results that no kind of slot takes, and what is said of them."""


class InsideSlots(WatchedSlots):
    """Running slots of one kind; each function is the handler of the job type of its name."""

    pool: ThreadSlots | AsyncSlots

    def __init__(
        self,
        make: type[ThreadSlots] | type[AsyncSlots],
        *functions: Function,
        size: int,
        grace: float,
        lease: Lease | None = None,
        payload: type[BaseModel] = Asked,
    ) -> None:
        super().__init__()
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
        self.pool = make(size, setup)
        self.pool.start()

    def make(self, what: Function, *, timeout_seconds: float = 30, **payload: Any) -> Run:
        text = json.dumps(payload)
        return Run(uuid.uuid4(), 7, what.__name__, 2, text, timeout_seconds)


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
        slots.pool.close()
        sys.stdout, sys.stderr, handlers = before
        root.handlers[:] = [handler for handler, _ in handlers]
        for handler, filters in handlers:
            handler.filters[:] = filters


def wait_for(event: threading.Event) -> None:
    """Wait until a handler has said that it began."""
    assert event.wait(10), "the handler did not begin"
