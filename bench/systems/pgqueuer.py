"""PGQueuer: batched claims and batched completions over asyncpg, LISTEN/NOTIFY."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench import listening, tally
from bench.clients import post
from bench.pacing import Timed, each_async
from bench.payload import encode, payload
from bench.systems import CHUNK, QUEUE, Options, Ready

TUNED_BATCH = 1000
DEFAULT_BATCH = 10
# Its web server lists, cancels and requeues jobs; it makes none. These are its recipes for that.
WEB_WORKERS = {"flask": "gthread", "fastapi": "uvicorn_worker.UvicornWorker"}


class System:
    """Options: `web`, the framework of its web server, and `sizes` of the requests."""

    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        self._options = options
        self._batch = TUNED_BATCH if options["profile"] == "tuned" else DEFAULT_BATCH

    def install(self) -> None:
        async def install() -> None:
            await Queries(AsyncpgDriver(await asyncpg.connect(self._url))).install()

        asyncio.run(install())

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        async def enqueue() -> Timed:
            queries = Queries(AsyncpgDriver(await asyncpg.connect(self._url)))
            return await each_async(
                lambda job: queries.enqueue(QUEUE, encode(job).encode()),
                first, count, every_seconds=every_seconds, trace=trace,
            )  # fmt: skip

        return asyncio.run(enqueue())

    def enqueue_bulk(self, first: int, count: int) -> float:
        async def enqueue() -> float:
            queries = Queries(AsyncpgDriver(await asyncpg.connect(self._url)))
            begin = time.monotonic()
            for start in range(first, first + count, CHUNK):
                chunk = range(start, min(start + CHUNK, first + count))
                payloads: list[Any] = [encode(payload(n)).encode() for n in chunk]
                await queries.enqueue([QUEUE] * len(chunk), payloads, [0] * len(chunk))
            return time.monotonic() - begin

        return asyncio.run(enqueue())

    def work(self, ready: Ready) -> None:
        async def run() -> None:
            pgq = PgQueuer.from_asyncpg_connection(await asyncpg.connect(self._url))
            pgq.entrypoint(QUEUE)(_noop)
            ready()
            await pgq.run(batch_size=self._batch)

        asyncio.run(run())

    def serve(self, ready: Ready) -> None:
        web = self._options["web"]
        app = f"bench.systems.pgqueuer_{web}:create_app({self._url!r})"
        port, server = listening.start(
            lambda port: [
                sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}",
                f"--workers={listening.WORKERS}", f"--threads={listening.THREADS}",
                f"--worker-class={WEB_WORKERS[web]}", app,
            ]
        )  # fmt: skip
        ready(port=port, requests={size: _request(size) for size in self._options["sizes"]})
        server.wait()


def _request(jobs: int) -> str:
    if jobs == 1:
        return post("/jobs", {}, payload(0))
    return post("/jobs/batch", {}, [payload(n) for n in range(jobs)])


async def _noop(job: Job) -> None:
    tally.record(json.loads(job.payload or b""))
