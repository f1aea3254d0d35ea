"""Runs on their way to a slot: several to a frame, numbered one after the other.

Marshalled: a slot may believe its runner, and is of the same interpreter.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from worker.frames import frame
from worker.slots.runs import Run

_FRAME_CHARACTERS = 65_536  # of payloads; what is more goes into the next frame


class Ordered(NamedTuple):
    """A run as its slot sees it; the runner keeps its time."""

    number: int
    id: UUID
    claim_seq: int
    job_type: str
    attempt: int
    payload_text: str
    memory_bytes: int | None


def pack_window(first: int, runs: Sequence[Run]) -> bytes:
    """Return frames with `runs`, numbered from `first`."""
    frames, size = b"", 0
    listed: list[tuple[object, ...]] = []
    for number, run in enumerate(runs, first):
        size += len(run.payload_text)
        if listed and size > _FRAME_CHARACTERS:
            frames += frame(marshal.dumps((number - len(listed), listed)))
            listed, size = [], len(run.payload_text)
        listed.append(
            (
                run.id.int,
                run.claim_seq,
                run.job_type,
                run.attempt,
                run.payload_text,
                run.memory_bytes,
            )
        )
    return frames + frame(marshal.dumps((first + len(runs) - len(listed), listed)))


def read_window(body: bytes) -> Iterator[Ordered]:
    """Yield the runs that a frame brought."""
    first, listed = marshal.loads(body)  # noqa: S302 - see above
    for number, (claimed, *more) in enumerate(listed, first):
        yield Ordered(number, UUID(int=claimed), *more)
