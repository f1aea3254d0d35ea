"""Chancy: batched claims, outcomes written once a second, LISTEN/NOTIFY."""

from __future__ import annotations

import asyncio
import logging
import time

from chancy import Chancy, Job, Queue, Worker

from bench import tally
from bench.pacing import Timed, each
from bench.payload import payload
from bench.systems import QUEUE, Options, Ready

TUNED = {"concurrency": 1000, "eager_polling": True}
DEFAULT = {"concurrency": 10, "eager_polling": False}


async def noop(n: int, trace: bool, text: str) -> None:
    tally.record({"n": n, "trace": trace})


class System:
    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        chosen = TUNED if options["profile"] == "tuned" else DEFAULT
        self._queue = Queue(name=QUEUE, executor=Chancy.Executor.Async, **chosen)
        self._job = Job.from_func(noop, queue=QUEUE)

    def install(self) -> None:
        async def run() -> None:
            async with Chancy(self._url, log=_quiet()) as chancy:
                await chancy.migrate()

        asyncio.run(run())

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        with Chancy(self._url, max_connection_pool_size=1, log=_quiet()) as chancy:
            return each(
                lambda job: chancy.sync_push(self._job.with_kwargs(**job)),
                first, count, every_seconds=every_seconds, trace=trace,
            )  # fmt: skip

    def enqueue_bulk(self, first: int, count: int) -> float:
        with Chancy(self._url, max_connection_pool_size=1, log=_quiet()) as chancy:
            begin = time.monotonic()
            jobs = [self._job.with_kwargs(**payload(n)) for n in range(first, first + count)]
            for _ in chancy.sync_push_many(jobs):
                pass
            return time.monotonic() - begin

    def work(self, ready: Ready) -> None:
        async def run() -> None:
            async with Chancy(self._url, log=_quiet()) as chancy:
                await chancy.declare(self._queue, upsert=True)
                async with Worker(chancy, register_signal_handlers=False) as worker:
                    ready()
                    await worker.wait_for_shutdown()

        asyncio.run(run())


def _quiet() -> logging.Logger:
    log = logging.getLogger("chancy")
    log.setLevel(logging.WARNING)
    return log
