"""The states of a job and the one table of what may happen to it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class Transition(NamedTuple):
    """From one of `sources` to one of `targets`, recorded by one of `events`."""

    sources: tuple[Status, ...]
    targets: tuple[Status, ...]
    events: tuple[str, ...]


_QUEUED, _RUNNING, _SUCCEEDED, _FAILED, _CANCELLED = Status

# verb: each is a function of the same name and a statement, sql/<verb>.sql.
TRANSITIONS: dict[str, Transition] = {
    "enqueue": Transition((), (_QUEUED,), ("queued",)),
    "enqueue_many": Transition((), (_QUEUED,), ("queued",)),
    "claim": Transition((_QUEUED,), (_RUNNING,), ("running",)),
    "succeed": Transition((_RUNNING,), (_SUCCEEDED,), ("succeeded",)),
    "retry": Transition((_RUNNING,), (_QUEUED,), ("retry_scheduled",)),
    "fail": Transition((_RUNNING,), (_FAILED,), ("failed",)),
    "reject": Transition((_QUEUED, _RUNNING), (_FAILED,), ("rejected",)),
    "reject_unserved": Transition((_QUEUED,), (_FAILED,), ("rejected",)),
    "release": Transition((_RUNNING,), (_QUEUED,), ("released",)),
    "rescue": Transition((_RUNNING,), (_QUEUED, _FAILED), ("rescued",)),
    "cancel": Transition((_QUEUED,), (_CANCELLED,), ("cancelled",)),
    "request_cancel": Transition((_RUNNING,), (_RUNNING,), ("cancel_requested",)),
    "abort": Transition((_RUNNING,), (_CANCELLED,), ("cancelled",)),
    "requeue": Transition((_FAILED, _CANCELLED), (_QUEUED,), ("requeued",)),
    "report": Transition((_RUNNING,), (_RUNNING,), ("progress", "log", "output")),
}

EVENT_KINDS: tuple[str, ...] = tuple(
    dict.fromkeys(kind for transition in TRANSITIONS.values() for kind in transition.events)
)
