"""Awa: append-only rings of partitions and a Rust engine under Python handlers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from awa import AsyncClient, Client

from bench import tally
from bench.pacing import Timed, each
from bench.payload import payload
from bench.systems import CHUNK, QUEUE, Options, Ready

TUNED_WORKERS = 256
DEFAULT_WORKERS = 10


@dataclass
class Noop:
    n: int
    trace: bool
    text: str


class System:
    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        self._workers = TUNED_WORKERS if options["profile"] == "tuned" else DEFAULT_WORKERS

    def install(self) -> None:
        with Client(self._url) as client:
            client.migrate()
            # The storage of its documentation and figures; migrate alone leaves the older one.
            client.install_queue_storage()

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        with Client(self._url, max_connections=1) as client:
            return each(
                lambda job: client.insert(Noop(**job), queue=QUEUE),
                first, count, every_seconds=every_seconds, trace=trace,
            )  # fmt: skip

    def enqueue_bulk(self, first: int, count: int) -> float:
        with Client(self._url, max_connections=1) as client:
            begin = time.monotonic()
            for start in range(first, first + count, CHUNK):
                chunk = range(start, min(start + CHUNK, first + count))
                client.enqueue_many_copy([Noop(**payload(n)) for n in chunk], queue=QUEUE)
            return time.monotonic() - begin

    def work(self, ready: Ready) -> None:
        async def run() -> None:
            client = AsyncClient(self._url)
            client.task(Noop, queue=QUEUE)(_noop)
            await client.start([(QUEUE, self._workers)])
            ready()
            await asyncio.Event().wait()

        asyncio.run(run())


async def _noop(job: Any) -> None:
    tally.record({"n": job.args.n, "trace": job.args.trace})
