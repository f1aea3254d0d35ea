"""Steps of a start, one calm line each: what, which, how long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.cli.output import emit


@dataclass
class Step:
    """A step that runs; what it sets as `detail` is shown when it is done."""

    name: str
    detail: str = ""


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Print a line when the block is done; an error prints nothing and goes on."""
    started_at = time.monotonic()
    running = Step(name)
    yield running
    took = f"{time.monotonic() - started_at:.1f}s"
    emit("  ", ("✓", "green"), f" {name:<15} {running.detail:<48} ", (took, "dim"))
