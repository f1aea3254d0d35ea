"""Procrastinate: one function call of the database a claim, row triggers, LISTEN/NOTIFY."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from procrastinate import App, PsycopgConnector

from bench import tally
from bench.pacing import Timed, each_async
from bench.payload import payload
from bench.systems import CHUNK, QUEUE, Options, Ready

TUNED = {"concurrency": 30, "pool": 12}
DEFAULT = {"concurrency": 10, "pool": 4}


class System:
    def __init__(self, url: str, options: Options) -> None:
        self._profile = TUNED if options["profile"] == "tuned" else DEFAULT
        # psycopg_pool keeps 4 connections unless told otherwise.
        self._app = App(connector=PsycopgConnector(conninfo=url, max_size=self._profile["pool"]))
        self._task = self._app.task(name="noop", queue=QUEUE)(_noop)

    def install(self) -> None:
        async def install() -> None:
            async with self._app.open_async():
                await self._app.schema_manager.apply_schema_async()

        asyncio.run(install())

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        async def enqueue() -> Timed:
            async with self._app.open_async():
                return await each_async(
                    lambda job: self._task.defer_async(job=job),
                    first, count, every_seconds=every_seconds, trace=trace,
                )  # fmt: skip

        return asyncio.run(enqueue())

    def enqueue_bulk(self, first: int, count: int) -> float:
        async def enqueue() -> float:
            async with self._app.open_async():
                begin = time.monotonic()
                for start in range(first, first + count, CHUNK):
                    chunk = range(start, min(start + CHUNK, first + count))
                    await self._task.batch_defer_async(*({"job": payload(n)} for n in chunk))
                return time.monotonic() - begin

        return asyncio.run(enqueue())

    def work(self, ready: Ready) -> None:
        async def run() -> None:
            async with self._app.open_async():
                ready()
                await self._app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self._profile["concurrency"],
                    install_signal_handlers=False,
                )

        asyncio.run(run())


async def _noop(job: dict[str, Any]) -> dict[str, bool]:
    tally.record(job)
    return {"ok": True}
