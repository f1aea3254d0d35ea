"""A bound on the memory that a run adds to its slot: past it the handler gets a MemoryError.

RLIMIT_DATA counts what is private and writable: heap, stacks of threads. RLIMIT_AS would count what
is only reserved, too, 64 MB for each thread. Children inherit the limit, each for itself.
"""

from __future__ import annotations

import resource
from pathlib import Path

from worker.slots import linux

_STATM = Path("/proc/self/statm")
_DATA = 5  # the field of the pages of data and stacks


class MemoryBound:
    """Holds while its block runs; None is no bound, and only Linux has one at all."""

    def __init__(self, memory_bytes: int | None) -> None:
        self._memory_bytes = memory_bytes if linux.SUPPORTED else None
        self._before = resource.RLIM_INFINITY

    def __enter__(self) -> None:
        if self._memory_bytes is None:
            return
        self._before, most = resource.getrlimit(resource.RLIMIT_DATA)
        pages = int(_STATM.read_text().split()[_DATA])
        bound = pages * resource.getpagesize() + self._memory_bytes
        if most != resource.RLIM_INFINITY:
            bound = min(bound, most)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, most))

    def __exit__(self, *exception: object) -> None:
        if self._memory_bytes is not None:
            _, most = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (self._before, most))
