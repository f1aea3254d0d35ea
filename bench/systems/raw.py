"""The raw SQL limit as a system: what is left when there is no runner and there are no handlers."""

from __future__ import annotations

import time

from app.db.connection import connect
from app.db.migrate import upgrade
from bench import raw
from bench.job_types import ALLOWLIST, JOB_TYPES
from bench.pacing import Timed, each
from bench.payload import encode, payload
from bench.systems import QUEUE, Options, Ready
from worker.orders import MOST_PER_CLAIM

JOB_TYPE = JOB_TYPES["thread"]
CHUNK = 20_000
IDLE_SECONDS = 0.004
INSERT = "insert into ops_jobs (job_type, queue, payload) values (%s, %s, %s)"


class System:
    """Options: `batch`, the claims of one statement; `queue` and `job_types` of a bulk load."""

    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        self._batch = options.get("batch", MOST_PER_CLAIM)
        self._queue = options.get("queue", QUEUE)
        self._job_types = options.get("job_types", [JOB_TYPE])

    def install(self) -> None:
        upgrade(self._url, features=())

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        with connect(self._url) as connection:
            return each(
                lambda job: connection.execute(INSERT, [JOB_TYPE, QUEUE, encode(job)]),
                first, count, every_seconds=every_seconds, trace=trace,
            )  # fmt: skip

    def enqueue_bulk(self, first: int, count: int) -> float:
        with connect(self._url) as connection:
            begin = time.monotonic()
            for start in range(first, first + count, CHUNK):
                numbers = range(start, min(start + CHUNK, first + count))
                raw.copy_jobs(connection, (self._row(n) for n in numbers))
            return time.monotonic() - begin

    def work(self, ready: Ready) -> None:
        loop = raw.open_loop(self._url, allowlist=ALLOWLIST, batch=self._batch)
        ready()
        raw.work(loop, idle_seconds=IDLE_SECONDS)

    def _row(self, n: int) -> tuple[str, str, str]:
        return self._job_types[n % len(self._job_types)], self._queue, encode(payload(n))
