"""Handlers: the functions that do a job type's work. A function becomes one by `@handler` alone."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel

from worker.backoff import DEFAULT_BACKOFF, LONGEST_SECONDS

if TYPE_CHECKING:
    from app.jobs import Limit

JOB_TYPE_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,99}")

SlotName = Literal["process", "thread"]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class HandlerSpec:
    """A registered handler: its function, its models, its limits and its hooks.

    `load(connection, payload) -> payload` and `store(connection, job_id, output) -> result` run in
    the runner, beside the database; the function runs in a slot, away from it. `limit` bounds the
    type over all runners, `max_running_here` in each of them.
    """

    job_type: str
    function: Callable[..., Any]
    payload: type[BaseModel]
    result: type[BaseModel] | None
    timeout_seconds: float | None
    max_attempts: int | None
    load: Callable[..., Any] | None
    store: Callable[..., Any] | None
    slot: SlotName = "process"
    max_running_here: int | None = None
    limit: Limit | None = None
    memory_bytes: int | None = None
    backoff: tuple[float, float] = DEFAULT_BACKOFF


HANDLERS: dict[str, HandlerSpec] = {}


def handler(
    job_type: str,
    *,
    timeout_seconds: float | None = None,
    max_attempts: int | None = None,
    slot: SlotName = "process",
    max_running: int | None = None,
    max_running_here: int | None = None,
    max_running_per_key: int | None = None,
    rate_limit: tuple[int, float] | None = None,
    memory_bytes: int | None = None,
    backoff: tuple[float, float] = DEFAULT_BACKOFF,
    load: Callable[..., Any] | None = None,
    store: Callable[..., Any] | None = None,
) -> Callable[[Function], Function]:
    """Register `function(job, payload)` for `job_type`; its annotations name its models.

    `slot` is "process" (killable, no secrets) or "thread" (fast, trusted, cannot be killed; an
    `async def` then shares one event loop). `max_running` bounds the type over all runners,
    `max_running_here` in each, `max_running_per_key` the jobs that share a concurrency key;
    `rate_limit` is (claims, seconds) over all runners. `memory_bytes` bounds what one run may add
    to its process slot, 0 for any. `backoff` is (base_seconds, cap_seconds). Raises ValueError or
    TypeError at once for what makes no sense.
    """
    if not JOB_TYPE_PATTERN.fullmatch(job_type):
        raise ValueError(f"{job_type!r} is no job type: lower-case letters, digits and _")
    if timeout_seconds is not None and timeout_seconds <= 0:
        raise ValueError(f"{job_type}: timeout_seconds must be more than 0")
    if max_attempts is not None and max_attempts < 1:
        raise ValueError(f"{job_type}: max_attempts must be 1 or more")
    if slot not in ("process", "thread"):
        raise ValueError(f'{job_type}: slot is "process" or "thread"')
    limit = _limit(job_type, max_running, max_running_per_key, rate_limit)
    if max_running_here is not None and max_running_here < 1:
        raise ValueError(f"{job_type}: max_running_here must be 1 or more")
    if memory_bytes is not None and (slot != "process" or memory_bytes < 0):
        raise ValueError(f"{job_type}: memory_bytes is for process slots, and 0 or more")
    if not 0 <= backoff[0] <= backoff[1] <= LONGEST_SECONDS:
        raise ValueError(f"{job_type}: backoff is (base, cap), 0 <= base <= cap <= one year")

    def register(function: Function) -> Function:
        known = HANDLERS.get(job_type)
        if known is not None and _origin(known.function) != _origin(function):
            raise ValueError(f"{job_type} has two handlers: {_origin(known.function)} and another")
        payload, result = _models(job_type, function)
        if store is not None and result is None:
            raise TypeError(f"{job_type}: with store, the return must be annotated with a model")
        HANDLERS[job_type] = HandlerSpec(
            job_type, function, payload, result, timeout_seconds, max_attempts, load, store, slot,
            max_running_here, limit, memory_bytes, backoff,
        )  # fmt: skip
        return function

    return register


def _limit(
    job_type: str,
    max_running: int | None,
    max_running_per_key: int | None,
    rate_limit: tuple[int, float] | None,
) -> Limit | None:
    """Make the bound that all runners keep together; None where there is none."""
    if max_running is None and max_running_per_key is None and rate_limit is None:
        return None
    # Here, so that slots whose handlers have none load no database code: they start faster.
    from app.jobs import Limit

    claims, seconds = rate_limit or (None, None)
    for number in (max_running, max_running_per_key, claims):
        if number is not None and number < 1:
            raise ValueError(f"{job_type}: a limit must be 1 or more")
    if seconds is not None and seconds <= 0:
        raise ValueError(f"{job_type}: the seconds of rate_limit must be more than 0")
    return Limit(
        job_type=job_type,
        most_running=max_running,
        most_for_key=max_running_per_key,
        rate=claims / seconds if claims and seconds else None,
        burst=claims,
    )


def _origin(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _models(
    job_type: str, function: Callable[..., Any]
) -> tuple[type[BaseModel], type[BaseModel] | None]:
    """Read the models of payload and result from the annotations of `function(job, payload)`."""
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != 2:
        raise TypeError(f"{job_type}: a handler takes (job, payload)")
    hints = typing.get_type_hints(function)
    payload, result = hints.get(parameters[1]), hints.get("return")
    if not _is_model(payload):
        raise TypeError(f"{job_type}: the payload must be annotated with a pydantic model")
    return payload, result if _is_model(result) else None


def _is_model(hint: object) -> typing.TypeGuard[type[BaseModel]]:
    return isinstance(hint, type) and issubclass(hint, BaseModel)
