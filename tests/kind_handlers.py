"""Handlers of every kind, and with every limit, for tests of a real runner.

Each notes in the file of its payload when it begins and ends, so that a test sees how many ran at
once, whichever processes they were in.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from worker.context import JobContext
from worker.handlers import handler


class Noted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    how: str = ""
    file: str = ""
    seconds: float = 0.0
    until: str = ""


@contextmanager
def noted(job: JobContext, payload: Noted) -> Iterator[None]:
    _note(payload, f"+ {job.id} {job.claim_seq} {os.getpid()}")
    try:
        yield
    finally:
        _note(payload, f"- {job.id} {job.claim_seq} {os.getpid()}")


def _note(payload: Noted, line: str) -> None:
    if payload.file:
        with open(payload.file, "ab", buffering=0) as file:
            file.write(f"{line}\n".encode())


def work(job: JobContext, payload: Noted) -> dict[str, Any]:
    print(f"work of {job.id}")
    with noted(job, payload):
        if payload.how == "ignore":
            time.sleep(payload.seconds)
        elif payload.how == "first_waits" and job.claim_seq == 1:
            job.sleep(600)
        elif payload.how == "fail":
            raise ValueError("as asked")
        elif payload.how == "allocate":
            bytearray(256_000_000)
        elif payload.seconds:
            job.sleep(payload.seconds)
        while payload.until and not Path(payload.until).exists():
            job.sleep(0.01)
    return {"claim_seq": job.claim_seq}


async def work_async(job: JobContext, payload: Noted) -> dict[str, Any]:
    print(f"work of {job.id}")
    with noted(job, payload):
        if payload.how == "block":
            while not Path(payload.until).exists():  # noqa: ASYNC240
                time.sleep(0.01)  # noqa: ASYNC251 - that is the point
        elif payload.how == "first_waits" and job.claim_seq == 1:
            await asyncio.sleep(600)
        else:
            await asyncio.sleep(payload.seconds)
        while payload.until and not Path(payload.until).exists():  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)
    return {"claim_seq": job.claim_seq}


@handler("by_process")
def by_process(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("by_thread", slot="thread")
def by_thread(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("by_thread_too", slot="thread")
def by_thread_too(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("by_loop", slot="thread")
async def by_loop(job: JobContext, payload: Noted) -> dict[str, Any]:
    return await work_async(job, payload)


@handler("by_loop_in_process")
async def by_loop_in_process(job: JobContext, payload: Noted) -> dict[str, Any]:
    return await work_async(job, payload)


@handler("one_here", slot="thread", max_running_here=1)
def one_here(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("two_overall", slot="thread", max_running=2)
def two_overall(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("one_for_each_key", slot="thread", max_running_per_key=1)
def one_for_each_key(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("three_an_hour", slot="thread", rate_limit=(3, 3_600))
def three_an_hour(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("frugal", memory_bytes=64_000_000, backoff=(0, 0), max_attempts=2)
def frugal(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)


@handler("lavish", memory_bytes=0)
def lavish(job: JobContext, payload: Noted) -> dict[str, Any]:
    return work(job, payload)
