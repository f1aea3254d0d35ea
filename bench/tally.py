"""What the no-op handlers of every system do: count themselves where the bench can see it.

Each process that runs handlers has a file of two numbers in shared memory, so that the bench
follows a drain without asking the database that it measures. Standard library only.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / ".ops" / "bench" / "tally"
_CELLS = struct.Struct("@QQ")  # runs, the first start in nanoseconds of CLOCK_MONOTONIC


def record(payload: Mapping[str, Any]) -> None:
    """Count one run of a handler; note its start where the payload asks for a trace."""
    _counter().add(1, payload["n"] if payload.get("trace") else None)


def record_many(runs: int) -> None:
    """Count runs that had no handler: those of the raw SQL loops."""
    _counter().add(runs, None)


def note_call(n: int, begin_ns: int) -> None:
    """Note when the call began that enqueued a traced job."""
    _counter().note("calls", n, begin_ns)


def note_turn(end_ns: int, turn_ns: int) -> None:
    """Note how long one statement of a raw SQL loop took."""
    _counter().note("turns", end_ns, turn_ns)


class _Counter:
    """The files of one process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._lock = threading.Lock()
        self._runs = 0
        self._first = 0
        self._notes: dict[str, int] = {}
        path = FOLDER / f"{self._pid}.runs"
        path.write_bytes(bytes(_CELLS.size))
        with path.open("r+b") as file:
            self._cells = mmap.mmap(file.fileno(), _CELLS.size)

    def add(self, runs: int, traced: int | None) -> None:
        with self._lock:
            now = time.monotonic_ns()
            self._first = self._first or now
            self._runs += runs
            _CELLS.pack_into(self._cells, 0, self._runs, self._first)
            if traced is not None:
                self.note("starts", traced, now)

    def note(self, kind: str, first: int, second: int) -> None:
        """Append a line of two numbers; it is written at once, for the process may be killed."""
        if kind not in self._notes:
            path = FOLDER / f"{self._pid}.{kind}"
            self._notes[kind] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(self._notes[kind], b"%d %d\n" % (first, second))


_counters: dict[int, _Counter] = {}
_making = threading.Lock()


def _counter() -> _Counter:
    """Return the counter of this process; a fork gets one of its own."""
    pid = os.getpid()
    found = _counters.get(pid)
    if found is None:
        with _making:
            found = _counters.get(pid) or _counters.setdefault(pid, _Counter(pid))
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """How often handlers ran so far, and when the first of them started."""

    runs: int
    first_start_ns: int | None


def clear() -> None:
    """Forget earlier runs; no process may be counting."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()


def read() -> Tally:
    """Add up the files of all processes."""
    files = [path.read_bytes() for path in FOLDER.glob("*.runs")]
    cells = [_CELLS.unpack(file) for file in files if len(file) == _CELLS.size]
    firsts = [first for _, first in cells if first]
    return Tally(sum(runs for runs, _ in cells), min(firsts, default=None))


def starts() -> dict[int, int]:
    """Return when each traced job first started, in nanoseconds of CLOCK_MONOTONIC."""
    found: dict[int, int] = {}
    for n, started_ns in _lines("starts"):
        found[n] = min(started_ns, found.get(n, started_ns))
    return found


def calls() -> dict[int, int]:
    """Return when the call began that enqueued each traced job."""
    return dict(_lines("calls"))


def turns() -> list[tuple[int, int]]:
    """Return the end and the length of every noted statement, in nanoseconds."""
    return sorted(_lines("turns"))


def _lines(kind: str) -> Iterator[tuple[int, int]]:
    for path in FOLDER.glob(f"*.{kind}"):
        for line in path.read_text().splitlines():
            first, second = line.split()
            yield int(first), int(second)
