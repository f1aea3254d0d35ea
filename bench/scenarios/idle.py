"""4. What does a worker cost that has nothing to do?

All of them idle side by side, each with a database of its own, as shipped. What ours does too
seldom for the time of the measurement, a pass of the retention every four hours, is done before it
begins and added to the day by calculation.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from bench import counters, tally
from bench.contenders import OURS, Contender, default
from bench.drains import ready, working
from bench.figures import DAY_SECONDS, per_day
from bench.remote import Remote
from bench.server import Database
from bench.session import FAILURES, Case, Run, Session, failed, named
from worker.sweeper import PASS_SECONDS

_SWEPT = {"RETENTION_FIRST_PASS_SECONDS": "0"}


@dataclass(frozen=True, slots=True)
class Idler:
    """One idle worker and its database."""

    contender: Contender
    database: Database
    worker: Remote


@dataclass(frozen=True, slots=True)
class Reading:
    """What an idle worker had cost at one moment."""

    statements: int
    connections: int
    server_cpu_seconds: float
    worker_cpu_seconds: float


def measure(session: Session) -> list[Run]:
    """Start an idle worker of every contender, and see what each does in the same time."""
    own = [default(session.system(OURS), variables=_SWEPT)] if session.has(OURS) else []
    chosen = [*own, *(default(system) for system in session.peers)]
    tally.clear()
    with contextlib.ExitStack() as stack:
        idlers, left_out = [], []
        for contender in chosen:
            try:
                idlers.append(_start(session, contender, stack))
            except FAILURES as error:
                left_out.append(failed(Case(contender), error))
        session.say(f"  idle for {session.sizes.idle_seconds:.0f} s")
        time.sleep(session.sizes.settle_seconds)
        before = [_read(session, idler) for idler in idlers]
        begin = time.monotonic()
        time.sleep(session.sizes.idle_seconds)
        seconds = time.monotonic() - begin
        after = [_read(session, idler) for idler in idlers]
    measured = zip(idlers, before, after, strict=True)
    return [
        *(named(Case(i.contender)) | _spent(i, b, a, seconds) for i, b, a in measured),
        *left_out,
    ]


def _start(session: Session, contender: Contender, stack: contextlib.ExitStack) -> Idler:
    database = stack.enter_context(session.database(contender.system))
    workers = stack.enter_context(working(session, contender, database))
    ready(workers)
    return Idler(contender, database, workers[0])


def _read(session: Session, idler: Idler) -> Reading:
    observer = session.server.observer
    backends = counters.backends(observer, idler.database)
    tree = [idler.worker.pid, *_descendants(idler.worker.pid)]
    return Reading(
        counters.statements(observer, idler.database),
        len(backends),
        sum(_cpu_seconds(pid) for pid in backends),
        sum(_cpu_seconds(pid) for pid in tree),
    )


def _spent(idler: Idler, before: Reading, after: Reading, seconds: float) -> Run:
    statements = after.statements - before.statements
    seldom = DAY_SECONDS / PASS_SECONDS if idler.contender.system.name == OURS else 0.0
    return {
        "seconds": round(seconds, 1),
        "statements": statements,
        "statements_per_day": per_day(statements, seconds) + seldom,
        "connections": after.connections,
        "server_cpu_seconds": round(after.server_cpu_seconds - before.server_cpu_seconds, 2),
        "worker_cpu_seconds": round(after.worker_cpu_seconds - before.worker_cpu_seconds, 2),
    }


def _descendants(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def _cpu_seconds(pid: int) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        spent = psutil.Process(pid).cpu_times()
        return float(spent.user + spent.system)
    return 0.0
