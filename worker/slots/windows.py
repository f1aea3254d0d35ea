"""Runs on their way to a slot: several to a frame, numbered one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from worker.frames import pack
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
            frames += pack({"first": number - len(listed), "runs": listed})
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
    return frames + pack({"first": first + len(runs) - len(listed), "runs": listed})


def read_window(message: dict[str, Any]) -> Iterator[Ordered]:
    """Yield the runs that a frame brought."""
    for number, (claimed, *more) in enumerate(message["runs"], message["first"]):
        yield Ordered(number, UUID(int=claimed), *more)
