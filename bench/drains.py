"""Workers that empty a queue, and the time it takes them: what several scenarios measure."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg

from bench import tally
from bench.contenders import Contender
from bench.counters import backends
from bench.figures import rate
from bench.remote import AdapterFailed, Remote, wait_until
from bench.server import Database
from bench.session import Session

READY_SECONDS = 60.0
_NEAR, _CALM_SECONDS, _CLOSE_SECONDS = 0.9, 0.02, 0.002
_SLOWEST_RATE = 20  # jobs a second; who is slower than this is given up


@dataclass(frozen=True, slots=True)
class Drained:
    """A drain: its rate from the first handler's start, and from the start of the processes.

    `runs` counts handlers: more than `jobs` are jobs that ran twice.
    """

    jobs: int
    runs: int
    jobs_per_second: float
    with_boot_per_second: float


def load(session: Session, contender: Contender, database: Database, jobs: int) -> None:
    """Queue jobs, and leave the server as a running one would be: analysed, at a checkpoint."""
    with session.adapter(contender, database) as producer:
        producer.call("enqueue_bulk", first=0, count=jobs, timeout_seconds=_patience(jobs))
    analyse(session, database)


def analyse(session: Session, database: Database) -> None:
    """Vacuum and analyse, as autovacuum would have by the time that a table is this full."""
    with psycopg.connect(database.observer_url, autocommit=True) as observer:
        observer.execute("vacuum (analyze)")
    session.server.settle()


@contextlib.contextmanager
def working(
    session: Session, contender: Contender, database: Database, *, workers: int = 1
) -> Iterator[list[Remote]]:
    """Start workers at once and wait for none of them; they end with the block."""
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(session.adapter(contender, database)) for _ in range(workers)
        ]
        for worker in started:
            worker.begin("work")
        yield started


def ready(workers: list[Remote]) -> dict[str, Any]:
    """Wait for the workers, and return what the first of them told."""
    told = [worker.result(timeout_seconds=READY_SECONDS) for worker in workers]
    return dict(told[0] or {})


def drain(
    session: Session, contender: Contender, database: Database, *, workers: int, jobs: int
) -> Drained:
    """Have workers run all queued jobs; the last completion is seen in the database."""
    tally.clear()
    booted_ns = time.monotonic_ns()
    with working(session, contender, database, workers=workers) as started:
        wait_for_runs(started, jobs)
        ended_ns = _wait_for_finished(contender, database, jobs)
        counted = tally.read()
    observer = session.server.observer
    # A backend adds what it did to the counters of its tables when it ends.
    wait_until(
        lambda: not backends(observer, database), seconds=READY_SECONDS, what="the backends' end"
    )
    return Drained(
        jobs,
        counted.runs,
        rate(jobs, counted.first_start_ns or booted_ns, ended_ns),
        rate(jobs, booted_ns, ended_ns),
    )


def wait_for_runs(workers: list[Remote], runs: int) -> None:
    """Wait until handlers ran that often, without a statement to the database."""

    def reached(wanted: float) -> bool:
        for worker in workers:
            worker.check()
        return tally.read().runs >= wanted

    # The bench shares the cores with what it measures: it looks often only when the end is near.
    for wanted, every in ((_NEAR * runs, _CALM_SECONDS), (runs, _CLOSE_SECONDS)):
        wait_until(
            partial(reached, wanted), seconds=_patience(runs), every=every, what=f"{runs:,} runs"
        )


def _wait_for_finished(contender: Contender, database: Database, jobs: int) -> int:
    """Wait until the database says that all jobs are done; return when."""
    with psycopg.connect(database.observer_url, autocommit=True) as observer:
        deadline = time.monotonic() + _patience(jobs)
        while time.monotonic() < deadline:
            row = observer.execute(contender.system.finished.encode()).fetchone()
            now_ns = time.monotonic_ns()
            if row is not None and row[0] >= jobs:
                return now_ns
            time.sleep(0.002)
    raise AdapterFailed(f"{contender.label}: handlers ran, but {jobs:,} jobs were not recorded")


def _patience(jobs: int) -> float:
    return READY_SECONDS + jobs / _SLOWEST_RATE
