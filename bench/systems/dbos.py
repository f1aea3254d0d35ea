"""DBOS: durable workflows on a polled queue; a job is a workflow without steps."""

from __future__ import annotations

import threading
import time

import sqlalchemy
from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions
from sqlalchemy.engine import make_url

from bench import tally
from bench.pacing import Timed, each
from bench.payload import payload
from bench.systems import QUEUE, Options, Ready

CHUNK = 1_000
APPLICATION = "bench"
VERSION = "1"
TUNED = {"worker_concurrency": 100, "polling_interval_sec": 0.05}
DEFAULT = {"worker_concurrency": 10}
ENQUEUE: EnqueueOptions = {"workflow_name": "noop", "queue_name": QUEUE, "app_version": VERSION}


@DBOS.workflow(name="noop")
def noop(n: int, trace: bool, text: str) -> dict[str, bool]:
    tally.record({"n": n, "trace": trace})
    return {"ok": True}


class System:
    def __init__(self, url: str, options: Options) -> None:
        self._url = url
        self._queue = TUNED if options["profile"] == "tuned" else DEFAULT

    def install(self) -> None:
        self._launch()
        DBOS.register_queue(QUEUE, **self._queue)
        DBOS.destroy()

    def enqueue_singly(
        self, first: int, count: int, *, every_seconds: float = 0, trace: bool = False
    ) -> Timed:
        client = self._client()
        return each(
            lambda job: client.enqueue(ENQUEUE, **job),
            first, count, every_seconds=every_seconds, trace=trace,
        )  # fmt: skip

    def enqueue_bulk(self, first: int, count: int) -> float:
        client = self._client()
        url = make_url(self._url).set(drivername="postgresql+psycopg")
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            begin = time.monotonic()
            for start in range(first, first + count, CHUNK):
                for n in range(start, min(start + CHUNK, first + count)):
                    client.enqueue_in_transaction(connection, ENQUEUE, **payload(n))
                connection.commit()
            return time.monotonic() - begin

    def work(self, ready: Ready) -> None:
        # Before the launch: the first poll would otherwise go by what the last worker registered.
        self._client().register_queue(QUEUE, **self._queue)
        self._launch()
        ready()
        threading.Event().wait()

    def _launch(self) -> None:
        config: DBOSConfig = {
            "name": APPLICATION,
            "application_version": VERSION,
            "system_database_url": self._url,
            "log_level": "WARNING",
        }
        DBOS(config=config)
        DBOS.launch()

    def _client(self) -> DBOSClient:
        return DBOSClient(system_database_url=self._url, application_name=APPLICATION)
