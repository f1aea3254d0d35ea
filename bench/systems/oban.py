"""Oban for Python: batched claims, one UPDATE a completion, LISTEN/NOTIFY."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from oban import Oban, worker
from oban.schema import install

from bench import tally
from bench.pacing import Timed, each_async
from bench.payload import payload
from bench.systems import CHUNK, QUEUE, Options, Ready

TUNED_LIMIT = 200
DEFAULT_LIMIT = 10


class Noop:
    async def process(self, job: Any) -> None:
        tally.record(job.args)


NOOP: Any = worker(queue=QUEUE)(Noop)


class System:
    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        self._limit = TUNED_LIMIT if options["profile"] == "tuned" else DEFAULT_LIMIT

    def install(self) -> None:
        async def run() -> None:
            pool = await Oban.create_pool(self._url)
            await install(pool)
            await pool.close()

        asyncio.run(run())

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        async def enqueue() -> Timed:
            pool = await Oban.create_pool(self._url, min_size=1, max_size=1)
            oban = Oban(pool=pool)
            return await each_async(
                lambda job: oban.enqueue(NOOP.new(job)),
                first, count, every_seconds=every_seconds, trace=trace,
            )  # fmt: skip

        return asyncio.run(enqueue())

    def enqueue_bulk(self, first: int, count: int) -> float:
        async def enqueue() -> float:
            pool = await Oban.create_pool(self._url, min_size=1, max_size=1)
            oban = Oban(pool=pool)
            begin = time.monotonic()
            for start in range(first, first + count, CHUNK):
                chunk = range(start, min(start + CHUNK, first + count))
                await oban.enqueue_many(NOOP.new(payload(n)) for n in chunk)
            return time.monotonic() - begin

        return asyncio.run(enqueue())

    def work(self, ready: Ready) -> None:
        async def run() -> None:
            pool = await Oban.create_pool(self._url)
            async with Oban(pool=pool, queues={QUEUE: self._limit}):
                ready()
                await asyncio.Event().wait()

        asyncio.run(run())
