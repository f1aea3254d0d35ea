"""What passes between engine and pool: a run to start, a reason to stop it, and how it ended."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from worker.slots.output import Output

NOT_STARTED_AFTER_SECONDS = 1.0  # then a run that waits for a slot is given back
LOGS_PER_RUN = 1_000


class Run(NamedTuple):
    """One attempt of one claimed job, ready for a slot.

    `expected_seconds` is None where nothing is known, `memory_bytes` where there is no bound.
    """

    id: UUID
    claim_seq: int
    job_type: str
    attempt: int
    payload_text: str
    timeout_seconds: float
    expected_seconds: float | None = None
    memory_bytes: int | None = None


class StopReason(StrEnum):
    """Why the runner stops a handler; it decides what the end of the run means."""

    CANCEL = "cancel"
    TIMEOUT = "timeout"
    DRAIN = "drain"
    FENCE = "fence"  # the lease could not be renewed in time
    CLAIM_LOST = "claim_lost"


class Verdict(StrEnum):
    """How a run ended, as its slot told it or as its death told."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRY_LATER = "retry_later"
    GAVE_UP = "gave_up"
    PAYLOAD_INVALID = "payload_invalid"
    RESULT_INVALID = "result_invalid"
    CANCELLED = "cancelled"
    DIED = "died"
    NOT_STARTED = "not_started"


class Ended(NamedTuple):
    """The end of a run; `text` is the result as JSON, or the error.

    `stop` is set where the handler was stopped before it ended: what it said then does not count.
    """

    run: Run
    verdict: Verdict
    text: str = ""
    delay_seconds: float | None = None
    stop: StopReason | None = None
    output: Output | None = None
    seconds: float = 0.0


class Told(NamedTuple):
    """Progress or a log line of a running handler."""

    run: Run
    kind: str
    message: str | None
    data: dict[str, Any] | None
