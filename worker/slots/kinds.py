"""The kinds of slot, and which of them a handler runs in."""

from __future__ import annotations

import inspect
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.handlers import HandlerSpec


class Kind(StrEnum):
    """`PROCESS` can be killed and holds no secret; the other two are fast, and trusted."""

    PROCESS = "process"
    THREAD = "thread"
    ASYNC = "async"


def kind_of(spec: HandlerSpec) -> Kind:
    """Return where a handler runs: an `async def` that asks for a thread shares one event loop."""
    if spec.slot == "process":
        return Kind.PROCESS
    return Kind.ASYNC if inspect.iscoroutinefunction(spec.function) else Kind.THREAD
