"""Calls a handler, in whatever kind of slot, and makes a verdict of all that can come of it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import traceback
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


def call(spec: HandlerSpec, job: JobContext, payload_text: str) -> Outcome:
    """Run a handler to its end; nothing that it raises gets past here."""
    try:
        payload = decode_payload(spec.payload, payload_text)
    except PayloadInvalid as error:
        return Outcome(Verdict.PAYLOAD_INVALID, str(error))
    try:
        output = spec.function(job, payload)
        if inspect.iscoroutine(output):
            output = asyncio.run(output)
    except BaseException as error:  # noqa: BLE001 - SystemExit ends the job, not the slot
        return _raised(error)
    return _returned(output)


async def call_async(spec: HandlerSpec, job: JobContext, payload_text: str) -> Outcome:
    """Await an `async def` handler to its end; only a cancellation from outside gets past here."""
    try:
        payload = decode_payload(spec.payload, payload_text)
    except PayloadInvalid as error:
        return Outcome(Verdict.PAYLOAD_INVALID, str(error))
    try:
        output = await spec.function(job, payload)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit ends the job, not the loop
        return _raised(error)
    return _returned(output)


def _raised(error: BaseException) -> Outcome:
    if isinstance(error, RetryLater):
        return Outcome(Verdict.RETRY_LATER, clean(error.reason), error.seconds)
    if isinstance(error, GiveUp):
        return Outcome(Verdict.GAVE_UP, clean(error.reason))
    if isinstance(error, JobCancelled):
        return Outcome(Verdict.CANCELLED)
    with contextlib.suppress(Exception):
        traceback.print_exception(error)
    return Outcome(Verdict.FAILED, describe(error))


def _returned(output: object) -> Outcome:
    try:
        return Outcome(Verdict.SUCCEEDED, encode_result(output))
    except ResultInvalid as error:
        return Outcome(Verdict.RESULT_INVALID, clean(str(error)))
    except Exception as error:  # noqa: BLE001 - a model of the handler can raise anything
        return Outcome(Verdict.RESULT_INVALID, describe(error))
