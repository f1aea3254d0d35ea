"""Calls a handler, in whatever kind of slot, and makes a verdict of all that can come of it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import traceback
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from worker.context import JobContext
from worker.handlers import HandlerSpec
from worker.payloads import PayloadInvalid, decode_payload
from worker.results import ResultInvalid, encode_result
from worker.slots.runs import Verdict
from worker.steering import GiveUp, JobCancelled, RetryLater
from worker.texts import clean, describe


class Outcome(NamedTuple):
    """How a call ended; `text` is the result as JSON, or the error."""

    verdict: Verdict
    text: str = ""
    delay_seconds: float | None = None


def call(
    spec: HandlerSpec,
    job: JobContext,
    payload_text: str,
    bounds: AbstractContextManager[object] = nullcontext(),  # noqa: B008 - it has no state
) -> Outcome:
    """Run a handler to its end, within `bounds`; nothing that it raises gets past here.

    Its models are its code, too: what they raise while payload or result pass through them counts
    as raised by it.
    """
    try:
        with bounds:
            output = spec.function(job, decode_payload(spec.payload, payload_text))
            if inspect.iscoroutine(output):
                output = asyncio.run(output)
            return Outcome(Verdict.SUCCEEDED, encode_result(output))
    except BaseException as error:  # noqa: BLE001 - SystemExit ends the job, not the slot
        return _raised(error)


async def call_async(spec: HandlerSpec, job: JobContext, payload_text: str) -> Outcome:
    """Await an `async def` handler to its end; only a cancellation from outside gets past here."""
    try:
        output = await spec.function(job, decode_payload(spec.payload, payload_text))
        return Outcome(Verdict.SUCCEEDED, encode_result(output))
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit ends the job, not the loop
        return _raised(error)


def _raised(error: BaseException) -> Outcome:
    match error:
        case RetryLater():
            return Outcome(Verdict.RETRY_LATER, clean(error.reason), error.seconds)
        case GiveUp():
            return Outcome(Verdict.GAVE_UP, clean(error.reason))
        case JobCancelled():
            return Outcome(Verdict.CANCELLED)
        case PayloadInvalid():
            return Outcome(Verdict.PAYLOAD_INVALID, str(error))
        case ResultInvalid():
            return Outcome(Verdict.RESULT_INVALID, clean(str(error)))
    with contextlib.suppress(Exception):
        traceback.print_exception(error)
    return Outcome(Verdict.FAILED, describe(error))
