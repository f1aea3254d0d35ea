"""The runner: a daemon that claims jobs, runs their handlers and records what came of them."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config import Settings


def main(settings: Settings) -> int:
    """Run until told to stop; returns the exit code."""
    gc.disable()  # while modules are imported there is no garbage: a sixth of the time that takes
    from worker.daemon import run

    return run(settings)
